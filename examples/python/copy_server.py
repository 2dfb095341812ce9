"""
A shop that gives copies of its orders, and takes copies of addresses: copy_server.ts in Python.

    python3 examples/python/copy_server.py --port 8787
"""

import place
from twisted.spread import pb


class Order(pb.Copyable):
    """An order, which travels without what the shop has paid."""

    def __init__(self, id, price, cost, items):
        self.id, self.price, self.cost, self.items = id, price, cost, items

    def getTypeToCopy(self):
        return b"shop.Order"

    def getStateToCopy(self):
        return {"id": self.id, "price": self.price, "items": self.items}


class Address(pb.RemoteCopy):
    """What a customer's address arrives as."""


class Shop(pb.Root):
    order = Order(7, 17.5, 9, {"tea": 2, "cup": 1})

    def remote_order(self, id):
        if id != self.order.id:
            raise pb.Error(f"There is no order {id}")
        return self.order

    def remote_ship(self, order, to):
        profit = self.order.price - self.order.cost
        return f"Order {order} goes to {to.street}, {to.city}, with a profit of {profit}"


pb.setUnjellyableForClass("shop.Address", Address)

if __name__ == "__main__":
    place.serve(pb.PBServerFactory(Shop()), __doc__)

"""
Gets a copy of an order, and sends a copy of an address: copy_client.ts in Python.

    python3 examples/python/copy_client.py --port 8787
"""

import place
from twisted.spread import pb


class OrderCopy(pb.RemoteCopy):
    """What the shop's orders arrive as."""

    def __str__(self):
        items = ", ".join(f"{count} {name}" for name, count in self.items.items())
        return f"Order {self.id}: {items} for {self.price}"


class Address(pb.Copyable):
    """An address to send."""

    def __init__(self, street, city):
        self.street, self.city = street, city

    def getTypeToCopy(self):
        return b"shop.Address"


pb.setUnjellyableForClass("shop.Order", OrderCopy)


async def main(connect):
    factory = pb.PBClientFactory()
    await connect(factory)
    root = await factory.getRootObject()
    order = await root.callRemote("order", 7)
    print(order)
    print(await root.callRemote("ship", order.id, Address("1 Main Street", "Berlin")))
    try:
        await root.callRemote("order", 8)
    except pb.RemoteError as error:
        print(error)
    factory.disconnect()


if __name__ == "__main__":
    place.run(main, __doc__)

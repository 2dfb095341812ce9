"""
A PB server with objects of each flavor, shared by all its connections.

    python3 flavors_server.py --port 8787
"""

import gc

import twin
from flavors import Document, Ledger, Point, Secret
from objects import Counter
from twisted.spread import pb
from zope.interface import implementer


class Flavors(pb.Referenceable):
    """The root object of one connection."""

    def __init__(self, broker, shared):
        self.broker, self.shared, self.kept = broker, shared, []

    def remote_counts(self):
        """How many objects this end holds for the connection, by table."""
        gc.collect()
        broker = self.broker
        return {
            "local": len(broker.localObjects),
            "cached": len(broker.remotelyCachedObjects),
            "caches": len(broker.locallyCachedObjects),
        }

    def remote_echo(self, x):
        return x

    def remote_move(self, point, x, y):
        return Point(point.x + x, point.y + y)

    def remote_circle(self):
        point = Point()
        point.x, point.y = point, [point]
        return point

    def remote_secret(self):
        return Secret()

    def remote_ledger(self):
        return self.shared["ledger"]

    def remote_ledgerAdd(self, entry):
        self.shared["ledger"].add(entry)

    def remote_isLedger(self, x):
        return x is self.shared["ledger"]

    def remote_observers(self):
        return len(self.shared["ledger"].observers)

    def remote_newLedgers(self, count):
        return [Ledger() for _ in range(count)]

    def remote_newCounters(self, count):
        return [Counter(n) for n in range(count)]

    def remote_document(self):
        return self.shared["document"]

    def remote_update(self, changes):
        self.shared["document"].update(changes)

    def remote_remove(self, names):
        self.shared["document"].remove(names)

    def remote_keep(self, *things):
        """Keeps what the client sends."""
        self.kept.extend(things)

    def remote_kept(self):
        """The kept objects that have fields."""
        return [thing.fields() for thing in self.kept]

    def remote_backHome(self):
        return self.kept

    def remote_letGo(self, count):
        """Drops the first objects that were kept."""
        del self.kept[:count]
        gc.collect()


@implementer(pb.IPBRoot)
class Roots:
    """Gives each connection a root object of its own."""

    def __init__(self):
        self.shared = {"ledger": Ledger(), "document": Document()}

    def rootObject(self, broker):
        return Flavors(broker, self.shared)


if __name__ == "__main__":
    args = twin.options(__doc__).parse_args()
    twin.listen(pb.PBServerFactory(Roots()), args)

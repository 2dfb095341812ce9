"""
Objects of each flavor that the Python twins offer and receive.
"""

from objects import Ledger, LedgerCache, Point  # noqa: F401
from twisted.spread import pb


class Secret(pb.Copyable):
    """A copy that shows each user a different state."""

    def getTypeToCopy(self):
        return b"interop.Secret"

    def getStateToCopyFor(self, perspective):
        return {"seenBy": getattr(perspective, "name", None)}


class Document(pb.Cacheable):
    """Tells its caches of fields that are set and deleted, as a live object of ours does."""

    def __init__(self):
        # Keyed by connection, as Python 3 cannot compare the observers of two connections.
        self.fields, self.observers = {"title": "Draft", "lines": []}, {}

    def getTypeToCopy(self):
        return b"interop.Document"

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers[observer.broker] = observer
        return dict(self.fields)

    def stoppedObserving(self, perspective, observer):
        del self.observers[observer.broker]

    def update(self, changes):
        self.fields.update(changes)
        for observer in self.observers.values():
            observer.callRemote("update", changes)

    def remove(self, names):
        for name in names:
            del self.fields[name]
        for observer in self.observers.values():
            observer.callRemote("remove", names)


class DocumentCache(pb.RemoteCache):
    """Follows a live object."""

    def observe_update(self, changes):
        self.__dict__.update(changes)

    def observe_remove(self, names):
        for name in names:
            del self.__dict__[name]

    def fields(self):
        return {k: v for k, v in sorted(self.__dict__.items()) if k not in ("broker", "luid")}


pb.setUnjellyableForClass("interop.Document", DocumentCache)

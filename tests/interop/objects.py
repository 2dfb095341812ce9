"""
Objects that the Python twins offer, by each rule of PB: reference, copy, and cache.
"""

from twisted.spread import pb, publish


class AppError(pb.Error):
    """An error of the program; its tag is interop.AppError."""


AppError.__module__ = "interop"


class OutOfStock(pb.Error, pb.Copyable, pb.RemoteCopy):
    """An error that travels as an object, under the tag interop.OutOfStock in both directions."""

    def __init__(self, left=0):
        self.left = left

    def getTypeToCopy(self):
        return b"interop.OutOfStock"

    def __str__(self):
        return f"{self.left} left"


class Counter(pb.Referenceable):
    """An object that is sent by reference, and can be called back."""

    def __init__(self, count=0):
        self.count = count
        self.calls = []

    def remote_called(self, *args, **kw):
        self.calls.append([list(args), kw])
        return list(args)

    def remote_add(self, n):
        self.count += n
        return self.count

    def remote_fail(self, text):
        raise AppError(text)


class Point(pb.Copyable, pb.RemoteCopy):
    """A copy, under the tag interop.Point in both directions."""

    def __init__(self, x=0, y=0):
        self.x, self.y = x, y

    def getTypeToCopy(self):
        return b"interop.Point"

    def __repr__(self):
        return f"Point({self.x!r}, {self.y!r})"


class Ledger(pb.Cacheable):
    """Entries that every observer sees, under the tag interop.Ledger."""

    def __init__(self):
        self.entries, self.observers = [], []

    def getTypeToCopy(self):
        return b"interop.Ledger"

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append(observer)
        return {"entries": list(self.entries)}

    def stoppedObserving(self, perspective, observer):
        self.observers.remove(observer)

    def add(self, entry):
        self.entries.append(entry)
        for observer in self.observers:
            observer.callRemote("added", entry)


class LedgerCache(pb.RemoteCache):
    """The view of a Ledger at the other end."""

    def observe_added(self, entry):
        self.entries.append(entry)


class Report(publish.Publishable):
    """A state that clients keep, under the tag interop.Report."""

    def __init__(self, publishedID, text):
        self.text, self.fetched = text, 0
        publish.Publishable.__init__(self, publishedID)

    def getTypeToCopy(self):
        return b"interop.Report"

    def getStateToPublish(self):
        self.fetched += 1
        return {"text": self.text}


class RemoteReport(publish.RemotePublished):
    """The view of a Report at the other end; its file is in the current directory."""


pb.setUnjellyableForClass("interop.OutOfStock", OutOfStock)
pb.setUnjellyableForClass("interop.Point", Point)
pb.setUnjellyableForClass("interop.Ledger", LedgerCache)
pb.setUnjellyableForClass("interop.Report", RemoteReport)

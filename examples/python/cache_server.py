"""
A document that its viewers see change: cache_server.ts in Python.

    python3 examples/python/cache_server.py --port 8787
"""

import place
from twisted.spread import pb


class Document(pb.Cacheable):
    """A document that tells its caches of each change."""

    def __init__(self):
        # By connection, as Python 3 cannot compare observers of different connections.
        self.fields, self.observers = {"title": "Untitled", "lines": []}, {}

    def getTypeToCopy(self):
        return b"wiki.Document"

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers[observer.broker] = observer
        return dict(self.fields)

    def stoppedObserving(self, perspective, observer):
        del self.observers[observer.broker]

    def update(self, **changes):
        self.fields.update(changes)
        for observer in self.observers.values():
            observer.callRemote("update", changes, pbanswer=False)


class Wiki(pb.Root):
    document = Document()

    def remote_document(self):
        return self.document

    def remote_rename(self, title):
        self.document.update(title=title)

    def remote_write(self, line):
        self.document.update(lines=[*self.document.fields["lines"], line])


if __name__ == "__main__":
    place.serve(pb.PBServerFactory(Wiki()), __doc__)

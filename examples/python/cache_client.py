"""
Two viewers of one document: cache_client.ts in Python.

    python3 examples/python/cache_client.py --port 8787
"""

import place
from twisted.internet import defer
from twisted.spread import pb


class DocumentCache(pb.RemoteCache):
    """What the document arrives as."""

    def observe_update(self, changes):
        self.__dict__.update(changes)
        waiting, self.__dict__["waiting"] = self.__dict__.get("waiting", []), []
        for changed in waiting:
            changed.callback(None)

    def observe_remove(self, names):
        for name in names:
            del self.__dict__[name]

    def change(self):
        """Fires when the document has changed."""
        changed = defer.Deferred()
        self.__dict__.setdefault("waiting", []).append(changed)
        return changed

    def __str__(self):
        return f"{self.title}: {' '.join(self.lines)}"


pb.setUnjellyableForClass("wiki.Document", DocumentCache)

# What the viewers write.
POEM = ["Roses are red.", "Violets too."]


class Viewer:
    """A viewer, with a connection and a cache of the server's document."""

    def __init__(self, name):
        self.name, self.factory = name, pb.PBClientFactory()

    async def arrive(self, connect):
        await connect(self.factory)
        self.root = await self.factory.getRootObject()
        self.document = await self.root.callRemote("document")

    async def change(self, method, text):
        print(f"{self.name} says {method}: {text}")
        await self.root.callRemote(method, text)

    async def seesOnce(self, condition):
        while not condition(self.document):
            await self.document.change()
        print(f"{self.name} sees {self.document}")

    def leave(self):
        """Releases the document, so that the server sends no more changes."""
        print(f"{self.name} leaves")
        self.document = None


async def main(connect):
    ada, bob = Viewer("Ada"), Viewer("Bob")
    for viewer in ada, bob:
        await viewer.arrive(connect)
    await ada.change("rename", "A poem")
    await bob.change("write", POEM[0])
    for viewer in ada, bob:
        await viewer.seesOnce(lambda seen: seen.title == "A poem" and seen.lines[-1:] == POEM[:1])
    bob.leave()
    await ada.change("write", POEM[1])
    await ada.seesOnce(lambda seen: seen.lines[-1] == POEM[1])
    for viewer in ada, bob:
        viewer.factory.disconnect()


if __name__ == "__main__":
    place.run(main, __doc__)

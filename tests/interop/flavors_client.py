"""
A PB client that fetches objects of each flavor, follows their changes, and prints what it saw.

    python3 flavors_client.py --port 8787
"""

import gc

import twin
from flavors import Point
from twisted.internet import defer
from twisted.spread import pb


def counts(broker):
    gc.collect()
    return {
        "local": len(broker.localObjects),
        "cached": len(broker.remotelyCachedObjects),
        "caches": len(broker.locallyCachedObjects),
    }


async def copies(root):
    point = await root.callRemote("move", Point(1, 2), 10, 20)
    circle = await root.callRemote("circle")
    # Twisted leaves a copy that is a field of itself unresolved.
    twin.say(copies=[repr(point), circle.y[0] is circle])


async def caches(root):
    first = await root.callRemote("ledger")
    second = await root.callRemote("ledger")
    await root.callRemote("add", "one")
    twin.say(entries=[first.entries, second.entries], home=await root.callRemote("isLedger", first))
    # The last reference is dropped while a new one is on its way.
    again = root.callRemote("ledger")
    del first, second
    gc.collect()
    third = await again
    await root.callRemote("add", "two")
    await root.callRemote("echo", None)
    twin.say(entries=third.entries, observers=await root.callRemote("observers"))
    del third
    gc.collect()
    await root.callRemote("echo", None)
    twin.say(observers=await root.callRemote("observers"), counts=counts(root.broker))


async def live(root):
    document = await root.callRemote("document")
    twin.say(fields=document.fields())
    await root.callRemote("set", {"title": "Report", "lines": [1, (2, b"3")]})
    await root.callRemote("echo", None)
    twin.say(fields=repr(document.fields()))
    await root.callRemote("remove", ["lines"])
    await root.callRemote("echo", None)
    twin.say(fields=document.fields())


async def references(root):
    """Sends and receives many objects, none of which may be left."""
    for _ in range(10):
        things = await root.callRemote("newCounters", 500)
        assert await things[499].callRemote("add", 1) == 500
        del things
        gc.collect()
        await root.callRemote("keep", [pb.Referenceable() for _ in range(500)])
        await root.callRemote("letGo")
    await root.callRemote("echo", None)
    twin.say(references=await root.callRemote("counts"), counts=counts(root.broker))


async def main():
    factory = pb.PBClientFactory()
    await twin.connect(factory, args)
    root = await factory.getRootObject()
    for part in copies, caches, live, references:
        await part(root)
    lost = defer.Deferred()
    root.notifyOnDisconnect(lost.callback)
    factory.disconnect()
    await lost


if __name__ == "__main__":
    args = twin.options(__doc__).parse_args()
    twin.run(main)

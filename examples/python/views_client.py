"""
Two guests and one book, which they see with their own eyes: views_client.ts in Python.

    python3 examples/python/views_client.py --port 8787
"""

import json

import place
from twisted.cred.credentials import UsernamePassword
from twisted.spread import pb


async def bookOf(name, connect):
    """Logs in, and returns the guest's view of the book."""
    factory = pb.PBClientFactory()
    await connect(factory)
    guest = await factory.login(UsernamePassword(name, b"secret"))
    return factory, await guest.callRemote("book")


def shown(notes):
    return f"[ {', '.join(json.dumps(note) for note in notes)} ]"


async def main(connect):
    aliceFactory, alice = await bookOf(b"alice", connect)
    bobFactory, bob = await bookOf(b"bob", connect)
    await alice.callRemote("write", "A lovely house!")
    note = await bob.callRemote("write", "The tea is cold.")
    print("alice reads", shown(await alice.callRemote("read")))
    print("bob reads", shown(await bob.callRemote("read")))
    try:
        await alice.callRemote("erase", note)
    except pb.RemoteError as error:
        print("alice cannot erase:", error)
    await bob.callRemote("erase", note)
    print("bob reads", shown(await bob.callRemote("read")))
    aliceFactory.disconnect()
    bobFactory.disconnect()


if __name__ == "__main__":
    place.run(main, __doc__)

"""The chat in a terminal, with stock Twisted.

    python3 examples/chat_client.py --user bob --password tea

Each line that is typed is said in the room; "/quit" or the end of the input leaves it.
"""

import argparse
from datetime import datetime

from twisted.cred.credentials import UsernamePassword
from twisted.internet import defer, endpoints, stdio, task
from twisted.protocols.basic import LineOnlyReceiver
from twisted.spread import pb


def show(text):
    """Prints a line at once."""
    # What others say must not be able to move the cursor, or worse.
    print("".join(c if c.isprintable() else " " for c in text), flush=True)


class Screen(pb.Referenceable):
    """The object that the server calls with what is said."""

    def remote_said(self, room, lines):
        for line in lines:
            time = datetime.fromtimestamp(line["at"] / 1000)
            show(f"{time:%H:%M} {line['who']}: {line['text']}")


class PeopleCache(pb.RemoteCache):
    """Who is in the room: the server keeps it up to date."""

    def observe_update(self, changes):
        old = set(self.names)
        self.__dict__.update(changes)
        for name in self.names:
            if name not in old:
                show(f"* {name} has come")
        for name in sorted(old.difference(self.names)):
            show(f"* {name} has left")

    def observe_remove(self, names):
        for name in names:
            del self.__dict__[name]


pb.setUnjellyableForClass("chat.People", PeopleCache)


class Keyboard(LineOnlyReceiver):
    """Says what is typed."""

    delimiter = b"\n"

    def __init__(self, room, finished):
        self.room = room
        self.finished = finished
        self.saying = defer.succeed(None)

    def lineReceived(self, line):
        text = line.decode("utf-8", "replace").rstrip("\r")
        if text == "/quit":
            self.transport.loseConnection()
        elif text.strip():
            self.saying = self.room.callRemote("say", text)
            self.saying.addErrback(lambda failure: show(f"! {failure.getErrorMessage()}"))

    def connectionLost(self, reason):
        # The last line has to arrive before the connection is closed.
        self.saying.addBoth(lambda _: self.finished.callback(None))


async def main(reactor, options):
    factory = pb.PBClientFactory()
    endpoint = endpoints.TCP4ClientEndpoint(reactor, options.host, options.port)
    credentials = UsernamePassword(options.user.encode(), options.password.encode())
    try:
        await endpoint.connect(factory)
        member = await factory.login(credentials, Screen())
    except Exception as error:
        raise SystemExit(str(error))
    lost = defer.Deferred()
    member.notifyOnDisconnect(lambda _: lost.callback("Connection lost"))
    seat = await member.callRemote("join", options.room)
    show(f"* connected; here: {', '.join(seat['people'].names)}")
    finished = defer.Deferred()
    stdio.StandardIO(Keyboard(seat["room"], finished))
    problem, _ = await defer.DeferredList([lost, finished], fireOnOneCallback=True)
    if problem:
        raise SystemExit(problem)
    factory.disconnect()
    await lost


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The chat in a terminal.")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8787)
    parser.add_argument("--room", default="lobby")
    options = parser.parse_args()
    task.react(lambda reactor: defer.ensureDeferred(main(reactor, options)))

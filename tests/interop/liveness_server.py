"""
A PB server whose root tells what the server has logged, and what it keeps for a connection.

    python3 liveness_server.py --port 8787
"""

import twin
from twisted.internet import reactor
from twisted.python import log
from twisted.spread import pb
from zope.interface import implementer

TABLES = (
    "localObjects",
    "luids",
    "waitingForAnswers",
    "remotelyCachedObjects",
    "locallyCachedObjects",
    "_localCleanup",
    "disconnects",
)


class Patient(pb.Referenceable):
    """The root object of one connection."""

    def __init__(self, broker, logged):
        self.broker, self.logged = broker, logged

    def remote_echo(self, x):
        return x

    def remote_logged(self):
        """What was logged since the server listens."""
        return [log.textFromEventDict(event) or "" for event in self.logged]

    def remote_kept(self):
        """How many things are kept for this connection, by the table that they are in."""
        return {name: len(getattr(self.broker, name)) for name in TABLES}


@implementer(pb.IPBRoot)
class Roots:
    """Gives each connection a root object of its own."""

    def __init__(self):
        self.logged = []
        # Only after startup, so that the message about the open port is not recorded.
        reactor.callLater(0, log.addObserver, self.logged.append)

    def rootObject(self, broker):
        return Patient(broker, self.logged)


if __name__ == "__main__":
    twin.listen(pb.PBServerFactory(Roots()), twin.options(__doc__).parse_args())

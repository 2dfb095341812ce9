"""
A Twisted client and a Twisted server in one process, with everything they say written down.
"""

import gc
import re

from forms import decode, hex_form, sexp_form
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.spread import pb


class Transport:
    """One end of the wire: what is written goes to the record, and waits for the other end."""

    disconnecting = False

    def __init__(self, side, log):
        self.side, self.log = side, log
        self.queue, self.producer = [], None

    def write(self, data):
        [sexp] = decode(data, "pb")
        self.log.append({"from": self.side, "wire": hex_form(data), "sexp": sexp_form(sexp)})
        self.queue.append(data)

    def loseConnection(self, reason="asked to"):
        if not self.disconnecting:
            self.disconnecting = True
            self.log.append({"from": self.side, "closed": reason})

    def registerProducer(self, producer, streaming):
        """As twisted.internet.abstract does: who is not streaming is asked at once."""
        self.producer = producer
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self):
        self.producer = None


class Conversation:
    """A client and a server that talk when they are told to, in an order that is always the same."""

    def __init__(self, root, client=pb.Broker, unsafeTracebacks=False):
        self.log, self.results, self.open = [], [], True
        serverFactory = pb.PBServerFactory(root, unsafeTracebacks=unsafeTracebacks)
        self.clientFactory = pb.PBClientFactory(unsafeTracebacks=unsafeTracebacks)
        self.clientFactory.protocol = client
        self.server = serverFactory.buildProtocol(None)
        self.client = self.clientFactory.buildProtocol(None)
        self.ends = [
            (self.server, Transport("server", self.log), self.client),
            (self.client, Transport("client", self.log), self.server),
        ]
        for broker, transport, _ in self.ends:
            broker.makeConnection(transport)
        self.pump()

    @property
    def root(self):
        return self.clientFactory._root

    def pump(self):
        """Carries bytes to and fro until both ends are silent, or one has closed the connection."""
        busy = True
        while busy and self.open:
            busy = False
            for _, transport, receiver in self.ends:
                if transport.producer:
                    transport.producer.resumeProducing()
                    busy = True
                while transport.queue and self.open:
                    self.deliver(transport.queue.pop(0), receiver)
                    busy = True

    def deliver(self, data, receiver):
        """Gives bytes to one end; as in a real connection, an exception there closes it."""
        try:
            receiver.dataReceived(data)
        except Exception as error:
            receiver.transport.loseConnection(f"{type(error).__name__}: {error}")
        if receiver.transport.disconnecting:
            self.close()

    def close(self):
        self.open = False
        for broker, _, _ in self.ends:
            broker.connectionLost(Failure(ConnectionDone()))

    def wait(self, deferred):
        """Waits for an answer; gives it, or the failure, and notes which."""
        if not isinstance(deferred, Deferred):
            self.pump()
            return None
        found = []
        deferred.addBoth(found.append)
        self.pump()
        if not found:
            self.results.append("no answer")
            return None
        if isinstance(found[0], Failure):
            failure = found[0]
            kind = failure.type if isinstance(failure.type, bytes) else failure.type.__name__
            self.results.append(f"{kind}: {failure.getErrorMessage()}")
            return None
        self.results.append(describe(found[0]))
        return found[0]

    def call(self, reference, _name, *args, **kw):
        """Calls a method and waits for its answer."""
        return self.wait(reference.callRemote(_name, *args, **kw))

    def finish(self):
        """Lets go of everything that nobody holds, and ends the connection."""
        self.collect()
        if self.open:
            self.close()

    def collect(self):
        """Lets go of what nobody holds, so that its decref goes out now."""
        gc.collect()
        self.pump()


def describe(value):
    """A result as text that is the same in each run."""
    if isinstance(value, pb.RemoteReference):
        return f"RemoteReference {value.luid}"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(describe(item) for item in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    return re.sub(r"<[\w.]*?(\w+) object at 0x[0-9a-f]+>", r"<\1>", repr(value))

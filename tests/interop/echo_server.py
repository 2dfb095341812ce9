"""
A PB server whose root echoes, fails, calls back and hangs up on request.

    python3 echo_server.py --port 8787
"""

import asyncio
import gc
import io

import twin
from objects import AppError, Counter, Ledger, OutOfStock, Point, Report
from twisted.internet import defer, reactor, task
from twisted.spread import pb
from twisted.spread.util import FilePager, StringPager
from zope.interface import implementer

ERRORS = {
    "error": lambda: pb.Error("a known error"),
    "subclass": lambda: AppError("an error of the program"),
    "value": lambda: ValueError("a wrong value"),
    "unicode": lambda: ValueError("h\u00e9llo \U0001f600"),
    "copyable": lambda: OutOfStock(2),
    "cancelled": lambda: asyncio.CancelledError("given up"),
}


class Echo(pb.Referenceable):
    """The root object of one connection."""

    def __init__(self, broker, ledger, report):
        self.broker, self.ledger, self.report = broker, ledger, report
        self.held, self.counter = [], Counter()

    def remote_echo(self, x):
        return x

    def remote_type(self, x):
        return type(x).__name__

    def remote_repr(self, x):
        return repr(x)

    def remote_kw(self, *args, **kw):
        return [list(args), kw]

    def remote_move(self, amount, to="savings"):
        return [amount, to]

    def remote_fail(self, kind):
        raise ERRORS[kind]()

    def remote_failLater(self, kind):
        return task.deferLater(reactor, 0, self.remote_fail, kind)

    def remote_slow(self, seconds):
        return task.deferLater(reactor, seconds, lambda: "slow")

    def remote_drop(self):
        self.broker.transport.abortConnection()

    def remote_count(self):
        """How many objects of this server the client holds, including the root."""
        return len(self.broker.localObjects)

    def remote_callMe(self, reference, *args, **kw):
        """Calls `called` of an object of the client, and returns the answer."""
        return reference.callRemote("called", *args, **kw)

    def remote_callMethod(self, reference, name, *args, **kw):
        """Calls a method of an object of the client by its name, and returns the answer."""
        return reference.callRemote(name, *args, **kw)

    def remote_hold(self, reference):
        self.held.append(reference)

    def remote_held(self):
        return self.held

    def remote_release(self):
        """Drops the references it holds, so that the client learns of it at once."""
        self.held = []
        gc.collect()

    def remote_counter(self):
        """An object of the server, the same one each time."""
        return self.counter

    def remote_isCounter(self, x):
        return x is self.counter

    def remote_newCounters(self, count):
        return [Counter(n) for n in range(count)]

    def remote_point(self, x, y):
        return Point(x, y)

    def remote_ledger(self):
        """A cache, shared by all connections."""
        return self.ledger

    def remote_ledgerAdd(self, entry):
        self.ledger.add(entry)

    def remote_isLedger(self, x):
        return x is self.ledger

    def remote_observers(self):
        return len(self.ledger.observers)

    def remote_published(self, text=None):
        """A published object, shared by all connections; with a text it is published anew."""
        if text is not None:
            self.report.text = text
            self.report.republish()
        return self.report

    def remote_publishedAs(self, publishedID):
        """A published object with an identifier of any type, always of the same age."""
        report = Report(publishedID, repr(publishedID))
        report.timestamp = 1
        return report

    def remote_fetched(self):
        """How often clients had to fetch its state."""
        return self.report.fetched

    def remote_pages(self, collector, size, page=100):
        """Sends bytes to a collector, a page at a time."""
        StringPager(collector, b"x" * size, page)

    def remote_text(self, collector, text):
        """Sends a text to a collector, three characters at a time."""
        StringPager(collector, text, 3)

    def remote_file(self, collector, data, times):
        """Sends a file of repeated bytes to a collector, a page at a time."""
        FilePager(collector, io.BytesIO(data * times))

    def remote_fileSent(self, collector, data):
        """Sends a file to a collector, and answers when that is done."""
        sent = defer.Deferred()
        FilePager(collector, io.BytesIO(data), sent.callback, len(data))
        # A FilePager waits until something is written, which the answer of this call is not yet.
        collector.broker.resumeProducing()
        return sent


@implementer(pb.IPBRoot)
class Roots:
    """Gives each connection a root object of its own."""

    def __init__(self):
        self.ledger, self.report = Ledger(), Report("report", "first")

    def rootObject(self, broker):
        return Echo(broker, self.ledger, self.report)


if __name__ == "__main__":
    parser = twin.options(__doc__)
    parser.add_argument("--tracebacks", action="store_true", help="send tracebacks of errors")
    args = parser.parse_args()
    twin.listen(pb.PBServerFactory(Roots(), unsafeTracebacks=args.tracebacks), args)

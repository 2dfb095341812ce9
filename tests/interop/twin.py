"""
What the Python twins have in common: options, the line that says they are ready, and their end.

A twin says what it does in lines of JSON, and ends when its standard input closes, so that no twin
outlives the test that started it.
"""

import argparse
import json
import sys

from twisted.internet import defer, endpoints, reactor, stdio
from twisted.protocols.basic import LineReceiver


def say(**facts):
    """Prints one line of JSON."""
    print(json.dumps(facts), flush=True)


def options(description):
    """The options that every twin has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--host", default="127.0.0.1", help="host name or address")
    parser.add_argument("--port", type=int, default=0, help="TCP port")
    parser.add_argument("--endpoint", help="a Twisted endpoint, instead of host and port")
    return parser


class Input(LineReceiver):
    """Standard input: gives each line to a function, and ends the program when it closes."""

    delimiter = b"\n"

    def __init__(self, received=lambda line: None):
        self.received = received

    def lineReceived(self, line):
        self.received(line.decode())

    def connectionLost(self, reason):
        if reactor.running:
            reactor.stop()


def listen(factory, args):
    """Serves until standard input closes."""
    text = args.endpoint or f"tcp:{args.port}:interface={args.host}"

    def ready(port):
        say(ready=True, port=getattr(port.getHost(), "port", None))

    def failed(failure):
        print(failure.getErrorMessage(), file=sys.stderr)
        reactor.stop()

    endpoints.serverFromString(reactor, text).listen(factory).addCallbacks(ready, failed)
    stdio.StandardIO(Input())
    reactor.run()


def connect(factory, args):
    """Connects; the deferred fires when the connection is there, or cannot be had."""
    text = args.endpoint or f"tcp:{args.host}:{args.port}"
    return endpoints.clientFromString(reactor, text).connect(factory)


def describe(value):
    """A value as fields of a line."""
    return {"type": type(value).__name__, "repr": repr(value)}


def describeFailure(failure):
    """A failure as fields of a line, with the class that a remote error has at the other end."""
    kind = getattr(failure.value, "remoteType", failure.type)
    if isinstance(kind, type):
        kind = f"{kind.__module__}.{kind.__qualname__}"
    elif isinstance(kind, bytes):
        kind = kind.decode()
    return {"error": kind, "message": failure.getErrorMessage()}


def run(main):
    """Runs a coroutine function, and ends the program with the exit code that it returns."""
    codes = []

    def failed(failure):
        print(failure.getErrorMessage(), file=sys.stderr)
        return 1

    def start():
        done = defer.ensureDeferred(main()).addErrback(failed)
        done.addCallback(codes.append).addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(start)
    reactor.run()
    sys.exit(codes[0] if codes else 0)

"""
A stream protocol of Twisted inside of WebSocket, by Autobahn's wrapping factories.

    autobahn_peer.py server [--fragment N]     echoes every byte
    autobahn_peer.py client --url URL          sends bytes of many sizes, and checks their echoes
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))

from autobahn.twisted.websocket import (  # noqa: E402
    WrappingWebSocketClientFactory,
    WrappingWebSocketServerFactory,
)
from twin import Input, say  # noqa: E402
from twisted.internet import protocol, reactor, stdio  # noqa: E402

SIZES = [1, 125, 126, 65_535, 65_536, 65_537, 1_000_000]


class Echo(protocol.Protocol):
    """Sends back what comes, until it is told to close."""

    def dataReceived(self, data):
        if data == b"please close":
            self.transport.loseConnection()
        else:
            self.transport.write(data)

    def connectionLost(self, reason=None):
        say(lost=True)


class Asker(protocol.Protocol):
    """Sends bytes of each size, one after the other echo."""

    def connectionMade(self):
        self.sizes = iter(SIZES)
        self.ask()

    def ask(self):
        size = next(self.sizes, None)
        self.received = b""
        if size is None:
            self.transport.loseConnection()
        else:
            self.sent = bytes(i * 31 % 251 for i in range(size))
            self.transport.write(self.sent)

    def dataReceived(self, data):
        self.received += data
        if len(self.received) >= len(self.sent):
            say(size=len(self.sent), same=self.received == self.sent)
            self.ask()

    def connectionLost(self, reason=None):
        say(lost=True)
        reactor.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=["server", "client"])
    parser.add_argument("--url", default="ws://127.0.0.1")
    parser.add_argument("--fragment", type=int, default=0, help="most bytes of a frame")
    args = parser.parse_args()
    if args.role == "server":
        factory = WrappingWebSocketServerFactory(
            protocol.Factory.forProtocol(Echo), args.url, autoFragmentSize=args.fragment
        )
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        say(ready=True, port=port.getHost().port)
        stdio.StandardIO(Input())
    else:
        factory = WrappingWebSocketClientFactory(
            protocol.Factory.forProtocol(Asker), args.url, autoFragmentSize=args.fragment
        )
        reactor.connectTCP(factory.host, factory.port, factory)
    reactor.run()


main()

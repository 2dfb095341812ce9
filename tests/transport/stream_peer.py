"""
A stream protocol of Twisted, with TLS or inside of WebSocket by Autobahn's wrapping factories.

    stream_peer.py server websocket [--fragment N]    echoes every byte
    stream_peer.py client websocket --url URL         sends bytes of many sizes, checks the echoes
    stream_peer.py server tls [--mutual]              likewise with the certificates of the tests;
    stream_peer.py client tls --port N [--mutual]     mutual: the client shows one too
"""

import argparse
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(FOLDER, "..", "interop"))

from twin import Input, say  # noqa: E402
from twisted.internet import endpoints, protocol, reactor, ssl, stdio  # noqa: E402

SIZES = [1, 125, 126, 65_535, 65_536, 65_537, 1_000_000]


class Echo(protocol.Protocol):
    """Sends back what comes, until it is told to close."""

    def dataReceived(self, data):
        if data == b"please close":
            self.transport.loseConnection()
        elif data == b"who am I?":
            name = self.transport.getPeerCertificate().get_subject().CN
            self.transport.write(name.encode())
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


def pem(name):
    with open(os.path.join(FOLDER, "certificates", name), "rb") as file:
        return file.read()


def own_certificate(name):
    return ssl.PrivateCertificate.loadPEM(pem(name + ".pem") + pem(name + ".key"))


def server_endpoint(args, factory):
    if args.over == "tls":
        authority = ssl.Certificate.loadPEM(pem("authority.pem"))
        trusted = [authority] if args.mutual else []
        context = own_certificate("server").options(*trusted)
        return endpoints.SSL4ServerEndpoint(reactor, 0, context, interface="127.0.0.1"), factory
    from autobahn.twisted.websocket import WrappingWebSocketServerFactory

    wrapping = WrappingWebSocketServerFactory(factory, args.url, autoFragmentSize=args.fragment)
    return endpoints.TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1"), wrapping


def client_endpoint(args, factory):
    if args.over == "tls":
        context = ssl.optionsForClientTLS(
            "localhost",
            trustRoot=ssl.Certificate.loadPEM(pem("authority.pem")),
            clientCertificate=own_certificate("client") if args.mutual else None,
        )
        tcp = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", args.port)
        return endpoints.wrapClientTLS(context, tcp), factory
    from autobahn.twisted.websocket import WrappingWebSocketClientFactory

    wrapping = WrappingWebSocketClientFactory(factory, args.url, autoFragmentSize=args.fragment)
    return endpoints.TCP4ClientEndpoint(reactor, wrapping.host, wrapping.port), wrapping


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=["server", "client"])
    parser.add_argument("over", choices=["websocket", "tls"])
    parser.add_argument("--url", default="ws://127.0.0.1")
    parser.add_argument("--port", type=int)
    parser.add_argument("--mutual", action="store_true", help="the client shows a certificate")
    parser.add_argument("--fragment", type=int, default=0, help="most bytes of a frame")
    args = parser.parse_args()
    if args.role == "server":
        endpoint, factory = server_endpoint(args, protocol.Factory.forProtocol(Echo))
        listening = endpoint.listen(factory)
        listening.addCallback(lambda port: say(ready=True, port=port.getHost().port))
        stdio.StandardIO(Input())
    else:
        endpoint, factory = client_endpoint(args, protocol.Factory.forProtocol(Asker))
        endpoint.connect(factory)
    reactor.run()


main()

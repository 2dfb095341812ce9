"""
What the Python examples have in common: where they listen or connect, and how they end.
"""

import argparse
import sys

from twisted.internet import defer, endpoints, reactor


def options(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8787)
    return parser.parse_args()


def serve(factory, description):
    """Listens until Ctrl-C."""
    args, codes = options(description), [0]

    def ready(port):
        print(f"Listening at pb://{args.host}:{port.getHost().port}; end with Ctrl-C", flush=True)

    def failed(failure):
        print(failure.getErrorMessage(), file=sys.stderr)
        codes[0] = 1
        reactor.callWhenRunning(reactor.stop)

    endpoint = endpoints.TCP4ServerEndpoint(reactor, args.port, interface=args.host)
    endpoint.listen(factory).addCallbacks(ready, failed)
    reactor.run()
    sys.exit(codes[0])


def run(main, description):
    """Runs a coroutine function that connects factories, and exits with a code."""
    args, codes = options(description), [0]

    def connect(factory):
        return endpoints.TCP4ClientEndpoint(reactor, args.host, args.port).connect(factory)

    def failed(failure):
        print(failure.getErrorMessage(), file=sys.stderr)
        codes[0] = 1

    def start():
        done = defer.ensureDeferred(main(connect)).addErrback(failed)
        done.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(start)
    reactor.run()
    sys.exit(codes[0])

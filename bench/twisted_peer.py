"""Twisted's Perspective Broker in the peer benchmark (bench/README.md).

The same command line and modes as the contenders in TypeScript (harness.ts).
"""
import gc
import json
import os
import re
import signal
import sys
import time

from twisted.cred import checkers, credentials, portal
from twisted.internet import defer, protocol, reactor, stdio, task
from twisted.spread import pb
from zope.interface import implementer

HOST = "127.0.0.1"
CHUNK = bytes(i * 7 & 255 for i in range(65536))
TEXT = "0123456789"
# Seconds after which a server that nothing has ended exits by itself.
SERVER_TIME = 120


class Root(pb.Root):
    def remote_echo(self, value):
        return value

    def remote_sink(self, data):
        return len(data)


class User(pb.Avatar):
    def perspective_echo(self, value):
        return value


@implementer(portal.IRealm)
class Realm:
    def requestAvatar(self, avatarId, mind, *interfaces):
        return pb.IPerspective, User(), lambda: None


class Stdin(protocol.Protocol):
    """The runner ends the server by closing its input."""

    def connectionLost(self, reason):
        if reactor.running:
            reactor.stop()


def serve(options):
    root = Root()
    if options["mode"].startswith("login"):
        users = checkers.InMemoryUsernamePasswordDatabaseDontUse(user=b"password")
        root = portal.Portal(Realm(), [users])
    port = reactor.listenTCP(0, pb.PBServerFactory(root), interface=HOST, backlog=512)
    signal.signal(signal.SIGUSR2, lambda *_: gc.collect())
    stdio.StandardIO(Stdin(), stdout=os.open(os.devnull, os.O_WRONLY))
    reactor.callLater(SERVER_TIME, reactor.stop)
    print("READY", json.dumps({"port": port.getHost().port, "pid": os.getpid()}), flush=True)


class ClientFactory(pb.PBClientFactory):
    noisy = False
    lost = None

    def clientConnectionLost(self, connector, reason, reconnecting=0):
        super().clientConnectionLost(connector, reason, reconnecting)
        if self.lost is not None:
            self.lost.callback(None)


def connect(options):
    factory = ClientFactory()
    reactor.connectTCP(HOST, options["port"], factory)
    return factory


async def login(options):
    factory = connect(options)
    await factory.login(credentials.UsernamePassword(b"user", b"password"))
    factory.lost = defer.Deferred()
    factory.disconnect()
    await factory.lost


def report(result):
    print("RESULT", json.dumps(result), flush=True)
    if reactor.running:
        reactor.stop()


def sleep(seconds):
    return task.deferLater(reactor, seconds, lambda: None)


def processor_time(pid):
    """Microseconds of processor time that a process has used."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 10_000


class Meter:
    def __init__(self, options):
        self.pid = options["server-pid"]
        self.start = time.perf_counter()
        self.server = processor_time(self.pid)
        self.client = processor_time("self")

    def done(self, calls):
        return {
            "calls": calls,
            "rate": calls / (time.perf_counter() - self.start),
            "serverCpuUs": (processor_time(self.pid) - self.server) / calls,
            "clientCpuUs": (processor_time("self") - self.client) / calls,
        }


async def sequential(options, call):
    end = time.perf_counter() + options["warm"]
    while time.perf_counter() < end:
        await call()
    times = []
    meter = Meter(options)
    last = time.perf_counter()
    end = last + options["seconds"]
    while last < end:
        await call()
        now = time.perf_counter()
        times.append(now - last)
        last = now
    result = meter.done(len(times))
    times.sort()
    result["p50us"] = times[len(times) // 2] * 1e6
    result["p99us"] = times[len(times) * 99 // 100] * 1e6
    return result


async def windowed(options, width, call):
    state = {"isStopped": False, "count": 0}

    async def loop():
        while not state["isStopped"]:
            await call()
            state["count"] += 1

    loops = defer.gatherResults([defer.ensureDeferred(loop()) for _ in range(width)])
    loops.addErrback(lambda failure: report({"error": failure.getErrorMessage()}))
    await sleep(options["warm"])
    state["count"] = 0
    meter = Meter(options)
    await sleep(options["seconds"])
    result = meter.done(state["count"])
    state["isStopped"] = True
    await loops
    return result


async def idle(options):
    """The server's memory per connection that has made one call and is quiet."""
    kept = []

    async def open_many(count):
        left = [count]

        async def loop():
            while left[0] > 0:
                left[0] -= 1
                root = await connect(options).getRootObject()
                check(await root.callRemote("echo", TEXT) == TEXT)
                kept.append(root)

        await defer.gatherResults([defer.ensureDeferred(loop()) for _ in range(20)])

    async def collected():
        await sleep(0.5)
        os.kill(options["server-pid"], signal.SIGUSR2)
        await sleep(0.7)
        with open("/proc/%d/status" % options["server-pid"]) as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1))

    await open_many(50)
    before = await collected()
    await open_many(options["conns"])
    return {
        "conns": options["conns"],
        "kbPerConnGc": (await collected() - before) / options["conns"],
        "held": len(kept),
    }


def check(isRight):
    if not isRight:
        raise ValueError("wrong answer")


async def run_client(options):
    mode = options["mode"]
    width = int((re.search(r"\d+$", mode) or ["1"])[0])

    def measure(call):
        return sequential(options, call) if width == 1 else windowed(options, width, call)

    if mode.startswith("login"):
        return await measure(lambda: login(options))
    if mode == "idle":
        return await idle(options)
    root = await connect(options).getRootObject()
    if mode.startswith("payload"):
        payload = [
            {"id": 1000 + i, "name": "user-%04d" % i, "score": (i * 138 + 51) / 100}
            for i in range(100)
        ]
        check(await root.callRemote("echo", payload) == payload)

        async def call():
            records = await root.callRemote("echo", payload)
            check(len(records) == 100 and records[99]["score"] == payload[99]["score"])

    elif mode == "bytes":
        width = 16

        async def call():
            check(await root.callRemote("sink", CHUNK) == len(CHUNK))

    else:

        async def call():
            check(await root.callRemote("echo", TEXT) == TEXT)

    result = await measure(call)
    if mode == "bytes":
        result["mbs"] = result["rate"] * len(CHUNK) / 1e6
    return result


def parse(arguments):
    options = {"mode": "seq", "port": 0, "server-pid": 0, "warm": 0.7, "seconds": 2.0, "conns": 1000}
    for name, value in zip(arguments[::2], arguments[1::2]):
        name = name.lstrip("-")
        if name in options:
            options[name] = type(options[name])(value)
    return options


def main():
    role, options = sys.argv[1], parse(sys.argv[2:])
    if role == "server":
        reactor.callWhenRunning(serve, options)
        return reactor.run()

    def start():
        result = defer.ensureDeferred(run_client(options))
        result.addErrback(lambda failure: {"error": failure.getErrorMessage()})
        result.addCallback(report)

    limit = options["warm"] + options["seconds"] + 25
    reactor.callLater(limit, lambda: report({"error": "timeout"}))
    reactor.callWhenRunning(start)
    reactor.run()


main()

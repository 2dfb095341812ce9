"""
A PB client that evaluates each line of its input as a Python expression.

It answers each line with a line of JSON: the type and the repr of the value, or the error. A
deferred is waited for. The names that an expression may use are those of `names()`; `keep(x=...)`
adds to them.

    python3 console.py --port 8787
    root.callRemote("echo", 1)
    keep(avatar=login("alice", "secret", Counter()))
    avatar.callRemote("whoami")
"""

import datetime
import gc
import hashlib
from decimal import Decimal

import objects
import twin
from twisted.cred import credentials
from twisted.internet import defer, stdio
from twisted.python.failure import Failure
from twisted.spread import pb, publish, util


def names(factory, root):
    """The names that an expression may use."""

    def login(user, password, mind=None):
        user = user.encode() if isinstance(user, str) else user
        known = credentials.UsernamePassword(user, password.encode())
        return factory.login(known, mind)

    def anonymous(mind=None):
        return factory.login(credentials.Anonymous(), mind)

    async def keep(**values):
        for name, value in values.items():
            scope[name] = await value if isinstance(value, defer.Deferred) else value
        return sorted(values)

    def forget(*unwanted):
        """Deletes names, and collects what is then unreachable."""
        for name in unwanted:
            del scope[name]
        gc.collect()

    scope = {
        "root": root,
        "factory": factory,
        "broker": root.broker,
        "login": login,
        "anonymous": anonymous,
        "keep": keep,
        "forget": forget,
        "all": defer.gatherResults,
        "pb": pb,
        "publish": publish,
        "util": util,
        "sha256": lambda pages: hashlib.sha256(b"".join(pages)).hexdigest(),
        "objects": objects,
        "datetime": datetime,
        "Decimal": Decimal,
        "Counter": objects.Counter,
        "Point": objects.Point,
        "Ledger": objects.Ledger,
    }
    return scope


class Console:
    """Evaluates lines, one after the other."""

    def __init__(self, scope):
        self.scope, self.last = scope, defer.succeed(None)

    def received(self, line):
        self.last.addCallback(lambda _: defer.ensureDeferred(self.answer(line)))

    async def answer(self, line):
        try:
            value = eval(line, self.scope)
            if hasattr(value, "__await__"):
                value = await value
        except BaseException:
            twin.say(**twin.describeFailure(Failure()))
        else:
            twin.say(**twin.describe(value))


async def main():
    factory = pb.PBClientFactory()
    await twin.connect(factory, args)
    console = Console(names(factory, await factory.getRootObject()))
    twin.say(ready=True, port=None)
    stdio.StandardIO(twin.Input(console.received))
    await defer.Deferred()  # The end of the input ends the program.


if __name__ == "__main__":
    args = twin.options(__doc__).parse_args()
    twin.run(main)

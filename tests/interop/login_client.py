"""
A PB client that logs in with a mind, uses its avatar, and says what happened.

    python3 login_client.py --port 8787 --user alice --password secret
    python3 login_client.py --port 8787 --anonymous
"""

import twin
from objects import Counter
from twisted.cred import credentials
from twisted.python.failure import Failure
from twisted.spread import pb


async def report(what, deferred):
    """Says what a call came to; gives its result."""
    try:
        result = await deferred
    except Exception:
        twin.say(call=what, **twin.describeFailure(Failure()))
        return None
    twin.say(call=what, **twin.describe(result))
    return result


async def main():
    factory = pb.PBClientFactory()
    await twin.connect(factory, args)
    if args.anonymous:
        user = credentials.Anonymous()
    else:
        user = credentials.UsernamePassword(args.user.encode(), args.password.encode())
    mind = Counter()
    avatar = await report("login", factory.login(user, mind))
    if avatar is not None:
        await report("whoami", avatar.callRemote("whoami"))
        await report("echo", avatar.callRemote("echo", [1, "two", b"three"]))
        await report("add", avatar.callRemote("add", 1, to=2))
        await report("callMind", avatar.callRemote("callMind", 1, "two"))
        await report("fail", avatar.callRemote("fail"))
        await report("missing", avatar.callRemote("missing"))
    twin.say(calls=mind.calls)
    factory.disconnect()


if __name__ == "__main__":
    parser = twin.options(__doc__)
    parser.add_argument("--user", default="alice")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--anonymous", action="store_true")
    args = parser.parse_args()
    twin.run(main)

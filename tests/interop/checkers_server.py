"""
A PB server with a portal and one of Twisted's checkers, or one that a program may have.

User alice has the password secret. It says in a line of JSON who logs in and who logs out, and
whatever Twisted logs.

    python3 checkers_server.py --checker memory
    python3 checkers_server.py --checker file --file passwords.txt
    python3 checkers_server.py --checker md5
"""

from hashlib import md5

import twin
from twisted.cred import checkers, credentials, error, portal
from twisted.internet import reactor, task
from twisted.python import log
from twisted.spread import pb
from zope.interface import implementer


@implementer(checkers.ICredentialsChecker)
class MD5Checker:
    """Keeps MD5 digests, which only PB can check, and answers later."""

    credentialInterfaces = (pb.IUsernameMD5Password,)
    digests = {b"alice": md5(b"secret").digest()}

    def requestAvatarId(self, known):
        return task.deferLater(reactor, 0, self.check, known)

    def check(self, known):
        digest = self.digests.get(known.username)
        if digest is None or not known.checkMD5Password(digest):
            raise error.UnauthorizedLogin()
        return known.username


class User(pb.Avatar):
    """What a user may do."""

    def __init__(self, name):
        self.name = name

    def perspective_whoami(self):
        return self.name


@implementer(portal.IRealm)
class Realm:
    """Gives each user an avatar, except one who is denied."""

    def requestAvatar(self, avatarId, mind, *interfaces):
        if avatarId is checkers.ANONYMOUS:
            raise error.LoginDenied("not today")
        name = avatarId if isinstance(avatarId, str) else avatarId.decode()
        twin.say(login=name, mind=type(mind).__name__)
        return pb.IPerspective, User(name), lambda: twin.say(logout=name)


CHECKERS = {
    "memory": lambda: checkers.InMemoryUsernamePasswordDatabaseDontUse(alice=b"secret"),
    "file": lambda: checkers.FilePasswordDB(args.file),
    "md5": MD5Checker,
}


if __name__ == "__main__":
    parser = twin.options(__doc__)
    parser.add_argument("--checker", choices=CHECKERS, default="memory")
    parser.add_argument("--file", help="the file of a FilePasswordDB")
    args = parser.parse_args()
    allowed = [CHECKERS[args.checker](), checkers.AllowAnonymousAccess()]
    reactor.callWhenRunning(log.addObserver, lambda event: twin.say(log=log.textFromEventDict(event)))
    twin.listen(pb.PBServerFactory(portal.Portal(Realm(), allowed)), args)

"""
A PB server with a portal: users alice and bob with password secret, carol, whose name is a
str, and anonymous users.

It says in a line of JSON who logs in and who logs out.

    python3 login_server.py --port 8787
"""

import twin
from objects import AppError, Report
from twisted.cred import checkers, portal
from twisted.spread import pb
from zope.interface import implementer


class User(pb.Avatar):
    """What a user may do."""

    def __init__(self, name, mind, avatarId):
        self.name, self.mind = name, mind
        self.perspectiveName = avatarId

    def getService(self):
        """The service that published objects name as their origin."""
        return Service

    def perspective_echo(self, x):
        return x

    def perspective_add(self, a, to=0):
        return a + to

    def perspective_whoami(self):
        return self.name

    def perspective_callMind(self, *args, **kw):
        """Calls `called` of the mind; gives what it answers."""
        return self.mind.callRemote("called", *args, **kw)

    def perspective_fail(self):
        raise AppError("not for you")

    def perspective_document(self):
        return Document("text")

    def perspective_report(self):
        """An object that is published for each user, the same for all."""
        return REPORT


class Service:
    serviceName = "news"


class PersonalReport(Report):
    """A copy whose state differs for each user."""

    def getStateToPublishFor(self, user):
        return {"text": "for " + user.name}


REPORT = PersonalReport("report", "")


class Document(pb.Viewable):
    """Its methods learn which user calls."""

    def __init__(self, text):
        self.text = text

    def view_read(self, user):
        return [user.name, self.text]


@implementer(portal.IRealm)
class Realm:
    """Gives each user an avatar; may call the mind during the login."""

    def __init__(self, greet):
        self.greet = greet

    def requestAvatar(self, avatarId, mind, *interfaces):
        name = "anonymous" if avatarId is checkers.ANONYMOUS else avatarId
        if isinstance(name, bytes):
            name = name.decode()
        twin.say(login=name)
        avatar = pb.IPerspective, User(name, mind, avatarId), lambda: twin.say(logout=name)
        if not self.greet:
            return avatar
        return mind.callRemote("called", "welcome", name).addCallback(lambda _: avatar)


if __name__ == "__main__":
    parser = twin.options(__doc__)
    parser.add_argument("--no-anonymous", action="store_true", help="refuse anonymous users")
    parser.add_argument("--greet", action="store_true", help="call the mind during the login")
    args = parser.parse_args()
    users = checkers.InMemoryUsernamePasswordDatabaseDontUse(alice=b"secret", bob=b"secret")
    users.addUser("carol", b"secret")
    allowed = [users]
    if not args.no_anonymous:
        allowed.append(checkers.AllowAnonymousAccess())
    twin.listen(pb.PBServerFactory(portal.Portal(Realm(args.greet), allowed)), args)

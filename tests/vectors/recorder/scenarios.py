"""
The conversations to record: each function plays one, and its docstring says what happens in it.
"""

from twisted.cred import checkers, credentials, portal
from twisted.internet import defer
from twisted.python import failure
from twisted.spread import pb
from twisted.spread.util import StringPager
from wire import Conversation
from zope.interface import implementer

ALL = []


def scenario(function):
    """Puts a function on the list of conversations."""
    ALL.append(function)
    return function


class AppError(pb.Error):
    """An error that a program defines."""


class JellyError(pb.Error, pb.Jellyable, pb.RemoteCopy):
    """An error that travels as an object of its own class."""

    def __init__(self, reason=None):
        super().__init__(reason)
        self.reason = reason

    def __str__(self):
        return f"the reason is that it {self.reason}"


class Point(pb.Copyable, pb.RemoteCopy):
    """A copy, on both sides."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __repr__(self):
        return f"Point({self.x}, {self.y if self.y is not self else '...'})"


class Unregistered(pb.Copyable):
    """A copy that the receiver knows nothing of."""


class Tagged(pb.Copyable):
    """A copy under a tag of its own, without its secrets."""

    def __init__(self, name, secret):
        self.name, self.secret = name, secret

    def getTypeToCopy(self):
        return b"tagged"

    def getStateToCopy(self):
        return {"name": self.name}


class TaggedCopy(pb.RemoteCopy):
    """What arrives for a Tagged."""


class Unsendable:
    """An object that no rule covers."""


class Ledger(pb.Cacheable):
    """Entries that both sides see."""

    def __init__(self):
        self.entries, self.observers = ["first"], []

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append(observer)
        return {"entries": list(self.entries)}

    def add(self, entry):
        self.entries.append(entry)
        return [observer.callRemote("added", entry) for observer in self.observers]

    def stoppedObserving(self, perspective, observer):
        self.observers.remove(observer)


class LedgerCache(pb.RemoteCache):
    """The client's view of a Ledger."""

    def observe_added(self, entry):
        self.entries.append(entry)
        return len(self.entries)


pb.setUnjellyableForClass(Point, Point)
pb.setUnjellyableForClass("tagged", TaggedCopy)
pb.setUnjellyableForClass(Ledger, LedgerCache)
pb.setUnjellyableForClass(JellyError, JellyError)


class Counter(pb.Referenceable):
    """An object that stays where it is."""

    def __init__(self, count=0):
        self.count = count

    def remote_add(self, n):
        self.count += n
        return self.count

    def remote_fail(self):
        raise AppError("the counter failed")


class Service(pb.Root):
    """What the server offers."""

    def __init__(self):
        self.held, self.counter, self.ledger = None, Counter(), Ledger()
        self.waiting = []

    def remote_echo(self, *args):
        return args[0] if len(args) == 1 else args

    def remote_keywords(self, *args, **kw):
        return [list(args), sorted(kw.items())]

    def remote_note(self, text):
        self.noted = text

    def remote_fail(self, kind):
        raise {
            "error": pb.Error("known"),
            "subclass": AppError("of the program"),
            "value": ValueError("wrong value"),
            "unicode": ValueError("h\u00e9llo \U0001f600"),
            "empty": ValueError(),
            "jelly": JellyError("travels"),
        }[kind]

    def remote_failLater(self, kind):
        deferred = defer.Deferred()
        self.waiting.append((deferred, kind))
        return deferred

    def failNow(self):
        for deferred, kind in self.waiting:
            try:
                self.remote_fail(kind)
            except Exception:
                deferred.errback(failure.Failure())
        self.waiting = []

    def remote_later(self, value):
        deferred = defer.Deferred()
        self.waiting.append((deferred, value))
        return deferred

    def answerInReverse(self):
        for deferred, value in reversed(self.waiting):
            deferred.callback(value)
        self.waiting = []

    def remote_callMe(self, reference, *args):
        return reference.callRemote("add", *args)

    def remote_hold(self, reference):
        self.held = reference

    def remote_held(self):
        return self.held

    def remote_release(self):
        self.held = None

    def remote_counter(self):
        return self.counter

    def remote_isCounter(self, counter):
        return counter is self.counter

    def remote_copy(self):
        return Point(1, "two")

    def remote_copies(self):
        point = Point(1, 2)
        return [point, point, Point(point, None)]

    def remote_circle(self):
        point = Point(1, None)
        point.y = point
        return point

    def remote_tagged(self):
        return Tagged("name", "secret")

    def remote_unregistered(self):
        return Unregistered()

    def remote_unsendable(self):
        return Unsendable()

    def remote_unsendableInList(self):
        return [1, Unsendable()]

    def remote_large(self):
        return "a" * (640 * 1024 + 1)

    def remote_ledger(self):
        return self.ledger

    def remote_isLedger(self, ledger):
        return ledger is self.ledger

    def remote_pages(self, collector):
        StringPager(collector, b"x" * 250, 100)


class Collector(pb.Referenceable):
    """Takes pages."""

    def __init__(self):
        self.pages = []

    def remote_gotPage(self, page):
        self.pages.append(page)

    def remote_endedPaging(self):
        self.pages.append(None)


class User(pb.Avatar):
    """What a user may do."""

    def __init__(self, name, mind):
        self.name, self.mind = name, mind

    def perspective_add(self, a, to=0):
        return a + to

    def perspective_whoami(self):
        return self.name

    def perspective_callMind(self, *args):
        return self.mind.callRemote("add", *args)

    def perspective_fail(self):
        raise AppError("not for you")

    def perspective_view(self):
        return Document("text")


class Document(pb.Viewable):
    """What a user sees, and says who looks."""

    def __init__(self, text):
        self.text = text

    def view_read(self, user):
        return [user.name, self.text]


@implementer(portal.IRealm)
class Realm:
    """Gives each user an avatar; calls the mind while the login is still going on."""

    def __init__(self, callsMind=False):
        self.callsMind = callsMind

    def requestAvatar(self, avatarId, mind, *interfaces):
        name = "anonymous" if avatarId is checkers.ANONYMOUS else avatarId.decode()
        avatar = pb.IPerspective, User(name, mind), lambda: None
        if not self.callsMind:
            return avatar
        return mind.callRemote("add", 1).addCallback(lambda _: avatar)


def guarded(anonymous=False, callsMind=False):
    """A portal with one user, alice, whose password is secret."""
    users = checkers.InMemoryUsernamePasswordDatabaseDontUse(alice=b"secret")
    allowed = [users, checkers.AllowAnonymousAccess()] if anonymous else [users]
    return portal.Portal(Realm(callsMind), allowed)


def login(conversation, name=b"alice", password=b"secret", mind=None):
    user = credentials.UsernamePassword(name, password)
    return conversation.wait(conversation.clientFactory.login(user, mind))


@scenario
def negotiation():
    """The server offers its dialects, the client picks pb, both say their version."""
    return Conversation(Service())


@scenario
def negotiation_none():
    """The client knows only the dialect none; then words are sent as strings."""

    class Plain(pb.Broker):
        knownDialects = [b"none"]

    conversation = Conversation(Service(), client=Plain)
    conversation.call(conversation.root, "echo", ["list"])
    return conversation


@scenario
def negotiation_unknown():
    """The client knows no dialect that the server offers, and closes the connection."""

    class Foreign(pb.Broker):
        knownDialects = [b"other"]

    return Conversation(Service(), client=Foreign)


@scenario
def echo():
    """Calls with positional arguments of the basic types, and their answers."""
    conversation = Conversation(Service())
    for value in [None, True, 1, -1, 2**31, 1.5, "text", b"bytes", [1, [2]], (1, "a"), {"a": 1}]:
        conversation.call(conversation.root, "echo", value)
    conversation.call(conversation.root, "echo")
    conversation.call(conversation.root, "echo", 1, "two", b"three")
    return conversation


@scenario
def keywords():
    """Calls with keyword arguments, beside positional ones and alone."""
    conversation = Conversation(Service())
    conversation.call(conversation.root, "keywords", 1, "two", three=3, list=[4])
    conversation.call(conversation.root, "keywords", name="alone")
    return conversation


@scenario
def shared_argument():
    """One list twice: in two arguments of one call, and in two calls."""
    conversation = Conversation(Service())
    shared = [1]
    conversation.call(conversation.root, "echo", shared, shared)
    conversation.call(conversation.root, "echo", shared)
    return conversation


@scenario
def no_answer():
    """A call that wants no answer, and one that fails, of which the caller never hears."""
    conversation = Conversation(Service())
    conversation.call(conversation.root, "note", "hello", pbanswer=False)
    conversation.call(conversation.root, "fail", "value", pbanswer=False)
    conversation.call(conversation.root, "echo", 1)
    return conversation


@scenario
def answers_in_reverse():
    """Three calls whose answers come in the opposite order."""
    service = Service()
    conversation = Conversation(service)
    calls = [conversation.root.callRemote("later", n) for n in (1, 2, 3)]
    conversation.pump()
    service.answerInReverse()
    for call in calls:
        conversation.wait(call)
    return conversation


@scenario
def errors():
    """Methods that raise: pb.Error, a subclass of it, ValueError with several texts."""
    conversation = Conversation(Service())
    for kind in ["error", "subclass", "value", "unicode", "empty"]:
        conversation.call(conversation.root, "fail", kind)
    return conversation


@scenario
def errors_later():
    """The same errors from methods that answer later."""
    service = Service()
    conversation = Conversation(service)
    calls = [conversation.root.callRemote("failLater", kind) for kind in ["error", "value", "jelly"]]
    conversation.pump()
    service.failNow()
    for call in calls:
        conversation.wait(call)
    return conversation


@scenario
def error_with_traceback():
    """The same with unsafeTracebacks: the text of the traceback comes along."""
    original = pb.CopyableFailure.getTraceback
    pb.CopyableFailure.getTraceback = lambda self: "Traceback (most recent call last): recorded\n"
    try:
        conversation = Conversation(Service(), unsafeTracebacks=True)
        conversation.call(conversation.root, "fail", "subclass")
        conversation.call(conversation.root, "fail", "value")
    finally:
        pb.CopyableFailure.getTraceback = original
    return conversation


@scenario
def error_of_its_own_class():
    """A pb.Error that is Jellyable travels as an object, not as a failure."""
    conversation = Conversation(Service())
    conversation.call(conversation.root, "fail", "jelly")
    return conversation


@scenario
def no_such_method():
    """A method that does not exist, and one whose name is Python's own."""
    conversation = Conversation(Service())
    conversation.call(conversation.root, "missing", 1)
    conversation.call(conversation.root, "__class__")
    return conversation


@scenario
def wrong_arguments():
    """Too few arguments, too many, and an unknown keyword: a TypeError each."""
    conversation = Conversation(Service())
    conversation.call(conversation.root, "note")
    conversation.call(conversation.root, "note", 1, 2)
    conversation.call(conversation.root, "note", unknown=1)
    return conversation


@scenario
def no_such_object():
    """A call on an object that the server never gave, by number and by name."""
    conversation = Conversation(Service())
    conversation.call(pb.RemoteReference(None, conversation.client, 99, 0), "add", 1)
    conversation.call(conversation.client.remoteForName("other"), "add", 1)
    return conversation


@scenario
def named_object():
    """Objects with a name other than root."""
    conversation = Conversation(Service())
    conversation.server.setNameForLocal("counter", Counter(5))
    conversation.call(conversation.client.remoteForName("counter"), "add", 1)
    return conversation


@scenario
def unsendable_answer():
    """Answers that cannot be sent, as a whole and inside a list: something else goes instead."""
    conversation = Conversation(Service())
    conversation.call(conversation.root, "unsendable")
    conversation.call(conversation.root, "unsendableInList")
    conversation.call(conversation.root, "echo", 1)
    return conversation


@scenario
def too_large_answer():
    """An answer over the limit of banana: the server closes the connection."""
    conversation = Conversation(Service())
    conversation.call(conversation.root, "large")
    return conversation


@scenario
def unknown_command():
    """A message that the server does not know: it closes the connection."""
    conversation = Conversation(Service())
    conversation.client.sendCall(b"frobnicate", 1, 2)
    conversation.pump()
    return conversation


@scenario
def reference_called_back():
    """The client passes an object, and the server calls it before it answers."""
    conversation = Conversation(Service())
    conversation.call(conversation.root, "callMe", Counter(5), 2)
    conversation.collect()
    return conversation


@scenario
def reference_held_and_released():
    """The server keeps a reference, gives it back as the client's own object, and lets go of it."""
    conversation = Conversation(Service())
    counter = Counter(5)
    conversation.call(conversation.root, "hold", counter)
    if conversation.call(conversation.root, "held") is counter:
        conversation.results.append("the very object")
    conversation.call(conversation.root, "release")
    conversation.collect()
    return conversation


@scenario
def reference_sent_home():
    """The client gets a reference, calls it, sends it home, and drops it: a decref."""
    conversation = Conversation(Service())
    counter = conversation.call(conversation.root, "counter")
    conversation.call(counter, "add", 3)
    conversation.call(conversation.root, "isCounter", counter)
    del counter
    conversation.collect()
    return conversation


@scenario
def reference_twice():
    """The same object sent twice keeps its number; each arrival is worth one decref."""
    conversation = Conversation(Service())
    first = conversation.call(conversation.root, "counter")
    second = conversation.call(conversation.root, "counter")
    del first
    conversation.collect()
    del second
    conversation.collect()
    conversation.call(conversation.root, "counter")
    conversation.collect()
    return conversation


@scenario
def reference_twice_in_one_message():
    """The same object twice in one argument list."""
    conversation = Conversation(Service())
    counter = Counter(5)
    conversation.call(conversation.root, "hold", [counter, counter])
    conversation.call(conversation.root, "release")
    conversation.collect()
    return conversation


@scenario
def reference_that_fails():
    """The server calls an object of the client, which raises; the server passes the error on."""

    class Relay(pb.Root):
        def remote_relay(self, reference):
            return reference.callRemote("fail")

    conversation = Conversation(Relay())
    conversation.call(conversation.root, "relay", Counter())
    conversation.collect()
    return conversation


@scenario
def copyable():
    """Copies: one, three that share, one that holds itself, one with a tag of its own."""
    conversation = Conversation(Service())
    for name in ["copy", "copies", "circle", "tagged"]:
        conversation.call(conversation.root, name)
    conversation.call(conversation.root, "echo", Point(3, 4))
    return conversation


@scenario
def copyable_not_registered():
    """A copy that the client does not know: it closes the connection."""
    conversation = Conversation(Service())
    conversation.call(conversation.root, "unregistered")
    return conversation


@scenario
def cacheable():
    """A cache is fetched twice, changed twice, sent home, and dropped: decache and uncache."""
    service = Service()
    conversation = Conversation(service)
    first = conversation.call(conversation.root, "ledger")
    second = conversation.call(conversation.root, "ledger")
    for entry in ["second", "third"]:
        for call in service.ledger.add(entry):
            conversation.wait(call)
    conversation.results.append(repr(first.entries))
    conversation.call(conversation.root, "isLedger", first)
    del first
    conversation.collect()
    del second
    conversation.collect()
    return conversation


@scenario
def pager():
    """250 bytes in pages of 100, without answers."""
    conversation = Conversation(Service())
    collector = Collector()
    conversation.call(conversation.root, "pages", collector)
    conversation.results.append(repr([page and len(page) for page in collector.pages]))
    conversation.collect()
    return conversation


@scenario
def login_password():
    """A login by password; calls on the avatar; then the client drops it."""
    conversation = Conversation(guarded())
    avatar = login(conversation)
    conversation.call(avatar, "whoami")
    conversation.call(avatar, "add", 1, to=2)
    conversation.call(avatar, "fail")
    conversation.call(avatar, "missing")
    del avatar
    conversation.collect()
    return conversation


@scenario
def login_with_mind():
    """A login with a mind, that the avatar calls."""
    conversation = Conversation(guarded())
    avatar = login(conversation, mind=Counter(5))
    conversation.call(avatar, "callMind", 2)
    return conversation


@scenario
def login_calls_mind():
    """The server calls the mind before it answers the login."""
    conversation = Conversation(guarded(callsMind=True))
    avatar = login(conversation, mind=Counter(5))
    conversation.call(avatar, "whoami")
    return conversation


@scenario
def login_wrong_password():
    """A login with a wrong password: the challenge is given, the response refused."""
    conversation = Conversation(guarded())
    login(conversation, password=b"wrong")
    conversation.collect()
    return conversation


@scenario
def login_unknown_user():
    """A login of a user that nobody knows: it looks like a wrong password."""
    conversation = Conversation(guarded())
    login(conversation, name=b"mallory")
    conversation.collect()
    return conversation


@scenario
def login_text():
    """A login with the name as text, as Python 3 programs do."""
    conversation = Conversation(guarded())
    login(conversation, name="alice")
    conversation.collect()
    return conversation


@scenario
def login_anonymous():
    """An anonymous login where the portal allows it."""
    conversation = Conversation(guarded(anonymous=True))
    avatar = conversation.wait(conversation.clientFactory.login(credentials.Anonymous()))
    conversation.call(avatar, "whoami")
    return conversation


@scenario
def login_anonymous_refused():
    """An anonymous login where the portal does not allow it."""
    conversation = Conversation(guarded())
    conversation.wait(conversation.clientFactory.login(credentials.Anonymous(), Counter()))
    conversation.collect()
    return conversation


@scenario
def view():
    """A Viewable from an avatar: its methods learn who calls."""
    conversation = Conversation(guarded())
    avatar = login(conversation)
    document = conversation.call(avatar, "view")
    conversation.call(document, "read")
    conversation.call(document, "write", 1)
    return conversation


"""
A guest book for alice and bob, which everybody sees with their own eyes: views_server.ts in Python.

    python3 examples/python/views_server.py --port 8787
"""

import place
from twisted.cred import checkers, portal
from twisted.spread import pb
from zope.interface import implementer


class GuestBook(pb.Viewable):
    """A book that everybody may read and write; its methods are told who calls."""

    def __init__(self):
        self.notes = []

    def view_write(self, guest, text):
        self.notes.append((guest.name, text))
        return len(self.notes)

    def view_read(self, guest):
        return [f"{'you' if by == guest.name else by}: {text}" for by, text in self.notes]

    def view_erase(self, guest, number):
        if self.notes[number - 1][0] != guest.name:
            raise pb.Error(f"Note {number} is not yours")
        del self.notes[number - 1]


class Guest(pb.Avatar):
    """What a guest gets after logging in."""

    def __init__(self, name, book):
        self.name, self.book = name, book

    def perspective_book(self):
        return self.book


@implementer(portal.IRealm)
class House:
    """Gives every guest the same book."""

    def __init__(self):
        self.book = GuestBook()

    def requestAvatar(self, avatarId, mind, *interfaces):
        return pb.IPerspective, Guest(avatarId.decode(), self.book), lambda: None


if __name__ == "__main__":
    users = checkers.InMemoryUsernamePasswordDatabaseDontUse(alice=b"secret", bob=b"secret")
    place.serve(pb.PBServerFactory(portal.Portal(House(), [users])), __doc__)

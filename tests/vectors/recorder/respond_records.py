"""
Answers to challenges: what `twisted.spread.pb.respond` makes of a challenge and a password.
"""

from twisted.spread import pb

CASES = [
    (b"", b""),
    (b"challenge", b"secret"),
    (bytes(16), b"secret"),
    (bytes(range(16)), b"secret"),
    (bytes(range(240, 256)), b""),
    (bytes(range(16)), "p\u00e4ssw\u00f6rd".encode("utf-8")),
    (bytes(range(16)), bytes(range(256))),
    (bytes(range(256)), b"x" * 1000),
]


def records():
    return [
        {
            "challenge": challenge.hex(),
            "password": password.hex(),
            "response": pb.respond(challenge, password).hex(),
        }
        for challenge, password in CASES
    ]

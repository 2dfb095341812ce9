"""
Records what Twisted's cred decides, for `tests/cred`.

Run it with a Python that has Twisted. It writes `cred.json` beside this file; two runs write the
same bytes. Bytes are hexadecimal text, unless they are the UTF-8 of a text.
"""

import hmac
import inspect
import json
import os
import stringprep
import tempfile
import unicodedata

import twisted
from twisted.cred import checkers, credentials, error, portal
from twisted.cred._digest import calcHA1, calcHA2, calcResponse
from twisted.logger import globalLogPublisher
from twisted.python.reflect import qual


def outcome(deferred):
    """What a deferred that has fired came to."""
    results = []
    deferred.addBoth(results.append)
    (result,) = results
    if hasattr(result, "type"):
        return {"error": qual(result.type)}
    return {"ok": result.hex()}


def errors():
    names = "Unauthorized LoginFailed UnauthorizedLogin UnhandledCredentials LoginDenied"
    return {
        name: [qual(c) for c in inspect.getmro(getattr(error, name))]
        for name in names.split()
    }


FILES = {
    "plain": b"alice:secret\nbob:hunter2\n",
    "no last newline": b"alice:secret\nbob:hunter2",
    "carriage returns": b"alice:secret\r\nbob:hunter2\r\n",
    "lone carriage return": b"alice:secret\rbob:hunter2\n",
    "white space at the end": b"alice:secret \t\x0b\x0c\r\nbob:hunter2 \n",
    "separators that bytes keep": b"alice:secret\x1c\nbob:hunter2\xc2\xa0\n",
    "white space at the start": b" alice:secret\n\tbob: hunter2\n",
    "blank and short lines": b"\n\nalice\n:\nalice:secret\n   \nbob\nbob:hunter2\n",
    "twice": b"alice:first\nalice:second\nbob:hunter2\nAlice:third\n",
    "colon in the password": b"alice:sec:ret\nbob::hunter2\n",
    "empty password": b"alice:\nbob: \n",
    "empty name": b":secret\nalice:\n",
    "three fields": b"secret:x:alice\nhunter2:y:bob\n",
    "spaces": b"secret dingle dongle alice\nhunter2 dingle dongle bob\n",
    "two colons": b"alice::secret\nbob::hunter2\n:::::\n",
    "upper case": b"ALICE:secret\nBoB:hunter2\n",
    "utf-8": "älice:gehÄim\nÄLICE:other\n".encode(),
    "not utf-8": b"\xe4lice:secret\nalice:\xff\xfe\nbob:hunter2\n",
    "byte order mark": b"\xef\xbb\xbfalice:secret\nbob:hunter2\n",
    "nul": b"ali\x00ce:sec\x00ret\nbob:hunter2\n",
    "empty": b"",
}

OPTIONS = {
    "default": {},
    "cached": {"cache": True},
    "no cases": {"caseSensitive": False},
    "no cases, cached": {"caseSensitive": False, "cache": True},
    "last and first": {"usernameField": 2, "passwordField": 0},
    "swapped": {"usernameField": 1, "passwordField": 0},
    "same field": {"usernameField": 0, "passwordField": 0},
    "from the end": {"usernameField": 0, "passwordField": -1},
    "by spaces": {"delim": b" ", "usernameField": 3, "passwordField": 0},
    "by two colons": {"delim": b"::"},
    "hashed": {"hash": lambda user, password, stored: password[::-1]},
}

ATTEMPTS = [
    (user, password)
    for user in ["alice", "bob", "Alice", "ALICE", "älice", "ÄLICE", "", "ali\0ce", "\ufeffalice"]
    for password in [
        "secret", "hunter2", "first", "second", "third", "sec", "", "alice", "terces",
        "sec\0ret", "secret\x1c", "hunter2\xa0", "gehÄim", "other", " hunter2", "ret",
        "secret\rbob", "x",
    ]
]


def files():
    rows = []
    for file, content in FILES.items():
        with tempfile.NamedTemporaryFile(delete=False) as f:
            f.write(content)
        for options, kwargs in OPTIONS.items():
            accepted = []
            for user, password in ATTEMPTS:
                db = checkers.FilePasswordDB(f.name, **kwargs)
                creds = credentials.UsernamePassword(user.encode(), password.encode())
                result = outcome(db.requestAvatarId(creds))
                if "ok" in result:
                    accepted.append([user, password, bytes.fromhex(result["ok"]).decode()])
                else:
                    assert result == {"error": "twisted.cred.error.UnauthorizedLogin"}, result
            rows.append({"file": file, "options": options, "accepted": accepted})
        os.remove(f.name)
    return {
        "contents": {name: content.hex() for name, content in FILES.items()},
        "attempts": ATTEMPTS,
        "rows": rows,
    }


def unhandled():
    """Messages of a portal without checkers."""
    cases = {
        "Anonymous": credentials.Anonymous(),
        "UsernamePassword": credentials.UsernamePassword(b"", b""),
        "CramMD5Credentials": credentials.CramMD5Credentials(),
        "DigestedCredentials": credentials.DigestedCredentials(b"", b"", b"", {}),
    }
    messages = {}
    for name, creds in cases.items():
        failures = []
        portal.Portal(None).login(creds, None).addErrback(failures.append)
        messages[name] = str(failures[0].value)
    return messages


def cram():
    rows = []
    for secret in [b"secret", b"", b"\xff" * 64, b"\xff" * 100]:
        challenge = b"<691838615.1795337605@mail.example>"
        creds = credentials.CramMD5Credentials()
        creds.challenge = challenge
        response = b"alice " + hmac.new(secret, challenge, "md5").hexdigest().encode()
        creds.setResponse(response)
        assert creds.checkPassword(secret)
        rows.append({
            "challenge": challenge.decode(), "secret": secret.hex(), "response": response.decode(),
        })
    return rows


def digests():
    """Responses of Twisted's own functions, and what its factory reads in odd headers."""
    rows = []
    for algorithm in ["md5", "MD5", "md5-sess", "sha", None]:
        for nc, cnonce in [("00000001", "29fc54aa1641c6fa"), (None, None), ("00000002", "ü")]:
            if cnonce is None and algorithm == "md5-sess":
                continue
            b = lambda text: None if text is None else text.encode()
            name = b((algorithm or "md5").lower())
            fields = {"nonce": "1782887587161", "uri": "/wrïte/,x", "qop": "auth"}
            if nc is not None:
                fields.update(nc=nc, cnonce=cnonce)
            if algorithm is not None:
                fields["algorithm"] = algorithm
            nonce = b(fields["nonce"])
            user, realm, password = b("fooßar"), b("test realm"), b("bazquüx")
            ha1 = calcHA1(name, user, realm, password, nonce, b(cnonce))
            ha2 = calcHA2(name, b"GET", b(fields["uri"]), b"auth", None)
            response = calcResponse(ha1, ha2, name, nonce, b(nc), b(cnonce), b"auth")
            fields["response"] = response.decode()
            creds = credentials.DigestedCredentials(
                user, b"GET", realm, {k: b(v) for k, v in fields.items()}
            )
            assert creds.checkPassword(password)
            plain = calcHA1(name.replace(b"-sess", b""), user, realm, password, nonce, None)
            assert creds.checkHash(plain)
            rows.append({"fields": fields, "hash": plain.decode()})

    headers = []
    for text in [
        'username="alice", uri="/some,path/", opaque="o", nonce="n"',
        "username=alice,uri=/x,opaque=o,nonce=n",
        'username = "alice", opaque="o", nonce="n"',
        'username="alice" , opaque= "o" ,nonce="n"',
        'username="alice",\r\n opaque="o",\n nonce="n"\r\n',
        'username="", opaque="o", nonce="n"',
        'username="first", username="second", opaque="o", nonce="n"',
        'username=" alice\t", opaque="o", nonce="n"',
        'username=" ", opaque="o", nonce="n"',
        'USERNAME="alice", opaque="o", nonce="n"',
        'username="älice", opaque="o", nonce="n"',
        'username="alice", opaque="", nonce=""',
        'username=alice" b, opaque="o", nonce="n"',
        'username="ali"ce", opaque="o", nonce="n"',
        'username="alice", opaque="o", nonce="n", last=\r\n',
        '=x, username="alice", opaque="o", nonce="n"',
        '= username="alice", opaque="o", nonce="n"',
        'empty=,username="alice", username="b", opaque="o", nonce="n"',
        'empty= , username="alice", opaque="o", nonce="n", last=',
        'a=b,c=d,username="alice",opaque="o",nonce="n"',
        'username="alice", opaque="o", nonce="n", open="x, b=2',
        'opaque="o", nonce="n"',
        'username="alice", nonce="n"',
        'username="alice", opaque="o"',
        "",
    ]:
        factory = credentials.DigestCredentialFactory(b"md5", b"realm")
        factory._verifyOpaque = lambda *args: True
        try:
            creds = factory.decode(text.encode(), b"GET", None)
            result = {"fields": {k: v.decode() for k, v in creds.fields.items()}}
        except error.LoginFailed as e:
            result = {"error": str(e)}
        headers.append({"header": text, **result})
    return {"responses": rows, "headers": headers}


def prepared(text):
    """SASLprep (RFC 4013) by Python's own tables, without the rules on bidirectional text."""
    mapped = "".join(
        " " if stringprep.in_table_c12(c) else c
        for c in text
        if not stringprep.in_table_b1(c)
    )
    normal = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    tables = [
        stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3,
        stringprep.in_table_c4, stringprep.in_table_c5, stringprep.in_table_c6,
        stringprep.in_table_c7, stringprep.in_table_c8, stringprep.in_table_c9,
    ]
    if any(table(c) for c in normal for table in tables):
        return None
    return normal


def saslprep():
    """The examples of RFC 4013, and each code point that SASLprep maps away or refuses."""
    examples = ["I\u00adX", "user", "USER", "\u00aa", "\u2168", "\u0007", "pa\u00a0ss", "ﬁ", "a\u0301"]
    rows = [[text, prepared(text)] for text in examples]
    dropped, spaced, refused = [], [], []
    for code in range(0x110000):
        c = chr(code)
        if 0xD800 <= code < 0xE000 or 0xF0000 <= code < 0x10FFFE and code & 0xFFFF not in (0, 0xFFFD):
            continue
        if stringprep.in_table_b1(c):
            dropped.append(code)
        elif stringprep.in_table_c12(c):
            spaced.append(code)
        elif prepared(c) is None:
            refused.append(code)
    return {"examples": rows, "dropped": dropped, "spaced": spaced, "refused": ranges(refused)}


def ranges(codes):
    """Runs of numbers as pairs of first and last."""
    runs = []
    for code in codes:
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return runs


def main():
    for observer in list(globalLogPublisher._observers):
        globalLogPublisher.removeObserver(observer)
    record = {
        "twisted": twisted.__version__,
        "errors": errors(),
        "unhandled": unhandled(),
        "files": files(),
        "cram": cram(),
        "digests": digests(),
        "saslprep": saslprep(),
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cred.json")
    with open(path, "w") as file:
        json.dump(record, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()

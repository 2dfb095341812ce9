"""
How bytes and s-expressions are written in the records; record.py says how they look.
"""

import re
import struct

from twisted.spread import banana

#: A byte that repeats so often is written once, with a count.
RUN = re.compile(rb"(.)\1{63,}", re.DOTALL)


def hex_form(data):
    """Bytes as hexadecimal text, with long runs of a byte counted."""
    parts, at = [], 0
    for run in RUN.finditer(data):
        parts.append(data[at : run.start()].hex())
        parts.append(f"({run.group(1).hex()}*{run.end() - run.start()})")
        at = run.end()
    return "".join(parts) + data[at:].hex()


def sexp_form(sexp):
    """An s-expression as what `json` writes."""
    if isinstance(sexp, (list, tuple)):
        return [sexp_form(item) for item in sexp]
    if isinstance(sexp, bytes):
        printable = all(0x20 <= byte < 0x7F or byte == 0x0A for byte in sexp)
        return sexp.decode("ascii") if printable and len(sexp) < 1024 else {"hex": hex_form(sexp)}
    if isinstance(sexp, float):
        return {"float": repr(sexp)}
    if isinstance(sexp, int):
        return sexp if abs(sexp) < 2**53 else {"int": str(sexp)}
    raise TypeError(f"not an s-expression: {sexp!r}")


class Codec(banana.Banana):
    """Banana without a connection, in one dialect."""

    def __init__(self, dialect):
        super().__init__()
        self.setPrefixLimit(64)
        self.currentDialect = dialect.encode()
        self.decoded = []

    def encode(self, sexp):
        parts = []
        self._encode(sexp, parts.append)
        return b"".join(parts)

    def expressionReceived(self, sexp):
        self.decoded.append(sexp)


def encode(sexp, dialect):
    """The bytes of an s-expression in a dialect."""
    return Codec(dialect).encode(sexp)


def decode(data, dialect):
    """The s-expressions in bytes of a dialect; an error if Twisted refuses them."""
    codec = Codec(dialect)
    codec.dataReceived(data)
    return codec.decoded


def same(a, b):
    """Whether two s-expressions are the same: 1 is not 1.0, and NaN is itself."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("!d", a) == struct.pack("!d", b)
    return type(a) is type(b) and a == b

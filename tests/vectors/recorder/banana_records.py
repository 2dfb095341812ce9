"""
Banana: every type of element at its edges, in both dialects, and what Twisted refuses.
"""

from forms import decode, encode, hex_form, same, sexp_form
from twisted.spread.banana import SIZE_LIMIT, Banana

INTS = [0, 1, 127, 128, 255, 256, 1015, 16383, 16384, 10151]
EDGES = [2**31, 2**32, 2**53, 2**63, 2**64, 3 * (2**63 - 1), 1024**10, 2**448 - 1]

FLOATS = {
    "zero": 0.0,
    "minus zero": -0.0,
    "one": 1.0,
    "with an integral value": 1015.0,
    "fraction": 1.5,
    "tenth": 0.1,
    "negative": -2.25,
    "large": 1e300,
    "largest": 1.7976931348623157e308,
    "smallest": 5e-324,
    "infinite": float("inf"),
    "minus infinite": float("-inf"),
    "not a number": float("nan"),
}

BYTES = {
    "empty": b"",
    "one byte": b"a",
    "zero byte": b"\0",
    "high byte": b"\xff",
    "all bytes": bytes(range(256)),
    "127 bytes": b"x" * 127,
    "128 bytes": b"x" * 128,
    "starts like a word": b"remote_echo",
    "word in capitals": b"LIST",
    "at the limit": b"a" * SIZE_LIMIT,
}

LISTS = {
    "empty": [],
    "one item": [1],
    "nested": [1, [2, [3, []]], b"x", 4.0],
    "empty lists": [[], [[]], []],
    "of everything": [0, -1, 2**31, -(2**31) - 1, 1.5, b"list", b"other", []],
    "128 items": list(range(128)),
    "200 deep": None,
}


def deep(levels):
    sexp = []
    for _ in range(levels - 1):
        sexp = [sexp]
    return sexp


def values():
    for n in INTS:
        yield f"int {n}", n
        if n:
            yield f"int {-n}", -n
    for edge in EDGES[:-1]:
        for n in (edge - 1, edge, edge + 1):
            yield f"int {n}", n
            yield f"int {-n}", -n
    largest = EDGES[-1]
    yield "int 2^448-1", largest
    yield "int -(2^448-1)", -largest
    for name, number in FLOATS.items():
        yield f"float {name}", number
    for name, data in BYTES.items():
        yield f"bytes {name}", data
    for word in Banana.outgoingVocabulary:
        yield f"word {word.decode()}", word
    for name, sexp in LISTS.items():
        yield f"list {name}", deep(200) if sexp is None else sexp


#: Bytes that an encoder would not send, but that Twisted reads.
READ = {
    "int without digits": ("81", "pb"),
    "int with zeros after its digits": ("01000081", "pb"),
    "negative zero": ("0083", "pb"),
    "long int with a small value": ("0585", "pb"),
    "long negative int with a small value": ("0586", "pb"),
    "short form of a large int": ("00000000000183", "pb"),
    "string without length": ("82", "pb"),
    "list without length": ("80", "pb"),
    "word as a string": ("0482" + b"list".hex(), "pb"),
    "float with digits before it": ("01843ff0000000000000", "pb"),
    "prefix of 64 bytes": ("00" * 64 + "81", "pb"),
    "two expressions": ("01810281", "pb"),
}

#: Bytes that Twisted refuses.
REFUSED = {
    "prefix of 65 bytes": ("00" * 65 + "81", "pb"),
    "65 bytes that could become a prefix": ("00" * 65, "pb"),
    "string over the limit": (hex_form(b"\x01\x00\x28\x82"), "pb"),
    "string of 2^32 bytes": ("000000001082", "pb"),
    "list over the limit": (hex_form(b"\x01\x00\x28\x80"), "pb"),
    "list of 2^32 items": ("000000001080", "pb"),
    "list of 2^30 items": ("0000000480", "pb"),
    "word 0": ("0087", "pb"),
    "word 32": ("2087", "pb"),
    "word 122": ("7a87", "pb"),
    "word in dialect none": ("1087", "none"),
    "unknown type byte 88": ("0188", "pb"),
    "unknown type byte ff": ("ff", "pb"),
    "text of an HTTP client": (b"GET / HTTP/1.1\r\n\r\n\xc3".hex(), "pb"),
}

#: S-expressions that Twisted does not send.
UNSENDABLE = {
    "int 2^448": 2**448,
    "int -(2^448)": -(2**448),
    "bytes over the limit": b"a" * (SIZE_LIMIT + 1),
}


def error_of(function, *args):
    try:
        function(*args)
    except Exception as error:
        return type(error).__name__
    raise AssertionError(f"not refused: {args}")


def records():
    result = []
    for name, sexp in values():
        record = {"kind": "value", "name": name, "sexp": sexp_form(sexp)}
        for dialect in ("pb", "none"):
            wire = encode(sexp, dialect)
            assert same(decode(wire, dialect), [sexp]), name
            record[dialect] = hex_form(wire)
        result.append(record)
    for name, (wire, dialect) in READ.items():
        sexps = decode(bytes.fromhex(wire), dialect)
        result.append(
            {"kind": "read", "name": name, "dialect": dialect, "wire": wire}
            | {"sexps": sexp_form(sexps)}
        )
    for name, (wire, dialect) in REFUSED.items():
        error = error_of(decode, bytes.fromhex(wire), dialect)
        result.append(
            {"kind": "refused", "name": name, "dialect": dialect, "wire": wire, "error": error}
        )
    for name, sexp in UNSENDABLE.items():
        error = error_of(encode, sexp, "pb")
        result.append(
            {"kind": "unsendable", "name": name, "sexp": sexp_form(sexp), "error": error}
        )
    return result

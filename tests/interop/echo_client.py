"""
A PB client that has values of every type echoed, and prints whether they came back unchanged.

    python3 echo_client.py --port 8787
"""

import datetime
import struct
from decimal import Decimal

import twin
from twisted.spread import pb

VALUES = [
    None,
    True,
    False,
    0,
    1,
    -1,
    127,
    128,
    2**31 - 1,
    2**31,
    -(2**31),
    -(2**31) - 1,
    2**53 - 1,
    2**53 + 1,
    -(2**53) - 1,
    2**63,
    2**448 - 1,
    -(2**448 - 1),
    1.5,
    -0.0,
    1e300,
    float("inf"),
    float("-inf"),
    float("nan"),
    "",
    "text",
    "h\u00e9llo \u4f60\u597d \U0001f600",
    "list",
    "__proto__",
    "a" * 640 * 1024,
    b"",
    b"bytes \x00\xff",
    b"list",
    [],
    [1, "two", b"three", [4.5, [None]]],
    (),
    (1, ("two", [b"three"])),
    {},
    {"a": 1, "b": {"c": [2]}},
    {1: "one", b"two": 2, (3, 4): "five"},
    {"__proto__": 1, "constructor": 2, "then": 3},
    set(),
    {1, "two", (3, 4)},
    frozenset([1, 2]),
    {frozenset([1])},
    datetime.datetime(2026, 1, 2, 3, 4, 5, 678901),
    datetime.datetime(1, 1, 1),
    datetime.date(9999, 12, 31),
    datetime.time(23, 59, 59, 999999),
    datetime.timedelta(days=-1, seconds=2, microseconds=3),
    Decimal("9.95"),
    Decimal("-78.901"),
    Decimal("1E+5"),
]


def same(a, b):
    """Whether two values are equal, with equal types at every depth."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return a == b


def short(value):
    text = repr(value)
    return text if len(text) < 80 else f"{text[:60]}... ({len(text)} characters)"


async def main():
    factory = pb.PBClientFactory()
    await twin.connect(factory, args)
    root = await factory.getRootObject()
    different = 0
    for value in VALUES:
        facts = {"sent": short(value)}
        try:
            echo = await root.callRemote("echo", value)
        except Exception as error:
            facts.update(same=False, error=f"{type(error).__name__}: {error}")
        else:
            facts["same"] = same(value, echo)
            if not facts["same"]:
                facts["got"] = short(echo)
        different += not facts["same"]
        twin.say(**facts)
    twin.say(values=len(VALUES), different=different)
    factory.disconnect()
    return 1 if different else 0


if __name__ == "__main__":
    args = twin.options(__doc__).parse_args()
    twin.run(main)

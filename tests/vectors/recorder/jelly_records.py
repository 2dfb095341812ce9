"""
Jelly: Python values, their s-expressions, and the banana bytes of these.
"""

import datetime
from decimal import Decimal

from forms import encode, hex_form, sexp_form
from twisted.spread import jelly
from twisted.spread.banana import SIZE_LIMIT

#: Values by a Python expression, which is also their name.
EXPRESSIONS = """
None
True
False

0
1
-1
127
128
-128
2**31 - 1
2**31
2**31 + 1
-(2**31) + 1
-(2**31)
-(2**31) - 1
2**53 - 1
2**53
2**53 + 1
-(2**53) + 1
-(2**53)
-(2**53) - 1
2**63 - 1
2**63
-(2**63)
-(2**63) - 1
2**448 - 1
-(2**448 - 1)

0.0
-0.0
1.0
-1.0
1.5
0.1
1e300
float(2**53)
float("inf")
float("-inf")
float("nan")

""
"a"
"hello world"
"h\\u00e9llo"
"\\u4f60\\u597d"
"\\U0001f600 astral"
"zero \\0 byte"
"list"
"remote"
"login"
"None"
"__proto__"
"a" * (640 * 1024)

b""
b"a"
b"\\0\\xff"
b"list"
b"remote"
b"None"
b"b" * (640 * 1024)

[]
[1]
[1, "two", b"three", 4.0, None, True]
[[], [[]], [[[]]]]

()
(1,)
(1, "two", b"three", 4.0, None, True)
((), ((),))
[(1, 2), [3, 4]]

{}
{"a": 1}
{"a": 1, "b": [2], "c": {"d": 3}}
{"__proto__": 1, "constructor": 2, "then": 3, "toJSON": 4}
{1: "one", -2: "minus two"}
{b"a": 1, b"list": 2}
{(1, 2): "tuple"}
{None: 1, True: 2, 1.5: 3}
{"a": 1, b"a": 2, 0: 3}

set()
{1}
{1, 2, 3}
{"a"}
{(1, 2)}
frozenset()
frozenset([1, 2, 3])
{frozenset([1]), frozenset([2])}
frozenset([frozenset()])

datetime.datetime(2026, 1, 2, 3, 4, 5)
datetime.datetime(2026, 12, 31, 23, 59, 59, 999999)
datetime.datetime(1, 1, 1)
datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)
datetime.datetime(1970, 1, 1, 0, 0, 0, 1)
datetime.date(2026, 1, 2)
datetime.date(1, 1, 1)
datetime.date(9999, 12, 31)
datetime.date(2024, 2, 29)
datetime.time(3, 4, 5)
datetime.time(3, 4, 5, 6)
datetime.time(0, 0)
datetime.time(23, 59, 59, 999999)
datetime.timedelta(0)
datetime.timedelta(days=1, seconds=2, microseconds=3)
datetime.timedelta(seconds=-1)
datetime.timedelta(microseconds=-1)
datetime.timedelta(days=-3)
datetime.timedelta.max
datetime.timedelta.min

Decimal("9.95")
Decimal("0")
Decimal("123456")
Decimal("-78.901")
Decimal("1.50")
Decimal("1E+5")
Decimal("-0.001")
Decimal("1E-20")
Decimal("123456789012345678901234567890.5")

int
str
datetime.datetime
"""


def in_itself():
    """A list that contains itself twice."""
    value = []
    value.extend([value, value])
    return value


def shared_dict():
    """A list with the same dict twice."""
    shared = {"a": 1}
    return [shared, shared]


def shared_list():
    """A dict with the same list under three keys."""
    shared = [1]
    return {"a": shared, "b": shared, "c": shared}


def shared_tuple():
    """A list with the same tuple twice."""
    shared = (1, 2)
    return [shared, shared]


def shared_text():
    """A list with the same text twice: texts are never shared."""
    shared = "shared"
    return [shared, shared]


def two_shared():
    """Two shared lists, one in the other."""
    inner = ["inner"]
    outer = [inner, inner]
    return [outer, outer, inner]


def list_in_tuple():
    """A list that holds a tuple that holds the list."""
    value = []
    value.append((value, 1))
    return value


def tuple_in_list():
    """A tuple that holds a list that holds the tuple."""
    inner = []
    value = (inner, 1)
    inner.append(value)
    return value


def tuple_list_tuple():
    """A tuple that holds a list that holds a tuple that holds the outer tuple."""
    middle = []
    value = (middle, "outer")
    middle.append((value, "inner"))
    return value


def tuple_and_list_through_dict():
    """A tuple and a list that contain each other through a dict."""
    items = []
    value = (items, 4)
    items.append({"key": value, "list": items})
    return value


def dict_in_itself():
    """A dict that holds itself."""
    value = {}
    value["self"] = value
    return value


def set_of_shared_tuples():
    """A list with a tuple, and a set with the same tuple."""
    shared = (1, 2)
    return [shared, {shared}]


def frozenset_twice():
    """A list with the same frozenset twice."""
    shared = frozenset([1])
    return [shared, shared]


def set_twice():
    """A list with the same set twice."""
    shared = {1}
    return [shared, shared]


def date_twice():
    """A list with the same date twice: dates are never shared."""
    shared = datetime.date(2026, 1, 2)
    return [shared, shared]


def shared_key():
    """A dict whose key and value are the same tuple."""
    shared = (1, 2)
    return {shared: shared}


def deep():
    """Lists in lists, 200 deep."""
    value = []
    for _ in range(199):
        value = [value]
    return value


class Point:
    """An instance whose class the receiver has to allow."""

    def __init__(self, x, y):
        self.x = x
        self.y = y


def instance():
    """An instance of a class that is allowed."""
    return Point(1, "two")


def instance_twice():
    """A list with the same instance twice."""
    shared = Point(1, 2)
    return [shared, shared]


def instance_in_itself():
    """An instance with itself as an attribute."""
    value = Point(1, None)
    value.y = value
    return value


def not_allowed():
    """An instance of a class that the sender does not allow."""
    return [object(), 1]


GRAPHS = [
    in_itself,
    shared_dict,
    shared_list,
    shared_tuple,
    shared_text,
    two_shared,
    list_in_tuple,
    tuple_in_list,
    tuple_list_tuple,
    tuple_and_list_through_dict,
    dict_in_itself,
    set_of_shared_tuples,
    set_twice,
    frozenset_twice,
    date_twice,
    shared_key,
    deep,
    instance,
    instance_twice,
    instance_in_itself,
    not_allowed,
]


def record(name, python, value):
    options = jelly.SecurityOptions()
    options.allowBasicTypes()
    options.allowInstancesOf(Point)
    options.allowTypes("builtins.type")
    sexp = jelly.jelly(value, options)
    wires = {dialect: hex_form(encode(sexp, dialect)) for dialect in ("pb", "none")}
    return {"name": name, "python": python, "sexp": sexp_form(sexp)} | wires


def records():
    result = []
    names = {"datetime": datetime, "Decimal": Decimal}
    for line in EXPRESSIONS.split("\n"):
        if line:
            result.append(record(line, line, eval(line, names)))
    assert SIZE_LIMIT == 640 * 1024
    for function in GRAPHS:
        result.append(record(function.__name__, function.__doc__, function()))
    return result

"""
Reads a value from its bytes, and writes it again, to show what Twisted makes of what we send.

Each line of input is the bytes of a value in hexadecimal, in dialect pb; each is answered by a line
of JSON with the bytes that Twisted writes for the value that it read, or the error that it raised.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "vectors" / "recorder"))

from forms import decode, encode  # noqa: E402
from twin import say  # noqa: E402
from twisted.spread import jelly  # noqa: E402


def again(line):
    """The bytes that Twisted writes for the value in other bytes."""
    options = jelly.SecurityOptions()
    options.allowBasicTypes()
    (sexp,) = decode(bytes.fromhex(line), "pb")
    value = jelly.unjelly(sexp, options)
    return encode(jelly.jelly(value, options), "pb").hex()


say(ready=True)
for line in sys.stdin:
    try:
        say(wire=again(line.strip()))
    except Exception as error:
        say(error=f"{type(error).__name__}: {error}")

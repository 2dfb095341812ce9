"""
Records what Twisted's Perspective Broker puts on the wire, for the tests.

Run it with a Python that has Twisted: `deno task vectors` does so. It writes `banana.json`,
`jelly.json`, `pb.json` and `respond.json` beside this file; two runs write the same bytes.

Each file is an object with the version of Twisted and a list of records, one to a line. In them:

- Bytes of the wire are hexadecimal text. A long run of one byte is `(61*655360)`: 61, so many times.
- An s-expression is JSON: a list is an array, an int a number (beyond 2^53 `{"int": "2361…"}`), a
  float `{"float": "1.5"}` (also "-0.0", "nan", "inf", "-inf"), bytes a string if they are printable
  ASCII or line feeds, and `{"hex": "00ff"}` if they are not. Banana has no text, so a string is always bytes.

README.md beside this file says what the records of each file hold; `load.ts` reads them.
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def line(record):
    """A record as one line of JSON; each message of a conversation gets a line too."""
    messages = record.get("messages")
    if messages is None:
        return json.dumps(record)
    rest = json.dumps({key: value for key, value in record.items() if key != "messages"})
    inner = ",\n    ".join(json.dumps(message) for message in messages)
    return f'{rest[:-1]}, "messages": [\n    {inner}\n  ]}}'


def write(name, records):
    """Writes a file of records."""
    import twisted

    lines = ",\n".join("  " + line(record) for record in records)
    with open(os.path.join(HERE, name), "w") as file:
        version = json.dumps(twisted.__version__)
        file.write(f'{{\n"twisted": {version},\n"records": [\n{lines}\n]\n}}\n')
    print(f"{name}: {len(records)} records")


def main():
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of a set of texts follows their hashes, which differ from run to run.
        environment = dict(os.environ, PYTHONHASHSEED="0")
        os.execve(sys.executable, [sys.executable, os.path.abspath(__file__)], environment)
    sys.path.insert(0, os.path.join(HERE, "recorder"))
    sys.dont_write_bytecode = True
    import banana_records
    import jelly_records
    import pb_records
    import respond_records

    write("banana.json", banana_records.records())
    write("jelly.json", jelly_records.records())
    write("pb.json", pb_records.records())
    write("respond.json", respond_records.records())


if __name__ == "__main__":
    main()

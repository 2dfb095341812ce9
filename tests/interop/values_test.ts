// Values between us and real Twisted, in both directions, at the edges of their ranges.

import { assert, assertEquals } from "@std/assert";
import { connect, type RemoteReference } from "@perspective/broker/broker";
import { Decimal, Float, FrozenSet, tuple } from "@perspective/broker/jelly";
import { EchoRoot, serveQuietly } from "./echo_root.ts";
import { runPython, startPython, twistedTest } from "./peer.ts";

const { PlainDate, PlainDateTime, PlainTime, Duration } = Temporal;

/** A value that we send, its repr in Python, and what comes back if it differs. */
const VALUES: [value: unknown, python: string, back?: unknown][] = [
  [null, "None"],
  [undefined, "None", null],
  [true, "True"],
  [false, "False"],
  [0, "0"],
  [-1, "-1"],
  [127, "127"],
  [128, "128"],
  [2 ** 31 - 1, "2147483647"],
  [2 ** 31, "2147483648"],
  [-(2 ** 31), "-2147483648"],
  [-(2 ** 31) - 1, "-2147483649"],
  [Number.MAX_SAFE_INTEGER, "9007199254740991"],
  [Number.MIN_SAFE_INTEGER, "-9007199254740991"],
  [5n, "5", 5],
  [2n ** 53n, "9007199254740992"],
  [-(2n ** 64n), "-18446744073709551616"],
  [2n ** 448n - 1n, String(2n ** 448n - 1n)],
  [-(2n ** 448n - 1n), String(-(2n ** 448n - 1n))],
  [1.5, "1.5"],
  [-0, "-0.0"],
  [2 ** 53, "9007199254740992.0"],
  [Number.MIN_VALUE, "5e-324"],
  [Number.MAX_VALUE, "1.7976931348623157e+308"],
  [Infinity, "inf"],
  [-Infinity, "-inf"],
  [NaN, "nan"],
  [new Float(3), "3.0", 3],
  ["", "''"],
  ["text", "'text'"],
  ["h\u00e9llo \u4f60\u597d \u{1f600}", "'h\u00e9llo \u4f60\u597d \u{1f600}'"],
  ["\0", "'\\x00'"],
  ["list", "'list'"],
  [new Uint8Array(0), "b''"],
  [Uint8Array.of(0, 127, 128, 255), "b'\\x00\\x7f\\x80\\xff'"],
  [new TextEncoder().encode("list"), "b'list'"],
  [[], "[]"],
  [[1, "two", [3.5, [null]]], "[1, 'two', [3.5, [None]]]"],
  [tuple(), "()"],
  [tuple(1, tuple("two", [3])), "(1, ('two', [3]))"],
  [{}, "{}"],
  [{ a: 1, b: { c: [2] } }, "{'a': 1, 'b': {'c': [2]}}"],
  [
    Object.fromEntries([["__proto__", 1], ["constructor", 2], ["then", 3]]),
    "{'__proto__': 1, 'constructor': 2, 'then': 3}",
  ],
  [new Map([["a", 1]]), "{'a': 1}", { a: 1 }],
  [new Map<unknown, unknown>([[1, "one"], ["b", 2]]), "{1: 'one', 'b': 2}"],
  [new Map([[tuple(3, 4), 5]]), "{(3, 4): 5}"],
  [new Map(), "{}", {}],
  [new Set(), "set()"],
  [new Set([7]), "{7}"],
  [new FrozenSet([7]), "frozenset({7})"],
  [new Set([new FrozenSet(["x"])]), "{frozenset({'x'})}"],
  [
    PlainDateTime.from("2026-01-02T03:04:05.678901"),
    "datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)",
  ],
  [PlainDateTime.from("0001-01-01"), "datetime.datetime(1, 1, 1, 0, 0)"],
  [new Date(0), "datetime.datetime(1970, 1, 1, 0, 0)", PlainDateTime.from("1970-01-01")],
  [PlainDate.from("9999-12-31"), "datetime.date(9999, 12, 31)"],
  [PlainTime.from("23:59:59.999999"), "datetime.time(23, 59, 59, 999999)"],
  [Duration.from({ days: 2, seconds: 3 }), "datetime.timedelta(days=2, seconds=3)"],
  [
    Duration.from({ microseconds: -1 }),
    "datetime.timedelta(days=-1, seconds=86399, microseconds=999999)",
  ],
  [new Decimal(995n, -2), "Decimal('9.95')"],
  [new Decimal(-78901n, -3), "Decimal('-78.901')"],
  [new Decimal(1n, 5), "Decimal('1E+5')"],
];

/** Makes a value comparable with its echo, as equal times do not compare equal but print alike. */
function comparable(value: unknown): unknown {
  if (value instanceof Duration) return value.total("microseconds");
  if (value instanceof PlainDateTime || value instanceof PlainDate || value instanceof PlainTime) {
    return [value.constructor.name, value.toString()];
  }
  return value;
}

twistedTest("every value arrives at a Twisted server as documented, and comes back", async () => {
  await using python = await startPython("echo_server.py");
  await using broker = await connect(`pb://127.0.0.1:${python.port}`);
  const root = broker.root();
  for (const [value, expected, back = value] of VALUES) {
    assertEquals(await root.callRemote("repr", value), expected);
    const echo = await root.callRemote("echo", value);
    assertEquals(comparable(echo), comparable(back), expected);
  }
});

twistedTest("every value of a Twisted client comes back unchanged from our server", async () => {
  await using server = serveQuietly(new EchoRoot());
  const { port } = new URL(server.url);
  const { code, lines, errors } = await runPython("echo_client.py", ["--port", port]);
  assertEquals(lines.filter(({ same }) => same === false), []);
  assertEquals(lines.at(-1), { values: lines.length - 1, different: 0 });
  assertEquals([code, errors], [0, ""]);
});

twistedTest("shared and cyclic values keep their shape, in both directions", async () => {
  await using python = await startPython("echo_server.py");
  await using broker = await connect(`pb://127.0.0.1:${python.port}`);
  const shared = { name: "shared" };
  const loop: unknown[] = [shared, shared];
  loop.push(loop, tuple(loop));
  assertEquals(
    await broker.root().callRemote("repr", loop),
    "[{'name': 'shared'}, {'name': 'shared'}, [...], ([...],)]",
  );
  const echo = await broker.root().callRemote("echo", loop) as unknown[];
  assert(echo[0] === echo[1] && echo[2] === echo && (echo[3] as unknown[])[0] === echo);

  await using server = serveQuietly(new EchoRoot());
  await using twisted = await startPython("console.py", ["--port", new URL(server.url).port]);
  const ask = async (expression: string) => (await twisted.ask(expression)).repr;
  await ask("keep(d={}, l=[1])");
  await ask("(d.update(l=l, self=d), l.append(l), l.append((d,)))");
  await ask('keep(e=root.callRemote("echo", d))');
  assertEquals(await ask('e["self"] is e and e["l"][1] is e["l"] and e["l"][2][0] is e'), "True");
});

twistedTest("values at Twisted's size limits arrive unchanged, in both directions", async () => {
  await using python = await startPython("echo_server.py");
  await using broker = await connect(`pb://127.0.0.1:${python.port}`);
  const root = broker.root();
  const text = "\u00e9".repeat(320 * 1024);
  assertEquals(await root.callRemote("echo", text), text);
  const bytes = new Uint8Array(640 * 1024).map((_, i) => i);
  assertEquals(await root.callRemote("echo", bytes), bytes);
  const list = Array.from({ length: 100_000 }, (_, i) => i);
  assertEquals(await root.callRemote("echo", list), list);
  const parts = Array.from({ length: 16 }, () => bytes);
  parts.forEach((part, i) => parts[i] = part.slice());
  assertEquals((await root.callRemote("echo", parts) as Uint8Array[]).at(-1), bytes);

  await using server = serveQuietly(new EchoRoot());
  await using twisted = await startPython("console.py", ["--port", new URL(server.url).port]);
  for (
    const value of [
      "'\u00e9' * (320 * 1024)",
      "bytes(range(256)) * 2560",
      "list(range(100000))",
      "[bytes([n]) * (640 * 1024) for n in range(16)]",
      "{str(n): {'id': n} for n in range(20000)}",
    ]
  ) {
    await twisted.ask(`keep(v=${value}, e=root.callRemote("echo", ${value}))`);
    assertEquals(await twisted.ask("e == v"), { type: "bool", repr: "True" }, value);
  }
});

twistedTest(
  "callRemote() rejects for values too large for Twisted, and the connection stays open",
  async () => {
    await using python = await startPython("echo_server.py");
    await using broker = await connect(`pb://127.0.0.1:${python.port}`);
    const root: RemoteReference = broker.root();
    let refused = 0;
    for (
      const value of ["a".repeat(640 * 1024 + 1), 2n ** 448n, new Array(640 * 1024 + 1).fill(0)]
    ) {
      await root.callRemote("echo", value).catch(() => refused++);
    }
    assertEquals(refused, 3);
    assertEquals(await root.callRemote("echo", 1), 1);
  },
);

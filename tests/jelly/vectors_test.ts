import { assertEquals } from "@std/assert";
import {
  Decimal,
  decodeValue,
  encodeValue,
  Float,
  FrozenSet,
  globalRegistry,
  jelly,
  JellyRegistry,
  SecurityOptions,
  type Taster,
  tuple,
  unjelly,
  Unpersistable,
} from "../../jelly/mod.ts";
import { jellyVectors } from "../vectors/load.ts";
import { feed } from "./feed.ts";
import { assertSameGraph } from "./graphs.ts";

const { PlainDate, PlainDateTime, PlainTime, Duration } = Temporal;
const bytes = (text: string) => new TextEncoder().encode(text);

/** A value, made at each call so that nothing is shared by accident. */
type Make = () => unknown;

class Point {
  static readonly jellyName = "jelly_records.Point";
  x: unknown;
  y: unknown;
  constructor(x: unknown, y: unknown) {
    this.x = x;
    this.y = y;
  }
}

const registry = new JellyRegistry();
registry.register("builtins.int", Number);
registry.register("builtins.str", String);
registry.register("datetime.datetime", PlainDateTime);
registry.register("jelly_records.Point", Point);

/** Values by their Python expressions; each arrives equal to what was sent. */
const BOTH_WAYS: Record<string, Make> = {
  "None": () => null,
  "True": () => true,
  "False": () => false,
  "0": () => 0,
  "1": () => 1,
  "-1": () => -1,
  "127": () => 127,
  "128": () => 128,
  "-128": () => -128,
  "2**31 - 1": () => 2 ** 31 - 1,
  "2**31": () => 2 ** 31,
  "2**31 + 1": () => 2 ** 31 + 1,
  "-(2**31) + 1": () => -(2 ** 31) + 1,
  "-(2**31)": () => -(2 ** 31),
  "-(2**31) - 1": () => -(2 ** 31) - 1,
  "2**53 - 1": () => 2 ** 53 - 1,
  "2**53": () => 2n ** 53n,
  "2**53 + 1": () => 2n ** 53n + 1n,
  "-(2**53) + 1": () => -(2 ** 53) + 1,
  "-(2**53)": () => -(2n ** 53n),
  "-(2**53) - 1": () => -(2n ** 53n) - 1n,
  "2**63 - 1": () => 2n ** 63n - 1n,
  "2**63": () => 2n ** 63n,
  "-(2**63)": () => -(2n ** 63n),
  "-(2**63) - 1": () => -(2n ** 63n) - 1n,
  "2**448 - 1": () => 2n ** 448n - 1n,
  "-(2**448 - 1)": () => 1n - 2n ** 448n,
  "-0.0": () => -0,
  "1.5": () => 1.5,
  "0.1": () => 0.1,
  "1e300": () => 1e300,
  "float(2**53)": () => 2 ** 53,
  'float("inf")': () => Infinity,
  'float("-inf")': () => -Infinity,
  'float("nan")': () => NaN,
  '""': () => "",
  '"a"': () => "a",
  '"hello world"': () => "hello world",
  '"h\\u00e9llo"': () => "héllo",
  '"\\u4f60\\u597d"': () => "你好",
  '"\\U0001f600 astral"': () => "😀 astral",
  '"zero \\0 byte"': () => "zero \0 byte",
  '"list"': () => "list",
  '"remote"': () => "remote",
  '"login"': () => "login",
  '"None"': () => "None",
  '"__proto__"': () => "__proto__",
  '"a" * (640 * 1024)': () => "a".repeat(640 * 1024),
  'b""': () => bytes(""),
  'b"a"': () => bytes("a"),
  'b"\\0\\xff"': () => Uint8Array.of(0, 255),
  'b"list"': () => bytes("list"),
  'b"remote"': () => bytes("remote"),
  'b"None"': () => bytes("None"),
  'b"b" * (640 * 1024)': () => bytes("b".repeat(640 * 1024)),
  "[]": () => [],
  "[1]": () => [1],
  "[[], [[]], [[[]]]]": () => [[], [[]], [[[]]]],
  "()": () => tuple(),
  "(1,)": () => tuple(1),
  "((), ((),))": () => {
    const empty = tuple();
    return tuple(empty, tuple(empty));
  },
  "[(1, 2), [3, 4]]": () => [tuple(1, 2), [3, 4]],
  "{}": () => ({}),
  '{"a": 1}': () => ({ a: 1 }),
  '{"a": 1, "b": [2], "c": {"d": 3}}': () => ({ a: 1, b: [2], c: { d: 3 } }),
  '{"__proto__": 1, "constructor": 2, "then": 3, "toJSON": 4}': () => ({
    ["__proto__"]: 1,
    constructor: 2,
    then: 3,
    toJSON: 4,
  }),
  '{1: "one", -2: "minus two"}': () => new Map([[1, "one"], [-2, "minus two"]]),
  '{b"a": 1, b"list": 2}': () => new Map([[bytes("a"), 1], [bytes("list"), 2]]),
  '{(1, 2): "tuple"}': () => new Map([[tuple(1, 2), "tuple"]]),
  "{None: 1, True: 2, 1.5: 3}": () => new Map<unknown, number>([[null, 1], [true, 2], [1.5, 3]]),
  '{"a": 1, b"a": 2, 0: 3}': () => new Map<unknown, number>([["a", 1], [bytes("a"), 2], [0, 3]]),
  "set()": () => new Set(),
  "{1}": () => new Set([1]),
  "{1, 2, 3}": () => new Set([1, 2, 3]),
  '{"a"}': () => new Set(["a"]),
  "{(1, 2)}": () => new Set([tuple(1, 2)]),
  "frozenset()": () => new FrozenSet(),
  "frozenset([1, 2, 3])": () => new FrozenSet([1, 2, 3]),
  "{frozenset([1]), frozenset([2])}": () => new Set([new FrozenSet([2]), new FrozenSet([1])]),
  "frozenset([frozenset()])": () => new FrozenSet([new FrozenSet()]),
  "datetime.datetime(2026, 1, 2, 3, 4, 5)": () => new PlainDateTime(2026, 1, 2, 3, 4, 5),
  "datetime.datetime(2026, 12, 31, 23, 59, 59, 999999)": () =>
    new PlainDateTime(2026, 12, 31, 23, 59, 59, 999, 999),
  "datetime.datetime(1, 1, 1)": () => new PlainDateTime(1, 1, 1),
  "datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)": () =>
    new PlainDateTime(9999, 12, 31, 23, 59, 59, 999, 999),
  "datetime.datetime(1970, 1, 1, 0, 0, 0, 1)": () => new PlainDateTime(1970, 1, 1, 0, 0, 0, 0, 1),
  "datetime.date(2026, 1, 2)": () => new PlainDate(2026, 1, 2),
  "datetime.date(1, 1, 1)": () => new PlainDate(1, 1, 1),
  "datetime.date(9999, 12, 31)": () => new PlainDate(9999, 12, 31),
  "datetime.date(2024, 2, 29)": () => new PlainDate(2024, 2, 29),
  "datetime.time(3, 4, 5)": () => new PlainTime(3, 4, 5),
  "datetime.time(3, 4, 5, 6)": () => new PlainTime(3, 4, 5, 0, 6),
  "datetime.time(0, 0)": () => new PlainTime(),
  "datetime.time(23, 59, 59, 999999)": () => new PlainTime(23, 59, 59, 999, 999),
  "datetime.timedelta(0)": () => new Duration(),
  "datetime.timedelta(days=1, seconds=2, microseconds=3)": () =>
    Duration.from({ days: 1, seconds: 2, microseconds: 3 }),
  "datetime.timedelta(seconds=-1)": () => Duration.from({ seconds: -1 }),
  "datetime.timedelta(microseconds=-1)": () => Duration.from({ microseconds: -1 }),
  "datetime.timedelta(days=-3)": () => Duration.from({ days: -3 }),
  "datetime.timedelta.max": () =>
    Duration.from({ days: 999999999, seconds: 86399, microseconds: 999999 }),
  "datetime.timedelta.min": () => Duration.from({ days: -999999999 }),
  'Decimal("9.95")': () => Decimal.from("9.95"),
  'Decimal("0")': () => Decimal.from("0"),
  'Decimal("123456")': () => Decimal.from("123456"),
  'Decimal("-78.901")': () => Decimal.from("-78.901"),
  'Decimal("1.50")': () => Decimal.from("1.50"),
  'Decimal("1E+5")': () => Decimal.from("1E+5"),
  'Decimal("-0.001")': () => Decimal.from("-0.001"),
  'Decimal("1E-20")': () => Decimal.from("1E-20"),
  'Decimal("123456789012345678901234567890.5")': () =>
    Decimal.from("123456789012345678901234567890.5"),
  "int": () => Number,
  "str": () => String,
  "datetime.datetime": () => PlainDateTime,
  in_itself: () => {
    const value: unknown[] = [];
    value.push(value, value);
    return value;
  },
  shared_dict: () => {
    const shared = { a: 1 };
    return [shared, shared];
  },
  shared_list: () => {
    const shared = [1];
    return { a: shared, b: shared, c: shared };
  },
  shared_tuple: () => {
    const shared = tuple(1, 2);
    return [shared, shared];
  },
  shared_text: () => ["shared", "shared"],
  two_shared: () => {
    const inner = ["inner"];
    const outer = [inner, inner];
    return [outer, outer, inner];
  },
  list_in_tuple: () => {
    const value: unknown[] = [];
    value.push(tuple(value, 1));
    return value;
  },
  tuple_in_list: () => {
    const inner: unknown[] = [];
    const value = tuple(inner, 1);
    inner.push(value);
    return value;
  },
  tuple_list_tuple: () => {
    const middle: unknown[] = [];
    const value = tuple(middle, "outer");
    middle.push(tuple(value, "inner"));
    return value;
  },
  tuple_and_list_through_dict: () => {
    const items: unknown[] = [];
    const value = tuple(items, 4);
    items.push({ key: value, list: items });
    return value;
  },
  dict_in_itself: () => {
    const value: Record<string, unknown> = {};
    value.self = value;
    return value;
  },
  set_of_shared_tuples: () => {
    const shared = tuple(1, 2);
    return [shared, new Set([shared])];
  },
  set_twice: () => {
    const shared = new Set([1]);
    return [shared, shared];
  },
  frozenset_twice: () => {
    const shared = new FrozenSet([1]);
    return [shared, shared];
  },
  date_twice: () => [new PlainDate(2026, 1, 2), new PlainDate(2026, 1, 2)],
  shared_key: () => {
    const shared = tuple(1, 2);
    return new Map([[shared, shared]]);
  },
  deep: () => {
    let value: unknown[] = [];
    for (let i = 0; i < 199; i++) value = [value];
    return value;
  },
  instance: () => new Point(1, "two"),
  instance_twice: () => {
    const shared = new Point(1, 2);
    return [shared, shared];
  },
  instance_in_itself: () => {
    const value = new Point(1, null);
    value.y = value;
    return value;
  },
  not_allowed: () => [new Unpersistable("instance of class builtins.object deemed insecure"), 1],
};

/** Floats with integer values: sent as a `Float`, received as a number. */
const FLOATS: Record<string, { sent: unknown; received: unknown }> = {
  "0.0": { sent: new Float(0), received: 0 },
  "1.0": { sent: new Float(1), received: 1 },
  "-1.0": { sent: new Float(-1), received: -1 },
  '[1, "two", b"three", 4.0, None, True]': {
    sent: [1, "two", bytes("three"), new Float(4), undefined, true],
    received: [1, "two", bytes("three"), 4, null, true],
  },
  '(1, "two", b"three", 4.0, None, True)': {
    sent: tuple(1, "two", bytes("three"), new Float(4), undefined, true),
    received: tuple(1, "two", bytes("three"), 4, null, true),
  },
};

/** Options that allow these classes. */
const security: Taster = new SecurityOptions()
  .allowInstancesOf(Point)
  .allowModules("builtins", "datetime")
  .allowInstancesOf(Number, String, PlainDateTime);

const options = { registry, security };

for (const { name, sexp, pb, none } of jellyVectors()) {
  const make = BOTH_WAYS[name];
  const sent: Make = make ?? (() => FLOATS[name]!.sent);
  const received: Make = make ?? (() => FLOATS[name]!.received);

  Deno.test(`encodeValue() and jelly() write ${name} as Twisted does`, () => {
    assertEquals(encodeValue(sent(), options), pb);
    assertEquals(encodeValue(sent(), { ...options, dialect: "none" }), none);
    assertEquals(jelly(sent(), options), sexp);
  });

  Deno.test(`decodeValue() and unjelly() read ${name} as Twisted writes it`, () => {
    assertSameGraph(decodeValue(pb, options), received());
    assertSameGraph(decodeValue(none, { ...options, dialect: "none" }), received());
    assertSameGraph(unjelly(sexp, options), received());
    for (const [dialect, wire] of [["pb", pb], ["none", none]] as const) {
      const [tree, ...more] = feed(wire, { dialect, size: 1 });
      assertEquals(more, []);
      assertSameGraph(unjelly(tree!, options), received());
    }
  });
}

Deno.test("jelly vectors are all tested, and leave the global registry empty", () => {
  const names = jellyVectors().map(({ name }) => name);
  assertEquals(new Set([...Object.keys(BOTH_WAYS), ...Object.keys(FLOATS)]), new Set(names));
  assertEquals(globalRegistry.value("builtins.int"), undefined);
});

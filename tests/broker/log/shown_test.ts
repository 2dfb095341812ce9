import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import "../../proto.ts";
import { shown } from "../../../broker/log/shown.ts";
import { tuple } from "@perspective/broker/jelly";

/** Returns what the console shows of an error. */
function print(error: unknown): string {
  return Deno.inspect(shown(error));
}

/** Makes many entries for an object or a map. */
function entries(count: number, value: (index: number) => unknown): [string, unknown][] {
  return Array.from({ length: count }, (_, i) => [`key${i}`, value(i)]);
}

const wide = (depth: number): unknown =>
  depth === 0 ? "x".repeat(1000) : Object.fromEntries(entries(50, () => wide(depth - 1)));

class Order {
  items = Array.from({ length: 80_000 }, (_, i) => i);
}

const LARGE: { name: string; value: unknown; says?: string }[] = [
  {
    name: "an object of many fields",
    value: Object.fromEntries(entries(80_000, String)),
    says: '"…": "79950 more"',
  },
  {
    name: "a map of many entries",
    value: new Map(entries(80_000, String)),
    says: '"…" => "79950 more"',
  },
  { name: "an array of many items", value: Array(80_000).fill([1]), says: '"79950 more"' },
  { name: "a tuple of many items", value: tuple(...Array(5000).fill([1])), says: "4950 more" },
  { name: "a set of many items", value: new Set(entries(80_000, String)), says: "79950 more" },
  { name: "an object of a class", value: new Order(), says: "Order {" },
  { name: "nested objects", value: wide(3) },
  { name: "bytes in an array", value: Array(10_000).fill(new Uint8Array(10_000)) },
  { name: "long keys", value: Object.fromEntries([["k".repeat(600_000), 1]]) },
  { name: "long texts", value: Array(100).fill("t".repeat(600_000)) },
  {
    name: "nested errors",
    value: Array(100).fill(new Error("e".repeat(600_000), { cause: wide(2) })),
  },
  { name: "many lines", value: new Error("e\n".repeat(600_000)) },
];
for (const { name, value, says = "…" } of LARGE) {
  Deno.test(`shown() shortens ${name} in an error`, () => {
    const errors = [
      value,
      new Error("outer", { cause: value }),
      Object.assign(new Error("outer"), { value }),
      new Error("outer", { cause: new Error("inner", { cause: { value } }) }),
    ];
    for (const error of errors) {
      const text = print(error);
      assert(text.length < 200_000, `${text.length} characters`);
      const lines = text.split("\n").length;
      assert(lines < 2000, `${lines} lines`);
      if (error !== value) assertStringIncludes(text, "shown_test.ts");
    }
    if (name !== "many lines") assertStringIncludes(print(value), says);
  });
}

Deno.test("shown() cuts a long text, and marks the cut", () => {
  assertEquals(shown("t".repeat(600_000)), `${"t".repeat(10_000)}…`);
});

Deno.test("shown() keeps the stacks of an error and its cause despite large fields", () => {
  const cause = Object.assign(new RangeError("inner"), { value: wide(2) });
  const text = print(Object.assign(new TypeError("outer", { cause }), { value: wide(2) }));
  assertMatch(text, /TypeError: outer\n {4}at .*shown_test/);
  assertMatch(text, /RangeError: inner\n +at .*shown_test/);
});

Deno.test("shown() does not change how small values print", () => {
  class Till {
    coins = [1, 2n, null, undefined, true];
    open = new Map<unknown, unknown>([[{ a: 1 }, new Set(["b"])]]);
  }
  const value = {
    till: new Till(),
    when: new Date(0),
    bytes: new Uint8Array(3),
    ["__proto__"]: {},
    constructor: "c",
    call: wide,
    symbol: Symbol("s"),
  };
  assertEquals(print(value), Deno.inspect(value));
  for (const one of [7, null, undefined, Symbol.iterator]) assertEquals(shown(one), one);
});

Deno.test("shown() escapes texts and keys, calls no getters, and handles cyclic objects", () => {
  const circle: Record<string, unknown> = { "a\nb\x1b": "c\nd\u2028" };
  circle.self = circle;
  Object.defineProperty(circle, "later", {
    enumerable: true,
    get: () => {
      throw new Error("not now");
    },
  });
  const failed = Object.defineProperties(
    new Error("e"),
    Object.getOwnPropertyDescriptors(circle),
  );
  for (const error of [circle, failed]) {
    const text = JSON.stringify(shown(error));
    assert(!/\\n|\\u001b|\u2028/.test(text), text);
  }
  const copy = shown(circle);
  assertInstanceOf(copy, Object);
  assertEquals(Object.keys(copy), ["a\\u{a}b\\u{1b}", "self", "later"]);
});

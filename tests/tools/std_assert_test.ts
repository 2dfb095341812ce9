// The stand-in for `@std/assert` and the real one both pass these tests.

import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertIsError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotInstanceOf,
  assertNotMatch,
  assertNotStrictEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
  fail,
  unreachable,
} from "@std/assert";

/** Whether an assertion fails; errors other than `AssertionError` are passed on. */
function fails(assertion: () => unknown): boolean {
  try {
    assertion();
    return false;
  } catch (error) {
    if (error instanceof AssertionError) return true;
    throw error;
  }
}

/** The same for an assertion that returns a promise. */
async function failsLater(assertion: () => Promise<unknown>): Promise<boolean> {
  try {
    await assertion();
    return false;
  } catch (error) {
    if (error instanceof AssertionError) return true;
    throw error;
  }
}

class Point {
  constructor(public x: number, public y: number) {}
}
class Pixel extends Point {}
class Hidden {
  #secret: number;
  constructor(secret: number) {
    this.#secret = secret;
  }
  get half(): number {
    return this.#secret / 2;
  }
}

function cycle(label: string): unknown[] {
  const list: unknown[] = [label];
  list.push(list);
  return list;
}

const EQUAL: [name: string, a: unknown, b: unknown][] = [
  ["NaN", NaN, NaN],
  ["zero and minus zero", 0, -0],
  ["bigints", 2n ** 70n, 2n ** 70n],
  ["nested arrays and objects", { a: [1, { b: "c" }] }, { a: [1, { b: "c" }] }],
  ["keys in another order", { a: 1, b: 2 }, { b: 2, a: 1 }],
  ["an object without prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ["typed arrays", new Uint8Array([1, 2]), new Uint8Array([1, 2])],
  ["buffers", new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2]).buffer],
  ["dates", new Date(5), new Date(5)],
  ["invalid dates", new Date(NaN), new Date(NaN)],
  ["patterns", /a/g, /a/g],
  ["sets in another order", new Set([1, 2]), new Set([2, 1])],
  ["sets of objects", new Set([{ a: 1 }]), new Set([{ a: 1 }])],
  ["maps in another order", new Map([["a", 1], ["b", 2]]), new Map([["b", 2], ["a", 1]])],
  ["maps with object keys", new Map([[[1], "x"]]), new Map([[[1], "x"]])],
  ["temporal dates", Temporal.PlainDate.from("2026-01-02"), Temporal.PlainDate.from("2026-01-02")],
  ["instances", new Point(1, 2), new Point(1, 2)],
  ["getters of instances", new Hidden(4), new Hidden(4)],
  ["symbol keys", { [Symbol.for("s")]: 1 }, { [Symbol.for("s")]: 1 }],
  ["cycles", cycle("a"), cycle("a")],
];

const UNEQUAL: [name: string, a: unknown, b: unknown][] = [
  ["a number and its text", 1, "1"],
  ["a number and a bigint", 1, 1n],
  ["null and undefined", null, undefined],
  ["an absent and an undefined property", {}, { a: undefined }],
  ["a hole and an undefined item", new Array(1), [undefined]],
  ["arrays of other lengths", [1, 2], [1, 2, 3]],
  ["an array and an object", [1], { 0: 1 }],
  ["an array and a subclass of it", [1], (class extends Array {}).of(1)],
  ["bytes and an array", new Uint8Array([1]), [1]],
  ["bytes of other types", new Uint8Array([1]), new Int8Array([1])],
  ["other bytes", new Uint8Array([1]), new Uint8Array([2])],
  ["other buffers", new Uint8Array([1]).buffer, new Uint8Array([2]).buffer],
  ["other dates", new Date(5), new Date(6)],
  ["other flags of patterns", /a/g, /a/i],
  ["other sets", new Set([1]), new Set([2])],
  ["a set and an array", new Set([1]), [1]],
  ["a set and a map", new Set([1]), new Map([[1, 1]])],
  ["other values of maps", new Map([["a", 1]]), new Map([["a", 2]])],
  ["other keys of maps", new Map([["a", 1]]), new Map([["b", 1]])],
  ["an instance and a plain object", new Point(1, 2), { x: 1, y: 2 }],
  ["an instance and one of a subclass", new Point(1, 2), new Pixel(1, 2)],
  ["other getters", new Hidden(4), new Hidden(6)],
  [
    "other temporal dates",
    Temporal.PlainDate.from("2026-01-02"),
    Temporal.PlainDate.from("2026-01-03"),
  ],
  ["other symbol keys", { [Symbol.for("s")]: 1 }, { [Symbol.for("t")]: 1 }],
  ["other cycles", cycle("a"), cycle("b")],
  ["two functions", () => 1, () => 1],
];

for (const [name, a, b] of EQUAL) {
  Deno.test(`assertEquals() accepts ${name}`, () => {
    assert(equal(a, b));
    assertEquals(a, b);
    assertEquals(b, a);
    assert(fails(() => assertNotEquals(a, b)));
  });
}

for (const [name, a, b] of UNEQUAL) {
  Deno.test(`assertEquals() refuses ${name}`, () => {
    assert(!equal(a, b));
    assert(fails(() => assertEquals(a, b)));
    assert(fails(() => assertEquals(b, a)));
    assertNotEquals(a, b);
  });
}

Deno.test("assertEquals() shows the difference in its message", () => {
  const { message } = assertThrows(
    () => assertEquals({ name: "left", same: 1 }, { name: "right", same: 1 }, "why"),
    AssertionError,
  );
  assertStringIncludes(message, "why");
  assertMatch(message, /-.*left/);
  assertMatch(message, /\+.*right/);
});

Deno.test("assertStrictEquals() compares with Object.is()", () => {
  const object = {};
  assertStrictEquals(object, object);
  assertStrictEquals(NaN, NaN);
  assert(fails(() => assertStrictEquals<unknown>({}, {})));
  assert(fails(() => assertStrictEquals(0, -0)));
  assertNotStrictEquals({}, {});
  assertNotStrictEquals(0, -0);
  assert(fails(() => assertNotStrictEquals(object, object)));
});

Deno.test("assertThrows() returns the error, and checks its class and message", () => {
  const error = new RangeError("too far");
  const thrower = () => {
    throw error;
  };
  assertStrictEquals(assertThrows(thrower), error);
  assertStrictEquals(assertThrows(thrower, RangeError, "far"), error);
  assertStrictEquals(assertThrows(thrower, Error), error);
  assert(fails(() => assertThrows(thrower, TypeError)));
  assert(fails(() => assertThrows(thrower, RangeError, "near")));
  assert(fails(() => assertThrows(() => 1)));
  assert(fails(() =>
    assertThrows(() => {
      throw "text";
    }, Error)
  ));
});

Deno.test("assertRejects() resolves with the reason, and checks its class and message", async () => {
  const error = new RangeError("too far");
  const rejecter = () => Promise.reject(error);
  assertStrictEquals(await assertRejects(rejecter), error);
  assertStrictEquals(await assertRejects(rejecter, RangeError, "far"), error);
  assert(await failsLater(() => assertRejects(rejecter, TypeError)));
  assert(await failsLater(() => assertRejects(rejecter, RangeError, "near")));
  assert(await failsLater(() => assertRejects(() => Promise.resolve(1))));
  assert(
    await failsLater(() =>
      assertRejects(() => {
        throw error;
      })
    ),
  );
});

Deno.test("assertIsError() checks class and message", () => {
  assertIsError(new RangeError("far"), RangeError, /^f/);
  assert(fails(() => assertIsError("far")));
  assert(fails(() => assertIsError(new RangeError("far"), TypeError)));
  assert(fails(() => assertIsError(new RangeError("far"), RangeError, "near")));
});

Deno.test("assertObjectMatch() compares only the expected properties", () => {
  const actual = { a: 1, b: { c: [1, { d: 2, e: 3 }], f: 4 }, g: new Map([["h", { i: 1, j: 2 }]]) };
  assertObjectMatch(actual, { a: 1 });
  assertObjectMatch(actual, { b: { c: [1, { d: 2 }] } });
  assertObjectMatch(actual, { g: new Map([["h", { i: 1 }]]) });
  assertObjectMatch(new Point(1, 2), { x: 1 });
  assert(fails(() => assertObjectMatch(actual, { a: 2 })));
  assert(fails(() => assertObjectMatch(actual, { b: { c: [1, { d: 3 }] } })));
  assert(fails(() => assertObjectMatch(actual, { z: 1 })));
});

const SIMPLE: [name: string, holds: () => void, fails: () => void][] = [
  ["assert", () => assert(1), () => assert(0)],
  ["assertFalse", () => assertFalse(0), () => assertFalse(1)],
  ["assertExists", () => assertExists(0), () => assertExists(null)],
  ["assertInstanceOf", () => assertInstanceOf([], Array), () => assertInstanceOf({}, Array)],
  [
    "assertNotInstanceOf",
    () => assertNotInstanceOf({}, Array),
    () => assertNotInstanceOf([], Array),
  ],
  ["assertMatch", () => assertMatch("abc", /b/), () => assertMatch("abc", /d/)],
  ["assertNotMatch", () => assertNotMatch("abc", /d/), () => assertNotMatch("abc", /b/)],
  [
    "assertStringIncludes",
    () => assertStringIncludes("abc", "b"),
    () => assertStringIncludes("abc", "d"),
  ],
  [
    "assertAlmostEquals",
    () => assertAlmostEquals(0.1 + 0.2, 0.3),
    () => assertAlmostEquals(1, 1.1),
  ],
  [
    "assertArrayIncludes",
    () => assertArrayIncludes([1, [2]], [[2]]),
    () => assertArrayIncludes([1], [2]),
  ],
  ["assertGreater", () => assertGreater(2, 1), () => assertGreater(1, 1)],
  ["assertGreaterOrEqual", () => assertGreaterOrEqual(1, 1), () => assertGreaterOrEqual(0, 1)],
  ["assertLess", () => assertLess(1, 2), () => assertLess(1, 1)],
  ["assertLessOrEqual", () => assertLessOrEqual(1, 1), () => assertLessOrEqual(1, 0)],
];

for (const [name, holds, doesNot] of SIMPLE) {
  Deno.test(`${name}() passes if the condition holds, and fails otherwise`, () => {
    holds();
    assertThrows(doesNot, AssertionError);
  });
}

Deno.test("fail() and unreachable() throw AssertionError", () => {
  assertThrows(() => fail("why"), AssertionError, "why");
  assertThrows(() => unreachable("why"), AssertionError, "why");
});

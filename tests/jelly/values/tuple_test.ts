import {
  assert,
  assertEquals,
  assertFalse,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { openTuple, Tuple, tuple } from "../../../jelly/values/tuple.ts";

Deno.test("tuple() has the type of its elements", () => {
  const pair: Tuple<[number, string]> = tuple(1, "a");
  const plain: readonly [number, string] = pair;
  const any: Tuple = pair;
  const [number, text] = pair;
  const size: 2 = pair.length;
  assertEquals([number.toFixed(1), text.toUpperCase(), size], ["1.0", "A", 2]);
  assertStrictEquals<unknown>(plain, any);
});

Deno.test("tuple() returns a frozen array of class Tuple", () => {
  const pair = tuple(1, "a");
  assert(Array.isArray(pair));
  assert(pair instanceof Tuple);
  assert(Object.isFrozen(pair));
  assertFalse([1, "a"] instanceof Tuple);
  assertNotEquals<readonly unknown[]>(pair, [1, "a"]);
  assertEquals(Object.prototype.toString.call(pair), "[object Tuple]");
  assertEquals(pair.constructor.name, "Tuple");
  const array = pair as unknown as unknown[];
  assertThrows(() => array.push(2), TypeError);
  assertThrows(() => array[0] = 2, TypeError);
  assertThrows(() => array.length = 0, TypeError);
  assertThrows(() => array.sort(), TypeError);
});

for (const number of [3, 0, -1, 1.5, 2 ** 32]) {
  Deno.test(`tuple() of the single number ${number} has one element`, () => {
    for (const made of [new Tuple(number), tuple(number), Tuple.of(number), Tuple.from([number])]) {
      assertEquals([...made], [number]);
      assert(made instanceof Tuple);
      assert(Object.isFrozen(made));
    }
  });
}

Deno.test("tuple() without arguments is empty", () => {
  assertEquals(tuple().length, 0);
  assertEquals(new Tuple(), tuple());
  assertEquals(Tuple.from(new Set<string>()).length, 0);
});

Deno.test("Tuple.from() accepts more elements than a call can have arguments", () => {
  const made = Tuple.from(Array.from({ length: 500_000 }, (_, index) => index));
  assertEquals(made.length, 500_000);
  assertEquals(made.at(-1), 499_999);
});

Deno.test("Tuple methods that return an array return a plain one", () => {
  const numbers = tuple(3, 1, 2);
  const made: readonly (readonly unknown[])[] = [
    numbers.map((item) => item),
    numbers.filter(() => true),
    numbers.slice(),
    numbers.concat(),
    numbers.flat(),
    numbers.flatMap((item) => [item]),
    numbers.toReversed().toReversed(),
    numbers.with(0, 3),
    [...numbers],
  ];
  for (const array of made) {
    assertEquals(array, [3, 1, 2]);
    assertStrictEquals(array.constructor, Array);
    assertFalse(Object.isFrozen(array));
  }
});

Deno.test("Tuple prints as JSON like an array", () => {
  assertEquals(JSON.stringify(tuple(1, tuple("a"), [])), `[1,["a"],[]]`);
});

Deno.test("openTuple() can hold itself before it is frozen", () => {
  const open = openTuple();
  open.push([open], 1);
  const [inner, one] = Object.freeze(open) as Tuple<[unknown[], number]>;
  assertStrictEquals(inner[0], open);
  assertEquals(one, 1);
  assertThrows(() => open.push(2), TypeError);
  assert(open instanceof Tuple);
});

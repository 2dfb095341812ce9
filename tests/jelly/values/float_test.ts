import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Float } from "../../../jelly/values/float.ts";

for (const value of [0, -0, 1, 1.5, -3, NaN, Infinity, -Infinity, 2 ** 60]) {
  Deno.test(`Float() keeps ${Object.is(value, -0) ? "-0" : value}`, () => {
    const float = new Float(value);
    assertStrictEquals(float.value, value);
    assertStrictEquals(float.valueOf(), value);
    assert(Object.isFrozen(float));
  });
}

Deno.test("Float acts as its number in arithmetic, text and JSON", () => {
  assertEquals(+new Float(2) + 1, 3);
  assert(new Float(1) < new Float(2));
  assertEquals(`${new Float(2.5)}`, "2.5");
  assertEquals(JSON.stringify([new Float(1)]), "[1]");
});

for (const value of ["1", 1n, null, undefined, {}]) {
  Deno.test(`Float() refuses ${typeof value} ${value}`, () => {
    assertThrows(() => new Float(value as number), TypeError, "it is not a number");
  });
}

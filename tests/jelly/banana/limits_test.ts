import { assert, assertEquals, assertThrows } from "@std/assert";
import { bananaLimits, DEFAULT_LIMITS } from "../../../jelly/banana/limits.ts";

Deno.test("bananaLimits() defaults to Twisted's limits where Twisted has them", () => {
  assertEquals(bananaLimits(), DEFAULT_LIMITS);
  assertEquals(DEFAULT_LIMITS.maxStringBytes, 655_360);
  assertEquals(DEFAULT_LIMITS.maxListItems, 655_360);
  assertEquals(DEFAULT_LIMITS.maxPrefixBytes, 64);
  assert(Object.isFrozen(DEFAULT_LIMITS) && Object.isFrozen(bananaLimits()));
});

Deno.test("bananaLimits() overrides only the given limits, and treats undefined as not given", () => {
  const limits = bananaLimits({ maxDepth: 1536, maxElements: undefined } as object);
  assertEquals(limits, { ...DEFAULT_LIMITS, maxDepth: 1536 });
});

Deno.test("bananaLimits() refuses values that are not valid limits", () => {
  for (const value of [0, -1, 1.5, NaN, Infinity, "10" as unknown as number, 2 ** 53]) {
    for (const name of Object.keys(DEFAULT_LIMITS)) {
      assertThrows(() => bananaLimits({ [name]: value }), RangeError, `Cannot set ${name} to`);
    }
  }
  assertThrows(() => bananaLimits({ maxDepth: 1537 }), RangeError, "the maximum is 1536");
});

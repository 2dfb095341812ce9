import { assertEquals, assertFalse, assertThrows } from "@std/assert";
import { JellyError } from "../../jelly/errors.ts";
import { applyState, ownState, stateEntries } from "../../jelly/state.ts";

class Base {
  static readonly jellyName = "tests.Base";
  #secret = 0;
  cash = 1;
  get secret(): number {
    return this.#secret;
  }
  set secret(value: number) {
    this.#secret = value;
  }
  get computed(): number {
    return 2;
  }
  count(): number {
    return 3;
  }
}
class Derived extends Base {
  override count(): number {
    return 4;
  }
}

Deno.test("ownState() gives own enumerable fields, in order", () => {
  const object = Object.assign(new Derived(), { b: 1, a: 2, ["__proto__x"]: 3 });
  assertEquals(ownState(object), { cash: 1, b: 1, a: 2, ["__proto__x"]: 3 });
  assertEquals(ownState(new Map([[1, 2]])), {});
});

Deno.test("applyState() calls setters, sets fields, and replaces no code", () => {
  const object = new Derived();
  applyState(object, { cash: 5, secret: 6, fresh: 7 });
  assertEquals([object.cash, object.secret, Reflect.get(object, "fresh")], [5, 6, 7]);
  assertFalse(Object.hasOwn(object, "secret"));
  assertThrows(
    () => applyState(object, { count: 1 }),
    JellyError,
    'set "count" of Derived: its class has a method',
  );
  assertThrows(() => applyState(object, { computed: 1 }), JellyError, "a getter without setter");
});

Deno.test("applyState() takes maps, names as bytes, and null for nothing", () => {
  const object = new Base();
  applyState(
    object,
    new Map<unknown, unknown>([["cash", 2], [new TextEncoder().encode("more"), 3]]),
  );
  applyState(object, null);
  applyState(object, undefined);
  assertEquals({ ...object }, { cash: 2, more: 3 } as never);
});

Deno.test("stateEntries() refuses what is no dictionary, and names that are no texts", () => {
  for (
    const state of [1, "a", true, [], new Set(), new Date(), new Base(), new Uint8Array(1), 1n]
  ) {
    assertThrows(() => stateEntries(state), JellyError, "it is not a dictionary");
  }
  for (const key of [1, null, [], 1n]) {
    assertThrows(() => stateEntries(new Map([[key, 1]])), JellyError, "a name is not a text");
  }
  const bytes = Uint8Array.of(0x80);
  assertThrows(() => stateEntries(new Map([[bytes, 1]])), JellyError, "a name is not UTF-8");
});

import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import "../proto.ts";
import {
  atom,
  banana,
  jelly,
  JellyRegistry,
  type Sexp,
  Unjellyable,
  valueCodec,
} from "../../jelly/mod.ts";
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

Deno.test("ownState() returns own enumerable fields in order", () => {
  const object = Object.assign(new Derived(), { b: 1, a: 2, ["__proto__x"]: 3 });
  assertEquals(ownState(object), { cash: 1, b: 1, a: 2, ["__proto__x"]: 3 });
  assertEquals(ownState(new Map([[1, 2]])), {});
});

Deno.test("applyState() calls setters, sets fields, and refuses to replace methods", () => {
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

Deno.test("applyState() accepts maps, names as bytes, and null as an empty state", () => {
  const object = new Base();
  applyState(
    object,
    new Map<unknown, unknown>([["cash", 2], [new TextEncoder().encode("more"), 3]]),
  );
  applyState(object, null);
  applyState(object, undefined);
  assertEquals({ ...object }, { cash: 2, more: 3 } as never);
});

Deno.test("stateEntries() refuses states that are not dictionaries, and names that are not text", () => {
  for (
    const state of [1, "a", true, [], new Set(), new Date(), new Base(), new Uint8Array(1), 1n]
  ) {
    assertThrows(() => stateEntries(state), JellyError, "it is not a dictionary");
  }
  for (const key of [1, null, [], 1n]) {
    assertThrows(() => stateEntries(new Map([[key, 1]])), JellyError, "a name is not text");
  }
  const bytes = Uint8Array.of(0x80);
  assertThrows(() => stateEntries(new Map([[bytes, 1]])), JellyError, "a name is not UTF-8");
});

Deno.test("valueCodec() reads names that are numbers as ordinary fields, and in as little memory", () => {
  class Till extends Unjellyable {}
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("shop.Till", Till);
  const codec = valueCodec({ registry });
  const names = ["1000", "4294967294", "4294967295", "0", "07", "x", "1"];
  const fields = Object.fromEntries(names.map((name, i) => [name, i]));
  assertEquals(codec.decode(codec.encode(fields)), fields);
  assertEquals(codec.decode(codec.encode(new Map(Object.entries(fields)))), fields);
  const count = 20_000;
  const tagged = (state: unknown) =>
    banana.encode([atom("shop.Till"), state as Sexp], { dialect: "pb" });
  const till = codec.decode(tagged(jelly(fields))) as Till;
  assertEquals({ ...till }, fields);
  for (
    const make of [
      () => codec.decode(codec.encode({ "1000": 1 })),
      () => codec.decode(tagged(jelly({ "1000": 1 }))),
    ]
  ) {
    const before = Deno.memoryUsage().heapUsed;
    const made = Array.from({ length: count }, make);
    const each = (Deno.memoryUsage().heapUsed - before) / made.length;
    // Garbage that is not yet collected counts too; as an array each would take 12,000 bytes.
    assert(each < 6000, `${each} bytes each`);
  }
});

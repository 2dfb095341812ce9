import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  encodeValue,
  FrozenSet,
  type Jellier,
  jelly,
  Jellyable,
  JellyError,
  SecurityOptions,
  tuple,
} from "../../jelly/mod.ts";

const fault = Symbol("fault");

class Copy extends Jellyable {
  state: unknown;
  constructor(state: unknown) {
    super();
    this.state = state;
  }
}
class Tagged extends Jellyable {
  constructor(readonly parts: unknown[]) {
    super();
  }
  override jellyFor(jellier: Jellier): void {
    jellier.prepare(this);
    jellier.tagged("tests.Tagged", ...this.parts);
  }
}
class Plain {
  static readonly jellyName = "tests.Plain";
  constructor(readonly part: unknown) {}
}

const CASES: { name: string; value: unknown; path: string }[] = [
  { name: "the value itself", value: fault, path: "value" },
  { name: "an item of a list", value: [1, [2, fault]], path: "value[1][1]" },
  { name: "an item of a tuple", value: tuple(1, tuple(fault)), path: "value[1][0]" },
  { name: "a field", value: { user: { onClick: fault } }, path: "value.user.onClick" },
  { name: "a field with a non-English name", value: { größe: fault }, path: "value.größe" },
  {
    name: "a field that is not an identifier",
    value: { "two words": fault },
    path: 'value["two words"]',
  },
  { name: "a field with a number", value: { 1: fault }, path: 'value["1"]' },
  { name: "a field with an empty name", value: { "": fault }, path: 'value[""]' },
  { name: "a value of a map", value: new Map([["a", fault]]), path: "value.a" },
  { name: "a value under a number", value: new Map([[2, fault]]), path: "value.get(2)" },
  { name: "a value under an object", value: new Map([[[1], fault]]), path: "value.get(…)" },
  { name: "a key of a map", value: new Map([[[fault], 1]]), path: "value.get(…)[0]" },
  { name: "an item of a set", value: new Set([1, fault]), path: "value.values()[1]" },
  { name: "an item of a frozenset", value: new FrozenSet([[fault]]), path: "value.values()[0][0]" },
  { name: "the state of a copy", value: [new Copy({ a: fault })], path: "value[0].state.a" },
  { name: "a part of a tagged object", value: [new Tagged([1, { a: fault }])], path: "value[0].a" },
  { name: "the state of an instance", value: { p: new Plain([fault]) }, path: "value.p.part[0]" },
];

for (const { name, value, path } of CASES) {
  Deno.test(`encodeValue() and jelly() name the path to ${name} in a refusal`, () => {
    const options = { security: new SecurityOptions().allowInstancesOf(Plain) };
    for (const send of [encodeValue, jelly]) {
      const error = assertThrows(() => send(value, options), JellyError);
      assertEquals(error.message, `Cannot send ${path}: a symbol has no form on the wire`);
      assertEquals(error.path, path);
      assertStrictEquals(error.culprit, fault);
      assert(error.cause instanceof JellyError);
    }
  });
}

Deno.test("encodeValue() shows the beginning of a key that cannot be sent", () => {
  const error = assertThrows(() => encodeValue([{ ["k".repeat(655_361)]: 1 }]), JellyError);
  assertEquals(error.path, `value[0]["${"k".repeat(40)}…"]`);
  const lone = assertThrows(() => encodeValue({ "\ud800": 1 }), JellyError, "a lone surrogate");
  assertEquals(lone.path, 'value["\\ud800"]');
});

Deno.test("encodeValue() shortens a long path in its error", () => {
  let value: unknown = fault;
  for (let i = 0; i < 500; i++) value = [value];
  const error = assertThrows(() => encodeValue(value), JellyError);
  assertEquals(error.path, `${`value${"[0]".repeat(100)}`.slice(0, 200)}…`);
});

Deno.test("encodeValue() names both paths when a nested encodeValue() is refused", () => {
  class Nested extends Jellyable {
    override getStateFor(): unknown {
      return jelly({ inner: fault });
    }
  }
  const error = assertThrows(() => encodeValue([new Nested()]), JellyError);
  assertEquals(error.path, "value[0]");
  assertEquals(
    error.message,
    "Cannot send value[0]: value.inner: a symbol has no form on the wire",
  );
});

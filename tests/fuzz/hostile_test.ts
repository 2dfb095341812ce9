/**
 * Any bytes and any tree give a value or a typed error, and change nothing else.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@^4.0.0";
import "../proto.ts";
import { BananaError, decode, encode } from "../../jelly/banana/mod.ts";
import {
  atom,
  decodeValue,
  DummySecurityOptions,
  JellyError,
  JellyRegistry,
  type Sexp,
  unjelly,
  Unjellyable,
  type UnjellyOptions,
  valueCodec,
} from "../../jelly/mod.ts";
import { feed } from "../jelly/feed.ts";
import { assertSameGraph } from "../jelly/graphs.ts";
import { bananaVectors, conversations, jellyVectors } from "../vectors/load.ts";
import { runs } from "./runs.ts";

class Plain {
  count(): void {}
}
class Watched extends Unjellyable {
  #value: unknown;
  set value(value: unknown) {
    this.#value = value;
  }
  get value(): unknown {
    return this.#value;
  }
  postUnjelly(): void {}
}

const registry = new JellyRegistry();
registry.register("fuzz.Plain", Plain);
registry.register("fuzz.run", () => {});
registry.register("fuzz", { registered: true });
registry.setUnjellyableForClass("fuzz.Watched", Watched);
registry.setUnjellyableFactoryForClass("fuzz.Made", (state) => ({ state }));
/** Allows every type, so that refusals come from the input and not from the security options. */
const options: UnjellyOptions = { registry, security: new DummySecurityOptions() };

/** Runs something that may fail only with the documented errors. */
function outcome(run: () => unknown): { value?: unknown; error?: string } {
  try {
    return { value: run() };
  } catch (error) {
    if (error instanceof BananaError || error instanceof JellyError) {
      return { error: error.message };
    }
    throw error;
  }
}

const globals = Reflect.ownKeys(globalThis).length;
const builtIns = [Object, Array, Map, Set, Function, Plain, Watched].flatMap((
  cls,
) => [cls, cls.prototype]);
const before = builtIns.map((object) => Reflect.ownKeys(object).map(String).join());

/** Checks that built-in objects, classes and globals are unchanged. */
function assertPristine(): void {
  assertEquals(builtIns.map((object) => Reflect.ownKeys(object).map(String).join()), before);
  assertEquals(Reflect.ownKeys(globalThis).length, globals);
  assertEquals(Object.getPrototypeOf(Plain.prototype), Object.prototype);
}

/** Recorded messages that are short enough for changes to reach every byte. */
const samples: Uint8Array[] = [
  ...bananaVectors().value.flatMap(({ pb, none }) => [pb, none]),
  ...jellyVectors().flatMap(({ pb, none }) => [pb, none]),
  ...conversations().flatMap(({ messages }) =>
    messages.flatMap((message) => message.closed === undefined ? [message.wire] : [])
  ),
].filter(({ length }) => length < 500);

const byte = fc.oneof(
  fc.nat(255),
  fc.constantFrom(0, 1, 2, 3, 5, 8, 11, 0x7f),
  fc.integer({ min: 0x80, max: 0x88 }),
);
const place = fc.nat(499);

/** Changes of some bytes. */
const change: fc.Arbitrary<(bytes: number[]) => void> = fc.oneof(
  fc.tuple(place, byte).map(([at, byte]) => (b: number[]) => void (b[at % b.length] = byte)),
  fc.tuple(place, fc.nat(7)).map(([at, bit]) => (b: number[]) =>
    void (b[at % b.length]! ^= 1 << bit)
  ),
  fc.tuple(place, fc.nat(4)).map(([at, n]) => (b: number[]) => void b.splice(at % b.length, n)),
  fc.tuple(place, fc.array(byte, { maxLength: 6 }))
    .map(([at, more]) => (b: number[]) => void b.splice(at % b.length, 0, ...more)),
  fc.tuple(place, place, fc.nat(30)).map(([from, to, n]) => (b: number[]) =>
    void b.splice(to % b.length, 0, ...b.slice(from % b.length, from % b.length + n))
  ),
);

const mutated: fc.Arbitrary<Uint8Array> = fc.tuple(
  fc.constantFrom(...samples),
  fc.array(change, { minLength: 1, maxLength: 6 }),
).map(([sample, changes]) => {
  const bytes = [...sample];
  for (const change of changes) if (bytes.length !== 0) change(bytes);
  return Uint8Array.from(bytes);
});
const random = fc.array(byte, { maxLength: 100 }).map((bytes) => Uint8Array.from(bytes));

// Reads all cases, to show that what one case left in its caches does not change the next.
const seasoned = valueCodec(options);

for (const [name, bytes] of Object.entries({ mutated, random })) {
  Deno.test(`decode() and decodeValue() give a value or a typed error for ${name} bytes`, () => {
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 9 }), (bytes, size) => {
        for (const dialect of ["pb", "none"] as const) {
          const whole = outcome(() => decode(bytes, { dialect }));
          const pieces = outcome(() => feed(bytes, { dialect, size })[0]);
          // In pieces, a fault after the first expression shows only after that expression.
          if (!whole.error) assertEquals(pieces.value, whole.value);
          const fresh = { ...options, registry: copyOf(registry) };
          const value = outcome(() => decodeValue(bytes, { ...fresh, dialect }));
          if (dialect === "pb") {
            const again = outcome(() => seasoned.decode(bytes));
            assertEquals(again.error, value.error);
            if (!value.error) assertSameGraph(again.value, value.value);
          }
          if (value.error || whole.error) continue;
          const tree = outcome(() => unjelly(whole.value as Sexp, options));
          assertSameGraph(tree.value, value.value);
        }
      }),
      { numRuns: runs(2000) },
    );
    assertPristine();
  });
}

/** A registry with the same names, and empty caches. */
function copyOf(from: JellyRegistry): JellyRegistry {
  const copy = new JellyRegistry();
  for (const name of ["fuzz.Plain", "fuzz.run", "fuzz"]) copy.register(name, from.value(name)!);
  for (const tag of ["fuzz.Watched", "fuzz.Made"]) copy.setRule(tag, from.rule(tag)!);
  return copy;
}

const TAGS = [
  ...["None", "boolean", "unicode", "list", "tuple", "dictionary", "set", "frozenset", "reference"],
  ...["dereference", "decimal", "datetime", "date", "time", "timedelta", "class", "module"],
  ...[
    "function",
    "method",
    "instance",
    "persistent",
    "unpersistable",
    "fuzz.Plain",
    "fuzz.Watched",
  ],
  ...["fuzz.Made", "fuzz.run", "fuzz", "unknown", "os.system", "remote", "__proto__", ""],
].map(atom);
const ATOMS = [
  ...["true", "false", "a", "count", "value", "2026 1 2", "1 2 3", "23 59 59 1", "__proto__"],
  ...["constructor", "then", "postUnjelly", "toString"],
].map(atom);

const trees: fc.Arbitrary<Sexp> = fc.letrec<{ tree: Sexp; list: Sexp; pair: Sexp }>((tie) => ({
  tree: fc.oneof(
    { withCrossShrink: true },
    { arbitrary: fc.integer({ min: -2, max: 5 }), weight: 3 },
    { arbitrary: fc.constantFrom<Sexp>(1.5, -0, NaN, 2n ** 70n, Uint8Array.of(0xff)), weight: 1 },
    { arbitrary: fc.constantFrom(...ATOMS), weight: 2 },
    { arbitrary: tie("list"), weight: 8 },
  ),
  list: fc.oneof(
    fc.tuple(fc.constantFrom(...TAGS), fc.array(tie("tree"), { maxLength: 4 }))
      .map(([tag, items]): Sexp => [tag, ...items]),
    fc.array(tie("pair"), { maxLength: 3 }).map((pairs): Sexp => [atom("dictionary"), ...pairs]),
    fc.tuple(fc.integer({ min: 1, max: 4 }), tie("tree"))
      .map(([id, tree]): Sexp => [atom("reference"), id, tree]),
    fc.integer({ min: 1, max: 4 }).map((id): Sexp => [atom("dereference"), id]),
    fc.constantFrom(...ATOMS).map((text): Sexp => [atom("unicode"), text]),
  ),
  pair: fc.tuple(tie("tree"), tie("tree")).map((pair): Sexp => pair),
})).tree;

Deno.test("unjelly() gives a value or a typed error for any tree, and decodeValue() the same for its bytes", () => {
  let values = 0;
  fc.assert(
    fc.property(trees, (sexp) => {
      const tree = outcome(() => unjelly(sexp, options));
      for (const dialect of ["pb", "none"] as const) {
        const wire = encode(sexp, { dialect });
        const bytes = outcome(() => decodeValue(wire, { ...options, dialect }));
        assertEquals(bytes.error, tree.error);
        if (!tree.error) assertSameGraph(bytes.value, tree.value);
      }
      if (!tree.error) values++;
    }),
    { numRuns: runs(3000) },
  );
  assert(values > 100, `only ${values} were values`);
  assertPristine();
});

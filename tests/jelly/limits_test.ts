/**
 * Every limit, exactly at it and one over it, in both directions; and hostile values.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  atom,
  banana,
  Decimal,
  decodeValue,
  encodeValue,
  FrozenSet,
  jelly,
  Jellyable,
  JellyError,
  JellyRegistry,
  SecurityOptions,
  type Sexp,
  tuple,
  unjelly,
  Unjellyable,
  valueCodec,
} from "../../jelly/mod.ts";
import { assertSameGraph } from "./graphs.ts";

type Limits = Partial<banana.BananaLimits>;

/** Makes nested lists; the innermost is empty. */
function nested(depth: number): unknown {
  let value: unknown = [];
  for (let i = 1; i < depth; i++) value = [value];
  return value;
}

/** A value at each limit and one over it; `most` is the limit, or the default is used. */
const EDGES: { limit: keyof banana.BananaLimits; most?: number; at: unknown; over: unknown }[] = [
  { limit: "maxStringBytes", at: "a".repeat(655_360), over: "a".repeat(655_361) },
  { limit: "maxStringBytes", at: "é".repeat(327_680), over: `${"é".repeat(327_680)}a` },
  { limit: "maxStringBytes", at: { ["k".repeat(655_360)]: 1 }, over: { ["k".repeat(655_361)]: 1 } },
  { limit: "maxStringBytes", at: new Uint8Array(655_360), over: new Uint8Array(655_361) },
  { limit: "maxListItems", at: new Array(655_359).fill(0), over: new Array(655_360).fill(0) },
  { limit: "maxListItems", most: 4, at: { a: 1, b: 2, c: 3 }, over: { a: 1, b: 2, c: 3, d: 4 } },
  { limit: "maxListItems", most: 3, at: new Set([1, 2]), over: new Set([1, 2, 3]) },
  { limit: "maxListItems", most: 3, at: new FrozenSet([1, 2]), over: new FrozenSet([1, 2, 3]) },
  { limit: "maxPrefixBytes", at: 2n ** 448n - 1n, over: 2n ** 448n },
  { limit: "maxPrefixBytes", at: 1n - 2n ** 448n, over: -(2n ** 448n) },
  { limit: "maxDepth", at: nested(1024), over: nested(1025) },
  { limit: "maxDepth", most: 5, at: nested(5), over: nested(6) },
  { limit: "maxDepth", most: 4, at: [{ a: 1 }], over: [[{ a: 1 }]] },
  { limit: "maxDepth", most: 4, at: [{ a: "text" }], over: [{ a: ["text"] }] },
  { limit: "maxDepth", most: 2, at: [null], over: [[null]] },
  { limit: "maxElements", most: 4, at: [1, 2], over: [1, 2, 3] },
  { limit: "maxElements", most: 8, at: { a: 1 }, over: { a: "1" } },
  // Each of these counts as eight elements, so three fit.
  ...[
    (i: number) => Uint8Array.of(i),
    (i: number) => new Set([i]),
    (i: number) => new FrozenSet([i]),
    (i: number) => new Map([[i, i]]),
    (i: number) => new Decimal(i, 0),
    (i: number) => Temporal.PlainDate.from({ year: 2000, month: 1, day: i }),
  ].map((heavy: (i: number) => unknown) => ({
    limit: "maxElements" as const,
    most: 24,
    at: [1, 2, 3].map(heavy),
    over: [1, 2, 3, 4].map(heavy),
  })),
];

for (const { limit, most, at, over } of EDGES) {
  const limits: Limits = most === undefined ? {} : { [limit]: most };
  const wide: Limits = {
    maxStringBytes: 1e6,
    maxListItems: 1e6,
    maxPrefixBytes: 100,
    maxDepth: 1536,
  };
  const name = `${limit} of ${most ?? "the default"}: ${Deno.inspect(over).slice(0, 40)}`;

  Deno.test(`encodeValue(), jelly() and their inverses accept a value at ${name}`, () => {
    assertSameGraph(decodeValue(encodeValue(at, { limits }), { limits }), at);
    assertSameGraph(unjelly(jelly(at, { limits }), { limits }), at);
  });

  Deno.test(`encodeValue() and jelly() refuse a value over ${name}`, () => {
    for (const send of [encodeValue, jelly]) {
      const error = assertThrows(() => send(over, { limits }), JellyError, `(${limit})`);
      assertEquals(error.limit, limit);
    }
  });

  Deno.test(`decodeValue() and unjelly() refuse a value over ${name}`, () => {
    const read = [
      () => decodeValue(encodeValue(over, { limits: wide }), { limits }),
      () => unjelly(jelly(over, { limits: wide }), { limits }),
    ];
    for (const receive of limit === "maxPrefixBytes" ? read.slice(0, 1) : read) {
      const error = assertThrows(receive, banana.BananaError, `(${limit})`);
      assertEquals(error.limit, limit);
    }
  });
}

Deno.test("encodeValue() and decodeValue() accept a value at maxMessageBytes, and refuse one over it", () => {
  const value = [new Uint8Array(600), new Uint8Array(600)];
  const { length } = encodeValue(value);
  assertSameGraph(decodeValue(encodeValue(value, { limits: { maxMessageBytes: length } })), value);
  const limits = { maxMessageBytes: length - 1 };
  const error = assertThrows(() => encodeValue(value, { limits }), JellyError, "maxMessageBytes");
  assertEquals(error.limit, "maxMessageBytes");
  assertThrows(
    () => decodeValue(encodeValue(value), { limits }),
    banana.BananaError,
    "maxMessageB",
  );
});

Deno.test("valueCodec() limits objects of classes to an eighth of maxElements in each message", () => {
  class Thing extends Jellyable {}
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(Thing, class extends Unjellyable {});
  const codec = valueCodec({ registry, limits: { maxElements: 24 } });
  const things = [new Thing(), new Thing(), new Thing()];
  const { length } = encodeValue(things, { registry });
  for (let i = 0; i < 3; i++) assertEquals(codec.encode(things).length, length);
  const more = [...things, new Thing()];
  assertThrows(() => codec.encode(more), JellyError, "more than 3");
  const wire = encodeValue(more, { registry });
  for (let i = 0; i < 3; i++) assertThrows(() => codec.decode(wire), banana.BananaError, "than 3");
  assertEquals((codec.decode(codec.encode(things)) as unknown[]).length, 3);
});

Deno.test("encodeValue() limits objects that are sent as their state to an eighth of maxElements", () => {
  class Plain {
    static readonly jellyName = "tests.Plain";
  }
  const registry = new JellyRegistry();
  registry.register(Plain.jellyName, Plain);
  const security = new SecurityOptions().allowInstancesOf(Plain);
  const limits = { maxElements: 24 };
  const plain = (count: number) => Array.from({ length: count }, () => new Plain());
  const wire = encodeValue(plain(3), { registry, security, limits });
  assertEquals(decodeValue(wire, { registry, security, limits }), plain(3));
  assertThrows(
    () => encodeValue(plain(4), { registry, security, limits }),
    JellyError,
    "more than 3",
  );
  const more = encodeValue(plain(4), { registry, security });
  assertThrows(
    () => decodeValue(more, { registry, security, limits }),
    banana.BananaError,
    "more than 3",
  );
});

Deno.test("unjelly() limits copies of a state that objects share to an eighth of maxElements", () => {
  class Thing extends Unjellyable {}
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("tests.Thing", Thing);
  const field = (name: Sexp, value: Sexp = 0): Sexp => [name, value];
  const text = (value: string): Sexp => [atom("unicode"), atom(value)];
  const long = (length: number) => text("x".repeat(length));
  // Every state counts as 24: each field as eight, and 64 characters or bytes as one more.
  const states: { fields: Sexp[]; ownCount: number }[] = [
    { fields: ["a", "b", "c"].map((name) => field(text(name))), ownCount: 0 },
    { fields: [field(long(256)), field(text("b"), long(256))], ownCount: 0 },
    // As Python 2 sends it, which also counts as a map and three byte strings.
    { fields: ["a", "b", "c"].map((name) => field(atom(name))), ownCount: 4 },
  ];
  const things = (count: number, fields: Sexp[]): Sexp[] => [
    atom("list"),
    [atom("reference"), 1, [atom("dictionary"), ...fields]],
    ...new Array(count).fill([atom("tests.Thing"), [atom("dereference"), 1]]),
  ];
  for (const { fields, ownCount } of states) {
    // Each thing counts as one as well.
    const most = ownCount + 4 * (24 + 1);
    const options = { registry, limits: { maxElements: 8 * most } };
    const viaBytes = (sexp: Sexp) => decodeValue(banana.encode(sexp, { dialect: "pb" }), options);
    for (const read of [(sexp: Sexp) => unjelly(sexp, options), viaBytes]) {
      assertEquals((read(things(4, fields)) as unknown[]).length, 5);
      assertThrows(() => read(things(5, fields)), banana.BananaError, `more than ${most}`);
    }
    // A shared dictionary that is not used as a state is not copied.
    const again = new Array(most).fill([atom("dereference"), 1]);
    assertEquals((viaBytes([...things(0, fields), ...again]) as unknown[]).length, most + 1);
    // Nor is one that a single object has.
    const own: Sexp = [atom("tests.Thing"), [atom("dictionary"), ...fields]];
    assertEquals((viaBytes([atom("list"), ...new Array(6).fill(own)]) as unknown[]).length, 6);
  }
});

Deno.test("unjelly() limits repeated texts and bytes to an eighth of maxElements", () => {
  // No sender shares them, as they have no identity.
  for (const text of [new Uint8Array(640), [atom("unicode"), new Uint8Array(640).fill(65)]]) {
    const again = (count: number): Sexp => [
      atom("list"),
      [atom("reference"), 1, text],
      ...new Array(count).fill([atom("dereference"), 1]),
    ];
    const read = (count: number) =>
      decodeValue(banana.encode(again(count), { dialect: "pb" }), { limits: { maxElements: 808 } });
    assertEquals((read(10) as unknown[]).length, 11);
    assertThrows(() => read(11), banana.BananaError, "more than 101");
  }
});

Deno.test("unjelly() limits byte strings in place of values to an eighth of maxElements", () => {
  const limits = { maxElements: 24 };
  const strings = ["a", "b", "c", "d"].map(atom);
  const wire = banana.encode([atom("unpersistable"), strings], { dialect: "pb" });
  assertThrows(() => decodeValue(wire, { limits }), banana.BananaError, "more than 3");
  const decoder = new banana.BananaDecoder({ dialect: "pb", limits });
  assertThrows(() => decoder.push(wire), banana.BananaError, "more than 3");
});

Deno.test("encodeValue() measures maxDepth exactly with a thousand shared objects elsewhere", () => {
  // A thousand shared objects, none of them on the way to the deepest list.
  const shared = Array.from({ length: 1000 }, () => []);
  const value = [nested(1020), shared, shared.slice()];
  assertSameGraph(decodeValue(encodeValue(value)), value);
  assertSameGraph(unjelly(jelly(value)), value);
});

Deno.test("encodeValue() counts a shared list as two levels of maxDepth", () => {
  // Every list of the chain is shared, so each is written as two nested lists.
  const chain = (length: number) => {
    const all: unknown[] = [];
    let value: unknown[] = [];
    for (let i = 0; i < length; i++) all.push(value = [value]);
    return [value, all];
  };
  assertSameGraph(decodeValue(encodeValue(chain(511))), chain(511));
  assertSameGraph(unjelly(jelly(chain(511))), chain(511));
  for (const send of [encodeValue, jelly]) {
    const error = assertThrows(() => send(chain(512)), JellyError, "(maxDepth)");
    assertEquals(error.limit, "maxDepth");
  }
});

/** Nests a value in each kind of container, 100,000 deep. */
const DEEP: Record<string, (inner: unknown) => unknown> = {
  list: (inner) => [inner],
  tuple: (inner) => tuple(inner),
  dictionary: (inner) => ({ inner }),
  map: (inner) => new Map([[1, inner]]),
  "map key": (inner) => new Map([[inner, 1]]),
  set: (inner) => new Set([inner]),
  frozenset: (inner) => new FrozenSet([inner]),
  jellyable: (inner) => Object.assign(new Jellyable(), { inner }),
};

for (const [name, wrap] of Object.entries(DEEP)) {
  Deno.test(`encodeValue() and jelly() accept a ${name} nested 500 deep, and refuse 100,000`, () => {
    const build = (depth: number) => {
      let value: unknown = null;
      for (let i = 0; i < depth; i++) value = wrap(value);
      return value;
    };
    const bomb = build(100_000);
    for (const send of [encodeValue, jelly]) {
      const error = assertThrows(() => send(bomb), JellyError, "(maxDepth)");
      assertEquals(error.limit, "maxDepth");
      assert(error.message.length < 500, "the path in the message is cut short");
    }
    const registry = new JellyRegistry();
    registry.setUnjellyableForClass(Jellyable, Unjellyable);
    const deep = decodeValue(encodeValue(build(name === "jellyable" ? 300 : 500)), { registry });
    if (name !== "jellyable") assertSameGraph(deep, build(500));
  });
}

Deno.test("the highest maxDepth fits on the call stack for every container, in both directions", () => {
  const limits = { maxDepth: 1536 };
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("Jellyable", Unjellyable);
  for (const [name, wrap] of Object.entries(DEEP)) {
    let value: unknown = 1;
    const lists = { dictionary: 2, map: 2, "map key": 2, jellyable: 3 }[name] ?? 1;
    for (let depth = lists; depth <= 1535; depth += lists) value = wrap(value);
    const wire = encodeValue(value, { limits });
    decodeValue(wire, { limits, registry });
    unjelly(jelly(value, { limits }), { limits, registry });
  }
});

Deno.test("encodeValue() and decodeValue() throw a typed error when the call stack is nearly used up", () => {
  const errors = new Set<unknown>();
  const value = nested(1000);
  const wire = encodeValue(value);
  const sink = (depth: number): number => {
    try {
      return sink(depth + 1) + 1;
    } catch {
      return 0;
    } finally {
      for (const run of [() => encodeValue(value), () => decodeValue(wire)]) {
        try {
          run();
        } catch (error) {
          errors.add(
            error instanceof JellyError || error instanceof banana.BananaError
              ? error.limit
              : "untyped",
          );
        }
      }
    }
  };
  assert(sink(0) > 100);
  assert(errors.has("maxDepth"));
});

Deno.test("decodeValue() refuses bytes with 100,000 nested lists", () => {
  const bomb = new Uint8Array(200_000).fill(1);
  for (let at = 1; at < bomb.length; at += 2) bomb[at] = 0x80;
  const error = assertThrows(() => decodeValue(bomb), banana.BananaError);
  assertEquals(error.limit, "maxDepth");
});

Deno.test("unjelly() refuses a tree with 100,000 nested lists, and one that contains itself", () => {
  let sexp: Sexp = [];
  for (let i = 0; i < 100_000; i++) sexp = [atom("list"), sexp];
  assertThrows(() => unjelly(sexp), banana.BananaError, "maxDepth");
  const cyclic: Sexp[] = [atom("list")];
  cyclic.push(cyclic);
  assertThrows(() => unjelly(cyclic), banana.BananaError, "maxDepth");
});

Deno.test("encodeValue() sends a graph of 2^100 paths in proportion to its objects", () => {
  let value: unknown = { end: true };
  for (let i = 0; i < 100; i++) {
    value = i % 2 === 0 ? [value, value] : { left: value, right: value };
  }
  const wire = encodeValue(value);
  assert(wire.length < 10_000);
  assertSameGraph(decodeValue(wire), value);
  assertSameGraph(unjelly(jelly(value)), value);
});

Deno.test("encodeValue() refuses a graph of 2^1000 paths for its depth at once", () => {
  let value: unknown = [];
  for (let i = 0; i < 1000; i++) value = [value, value];
  assertThrows(() => encodeValue(value), JellyError, "maxDepth");
});

Deno.test("unjelly() refuses a tree of 2^100 paths for its elements", () => {
  // A tree has no references: what occurs twice is counted twice.
  let sexp: Sexp = [atom("list")];
  for (let i = 0; i < 100; i++) sexp = [atom("list"), sexp, sexp];
  const limits = { maxElements: 100_000 };
  assertThrows(() => unjelly(sexp, { limits }), banana.BananaError, "maxElements");
});

Deno.test("unjelly() reads references nested a thousand deep, and a hundred thousand side by side", () => {
  const none = [atom("None")];
  let deep: Sexp = none;
  for (let i = 0; i < 1000; i++) deep = [atom("reference"), i, deep];
  assertEquals(unjelly(deep), null);
  const wide: Sexp[] = [atom("list")];
  for (let i = 0; i < 100_000; i++) wide.push([atom("dereference"), i]);
  for (let i = 0; i < 100_000; i++) wide.push([atom("reference"), i, [atom("list")]]);
  const value = unjelly(wide) as unknown[];
  assert(value[99_999] === value[199_999]);
  const unresolved = wide.slice(0, 100_001);
  assertThrows(() => unjelly(unresolved), JellyError, "there is no such reference");
});

Deno.test("encodeValue() and decodeValue() carry a million records", () => {
  const value = Array.from(
    { length: 1000 },
    (_, i) => Array.from({ length: 1000 }, (_, j) => ({ id: i * 1000 + j })),
  );
  const limits = { maxElements: 2 ** 26 };
  const received = decodeValue(encodeValue(value, { limits }), { limits }) as unknown[][];
  assertEquals(received.length, 1000);
  assertEquals(received[999]![999], { id: 999_999 });
});

Deno.test("encodeValue() and decodeValue() carry a million nodes with links to each other", () => {
  interface Node {
    next?: Node;
    all: Node[];
  }
  const all: Node[] = [];
  const rows = Array.from({ length: 100 }, () => Array.from({ length: 10_000 }, () => ({ all })));
  for (const row of rows) all.push(row[0]!);
  const received = decodeValue(encodeValue(rows)) as Node[][];
  assertEquals(received.length, 100);
  assertEquals(received[99]!.length, 10_000);
  assert(received[50]![7]!.all === received[99]![9999]!.all);
  assert(received[0]![0]!.all[42] === received[42]![0]);
});

/**
 * Every limit, exactly at it and one over, both ways; and values made to do harm.
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

/** Lists in each other; the innermost is empty. */
function nested(depth: number): unknown {
  let value: unknown = [];
  for (let i = 1; i < depth; i++) value = [value];
  return value;
}

/** A value at each limit and one over it; `most` is what the limit is set to, where it is. */
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
  // Of these an eighth, so three.
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

  Deno.test(`a value at ${name} is sent and received, as bytes and as a tree`, () => {
    assertSameGraph(decodeValue(encodeValue(at, { limits }), { limits }), at);
    assertSameGraph(unjelly(jelly(at, { limits }), { limits }), at);
  });

  Deno.test(`a value over ${name} is not sent`, () => {
    for (const send of [encodeValue, jelly]) {
      const error = assertThrows(() => send(over, { limits }), JellyError, `(${limit})`);
      assertEquals(error.limit, limit);
    }
  });

  Deno.test(`a value over ${name} is not received`, () => {
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

Deno.test("a value at maxMessageBytes is sent and received, one over is not", () => {
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

Deno.test("an eighth of maxElements holds for objects of classes, and begins anew with each message", () => {
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

Deno.test("an eighth of maxElements holds for objects that are sent as their state", () => {
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

Deno.test("an eighth of maxElements holds for what is copied of a state that objects share", () => {
  class Thing extends Unjellyable {}
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("tests.Thing", Thing);
  const fields = ["a", "b", "c"].map((name) => [[atom("unicode"), atom(name)], 0]);
  const things = (count: number): Sexp[] => [
    atom("list"),
    [atom("reference"), 1, [atom("dictionary"), ...fields]],
    ...new Array(count).fill([atom("tests.Thing"), [atom("dereference"), 1]]),
  ];
  // Each counts as one, and its fields as eight each.
  const options = { registry, limits: { maxElements: 8 * 100 } };
  for (const read of [(sexp: Sexp) => unjelly(sexp, options), viaBytes]) {
    assertEquals((read(things(4)) as unknown[]).length, 5);
    assertThrows(() => read(things(5)), banana.BananaError, "more than 100");
  }
  // One that is not used as a state is not copied.
  const list = [
    atom("list"),
    ...things(0).slice(1),
    ...new Array(100).fill([atom("dereference"), 1]),
  ];
  assertEquals((viaBytes(list) as unknown[]).length, 101);

  function viaBytes(sexp: Sexp): unknown {
    return decodeValue(banana.encode(sexp, { dialect: "pb" }), options);
  }
});

Deno.test("an eighth of maxElements holds for texts and bytes that occur again", () => {
  // Nobody sends them in this way: they have no identity.
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

Deno.test("an eighth of maxElements holds for byte strings where no value was expected", () => {
  const limits = { maxElements: 24 };
  const strings = ["a", "b", "c", "d"].map(atom);
  const wire = banana.encode([atom("unpersistable"), strings], { dialect: "pb" });
  assertThrows(() => decodeValue(wire, { limits }), banana.BananaError, "more than 3");
  const decoder = new banana.BananaDecoder({ dialect: "pb", limits });
  assertThrows(() => decoder.push(wire), banana.BananaError, "more than 3");
});

Deno.test("a limit is what was given, not what fits with shared objects around", () => {
  // A thousand shared objects, none of them on the way to the deepest list.
  const shared = Array.from({ length: 1000 }, () => []);
  const value = [nested(1020), shared, shared.slice()];
  assertSameGraph(decodeValue(encodeValue(value)), value);
  assertSameGraph(unjelly(jelly(value)), value);
});

Deno.test("lists that are references count both, exactly", () => {
  // Every list of the chain is shared, so each is two lists deep.
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

/** Values 100,000 deep, of every container that can be nested. */
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
  Deno.test(`a ${name} in a ${name} 100,000 times is refused, and 500 times is not`, () => {
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

Deno.test("the deepest limit fits on the call stack, for every container, both ways", () => {
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

Deno.test("a call stack that is almost used up gives a typed error", () => {
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

Deno.test("bytes with 100,000 lists in each other are refused", () => {
  const bomb = new Uint8Array(200_000).fill(1);
  for (let at = 1; at < bomb.length; at += 2) bomb[at] = 0x80;
  const error = assertThrows(() => decodeValue(bomb), banana.BananaError);
  assertEquals(error.limit, "maxDepth");
});

Deno.test("a tree with 100,000 lists in each other is refused, and so is one that contains itself", () => {
  let sexp: Sexp = [];
  for (let i = 0; i < 100_000; i++) sexp = [atom("list"), sexp];
  assertThrows(() => unjelly(sexp), banana.BananaError, "maxDepth");
  const cyclic: Sexp[] = [atom("list")];
  cyclic.push(cyclic);
  assertThrows(() => unjelly(cyclic), banana.BananaError, "maxDepth");
});

Deno.test("a graph of 2^100 paths is as large as its objects", () => {
  let value: unknown = { end: true };
  for (let i = 0; i < 100; i++) {
    value = i % 2 === 0 ? [value, value] : { left: value, right: value };
  }
  const wire = encodeValue(value);
  assert(wire.length < 10_000);
  assertSameGraph(decodeValue(wire), value);
  assertSameGraph(unjelly(jelly(value)), value);
});

Deno.test("a graph of 2^1000 paths is refused for its depth at once", () => {
  let value: unknown = [];
  for (let i = 0; i < 1000; i++) value = [value, value];
  assertThrows(() => encodeValue(value), JellyError, "maxDepth");
});

Deno.test("a tree of 2^100 paths is refused for its elements", () => {
  // A tree has no references: what occurs twice is counted twice.
  let sexp: Sexp = [atom("list")];
  for (let i = 0; i < 100; i++) sexp = [atom("list"), sexp, sexp];
  const limits = { maxElements: 100_000 };
  assertThrows(() => unjelly(sexp, { limits }), banana.BananaError, "maxElements");
});

Deno.test("references in references a thousand deep, and a hundred thousand beside each other", () => {
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

Deno.test("a million records go both ways", () => {
  const value = Array.from(
    { length: 1000 },
    (_, i) => Array.from({ length: 1000 }, (_, j) => ({ id: i * 1000 + j })),
  );
  const limits = { maxElements: 2 ** 26 };
  const received = decodeValue(encodeValue(value, { limits }), { limits }) as unknown[][];
  assertEquals(received.length, 1000);
  assertEquals(received[999]![999], { id: 999_999 });
});

Deno.test("a million nodes with links to each other go both ways", () => {
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

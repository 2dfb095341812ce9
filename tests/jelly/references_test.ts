/**
 * Identity of shared and cyclic objects in every container, in both directions.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  atom,
  banana,
  decodeValue,
  encodeValue,
  FrozenSet,
  inspectSexp,
  type IUnjellyable,
  jelly,
  Jellyable,
  JellyError,
  type JellyList,
  JellyRegistry,
  SecurityOptions,
  type Sexp,
  Tuple,
  tuple,
  type Unjellier,
  unjelly,
  Unjellyable,
  type UnjellyOptions,
  valueCodec,
} from "../../jelly/mod.ts";
import { assertSameGraph } from "./graphs.ts";

const LIST = atom("list");
const TUPLE = atom("tuple");
const SET = atom("set");
const FROZENSET = atom("frozenset");
const DICTIONARY = atom("dictionary");
const reference = (id: Sexp, sexp: Sexp): Sexp => [atom("reference"), id, sexp];
const dereference = (id: Sexp): Sexp => [atom("dereference"), id];
const text = (value: string): Sexp => [atom("unicode"), atom(value)];
const pair = (key: string, value: Sexp): Sexp => [text(key), value];

class Plain {
  static readonly jellyName = "tests.Plain";
  a: unknown = 1;
  b: unknown = 2;
}
const registry = new JellyRegistry();
registry.register(Plain.jellyName, Plain);
const security = new SecurityOptions().allowInstancesOf(Plain);

function assertRoundTrip(value: unknown): void {
  const options = { registry, security };
  assertSameGraph(decodeValue(encodeValue(value, options), options), value);
  assertSameGraph(
    decodeValue(encodeValue(value, { ...options, dialect: "none" }), {
      ...options,
      dialect: "none",
    }),
    value,
  );
  assertSameGraph(unjelly(jelly(value, options), options), value);
}

/** Containers that exist before their parts, so that a part can be added later. */
const OPEN: Record<string, () => { container: object; put: (part: unknown) => void }> = {
  list: () => {
    const container: unknown[] = [1];
    return { container, put: (part) => container.push(part, part) };
  },
  dictionary: () => {
    const container: Record<string, unknown> = { first: 1 };
    return { container, put: (part) => container.part = part };
  },
  "map value": () => {
    const container = new Map<unknown, unknown>([[1, 1]]);
    return { container, put: (part) => container.set("part", part) };
  },
  "map key": () => {
    const container = new Map<unknown, unknown>([[1, 1]]);
    return { container, put: (part) => container.set(part, "part").set(2, 3) };
  },
  set: () => {
    const container = new Set<unknown>([1]);
    return { container, put: (part) => container.add(part).add(2) };
  },
  instance: () => {
    const container = new Plain();
    return { container, put: (part) => container.a = container.b = part };
  },
};

/** What may stand between a container and itself. */
const BETWEEN: Record<string, (inner: unknown) => unknown> = {
  nothing: (inner) => inner,
  "a list": (inner) => [inner, inner],
  "a tuple": (inner) => tuple(inner, 1, inner),
  "a dictionary": (inner) => ({ inner, again: inner }),
  "a map": (inner) => new Map([[inner, inner]]),
  "a set": (inner) => new Set([inner, 2]),
  "a frozenset": (inner) => new FrozenSet([inner, 2]),
  "frozensets and tuples": (inner) => new FrozenSet([tuple(new FrozenSet([inner]), inner)]),
  "an instance": (inner) => Object.assign(new Plain(), { a: inner, b: [inner] }),
};

for (const [name, open] of Object.entries(OPEN)) {
  for (const [between, wrap] of Object.entries(BETWEEN)) {
    Deno.test(`a ${name} that contains itself through ${between} round-trips`, () => {
      const { container, put } = open();
      put(wrap(container));
      assertRoundTrip(container);
      assertRoundTrip([container, container]);
      assertRoundTrip({ before: [container], container, after: [container] });
    });
  }
}

/** One object of each kind, to be shared. */
const SHARED: Record<string, () => object> = {
  list: () => [1],
  tuple: () => tuple(1),
  dictionary: () => ({ a: 1 }),
  map: () => new Map([[1, 2]]),
  set: () => new Set([1]),
  frozenset: () => new FrozenSet([1]),
  instance: () => new Plain(),
};

for (const [name, make] of Object.entries(SHARED)) {
  Deno.test(`a ${name} that occurs in many places arrives as one object`, () => {
    const shared = make();
    assertRoundTrip([shared, shared]);
    assertRoundTrip(tuple(shared, [shared]));
    assertRoundTrip({ a: shared, b: { c: shared } });
    assertRoundTrip(
      new Map<unknown, unknown>([[shared, 1], [2, shared], [tuple(shared), [shared]]]),
    );
    assertRoundTrip(new Map<unknown, unknown>([[1, shared], [shared, 2]]));
    assertRoundTrip([new Set([shared]), new FrozenSet([shared]), shared]);
    assertRoundTrip(Object.assign(new Plain(), { a: shared, b: shared }));
    // More objects than the few that are searched as a list.
    assertRoundTrip([shared, ...Array.from({ length: 300 }, (_, i) => [i]), shared]);
  });
}

Deno.test("equal but distinct objects arrive as distinct objects", () => {
  const [a, b] = decodeValue(encodeValue([{ a: 1 }, { a: 1 }])) as object[];
  assert(a !== b);
});

Deno.test("bytes and dates that occur twice arrive as two values", () => {
  const bytes = Uint8Array.of(1);
  const date = new Temporal.PlainDate(2026, 1, 2);
  const wire = encodeValue([bytes, bytes, date, date]);
  const [a, b, c, d] = decodeValue(wire) as unknown[];
  assertEquals([a, c], [bytes, date]);
  assert(a !== b && c !== d);
});

Deno.test("valueCodec() numbers references afresh in each message", () => {
  const shared = [1];
  for (let i = 0; i < 3; i++) assertRoundTrip([shared, shared]);
  const codec = valueCodec();
  for (let i = 0; i < 3; i++) {
    assertSameGraph(codec.decode(codec.encode([shared, shared])), [shared, shared]);
  }
});

/** S-expressions that Twisted reads but never writes: a dereference before its reference. */
const FORWARD: { name: string; sexp: Sexp; check: (value: never) => void }[] = [
  {
    name: "in a list",
    sexp: [LIST, dereference(1), reference(1, [LIST, 5]), dereference(1)],
    check: ([a, b, c]: unknown[]) => {
      assertEquals(b, [5]);
      assert(a === b && b === c);
    },
  },
  {
    name: "in a tuple, which is still frozen",
    sexp: [LIST, [TUPLE, dereference(1), 2], reference(1, [LIST, 5])],
    check: ([a, b]: unknown[][]) => {
      assertInstanceOf(a, Tuple);
      assert(Object.isFrozen(a) && a[0] === b && a[1] === 2);
    },
  },
  {
    name: "in a set, keeping its position",
    sexp: [LIST, [SET, 1, dereference(1), 2], reference(1, [LIST, 5])],
    check: ([a, b]: [Set<unknown>, unknown]) => assertSameGraph([[...a], b], [[1, b, 2], b]),
  },
  {
    name: "in a frozenset, keeping its position",
    sexp: [LIST, [FROZENSET, 1, dereference(1), 2], reference(1, [LIST, 5])],
    check: ([a, b]: [FrozenSet, unknown]) => assertSameGraph([[...a], b], [[1, b, 2], b]),
  },
  {
    name: "as a value of a dictionary, keeping its position",
    sexp: [
      LIST,
      [DICTIONARY, pair("a", dereference(1)), pair("b", 2)],
      reference(1, [LIST, 5]),
    ],
    check: ([a, b]: unknown[]) => {
      assertSameGraph([a, b], [{ a: b, b: 2 }, b]);
      assertEquals(Object.keys(a as object), ["a", "b"]);
    },
  },
  {
    name: "as a key of a dictionary, keeping its position",
    sexp: [LIST, [DICTIONARY, [1, 1], [dereference(1), 2], [3, 3]], reference(1, [LIST, 5])],
    check: ([a, b]: [Map<unknown, unknown>, unknown]) =>
      assertSameGraph([a, b], [new Map<unknown, unknown>([[1, 1], [b, 2], [3, 3]]), b]),
  },
  {
    name: "to a text that is a key",
    sexp: [LIST, [DICTIONARY, [dereference(1), 2]], reference(1, text("key"))],
    check: ([a]: unknown[]) => assertEquals(a, new Map([["key", 2]])),
  },
  {
    name: "as the value of a text key, in a dictionary that also has other keys",
    sexp: [
      LIST,
      [DICTIONARY, pair("a", dereference(1)), [2, 2]],
      reference(1, [LIST, 5]),
    ],
    check: ([a, b]: [Map<unknown, unknown>, unknown]) =>
      assertSameGraph([a, b], [new Map<unknown, unknown>([["a", b], [2, 2]]), b]),
  },
  {
    name: "to a later value of the same dictionary, which also has other keys",
    sexp: [DICTIONARY, pair("a", dereference(1)), pair("b", reference(1, [LIST])), [5, 6]],
    check: (a: Map<unknown, unknown>) => {
      assertEquals(a, new Map<unknown, unknown>([["a", []], ["b", []], [5, 6]]));
      assertStrictEquals(a.get("a"), a.get("b"));
    },
  },
  {
    name: "to None",
    sexp: [LIST, dereference(1), reference(1, [atom("None")])],
    check: (value: unknown) => assertEquals(value, [null, null]),
  },
  {
    name: "in the state of an instance",
    sexp: [
      LIST,
      [atom(Plain.jellyName), [DICTIONARY, pair("a", dereference(1))]],
      reference(1, [LIST, 5]),
    ],
    check: ([a, b]: [Plain, unknown]) => {
      assertInstanceOf(a, Plain);
      assert(a.a === b);
    },
  },
  {
    name: "many times, and to each other",
    sexp: [
      LIST,
      dereference(1),
      dereference(2),
      reference(1, [LIST, dereference(2)]),
      reference(2, [TUPLE, dereference(1), dereference(2)]),
    ],
    check: ([a, b, c, d]: unknown[][]) => {
      assert(a === c && b === d && c![0] === d && d![0] === c && d![1] === d);
      assert(Object.isFrozen(d));
    },
  },
];

for (const { name, sexp, check } of FORWARD) {
  Deno.test(`unjelly() resolves a dereference before its reference ${name}`, () => {
    check(unjelly(sexp, { registry, security }) as never);
  });
}

const TWICE: Sexp[] = [
  [LIST, reference(1, [LIST]), reference(1, [LIST])],
  [LIST, reference(1, 5), reference(1, 5)],
  reference(1, [LIST, reference(1, [LIST])]),
  reference(1, [DICTIONARY, pair("a", reference(1, [LIST]))]),
  reference(1, reference(1, [LIST])),
  [LIST, dereference(1), reference(1, [LIST]), reference(1, [LIST])],
  [LIST, reference(2n ** 60n, [LIST]), reference(2n ** 60n, [LIST])],
];

Deno.test("unjelly() refuses a number that is used for two references", () => {
  for (const sexp of TWICE) {
    assertThrows(() => unjelly(sexp), JellyError, "the number is in use");
  }
});

Deno.test("unjelly() accepts any integers as reference numbers and tells them apart exactly", () => {
  const [a, b, c] = [2n ** 60n, 2n ** 60n + 1n, -5];
  const sexp = [
    LIST,
    ...[a, b, c].map((id) => reference(id, [LIST])),
    ...[a, b, c].map(dereference),
  ];
  const value = unjelly(sexp) as unknown[];
  assertSameGraph([value[3], value[4], value[5]], [value[0], value[1], value[2]]);
  assert(value[0] !== value[1]);
});

const FAULTY: { sexp: Sexp; message: string }[] = [
  { sexp: dereference(1), message: "dereference 1: there is no such reference" },
  { sexp: [LIST, [LIST, dereference(7)]], message: "dereference 7: there is no such reference" },
  { sexp: [LIST, reference(1, [LIST]), dereference(2)], message: "dereference 2: there is no" },
  { sexp: dereference(-7), message: "dereference -7: there is no such reference" },
  { sexp: dereference(2n ** 60n), message: `dereference ${2n ** 60n}: there is no such reference` },
  { sexp: reference(1, dereference(1)), message: "it stands for another reference" },
  { sexp: reference(1, dereference(2)), message: "it stands for another reference" },
  { sexp: [atom("reference"), 1], message: "it needs a number and a value" },
  { sexp: [atom("reference")], message: "it needs a number and a value" },
  { sexp: [atom("reference"), atom("one"), [LIST]], message: "it needs an integer" },
  { sexp: [atom("reference"), 1.5, [LIST]], message: "it needs an integer" },
  { sexp: [atom("reference"), [LIST], [LIST]], message: "it needs an integer" },
  { sexp: [atom("dereference")], message: "it needs a number" },
  { sexp: [atom("dereference"), text("1")], message: "it needs an integer" },
];

for (const { sexp, message } of FAULTY) {
  Deno.test(`unjelly() refuses ${inspectSexp(sexp)}: ${message}`, () => {
    assertThrows(() => unjelly(sexp), JellyError, message);
    // The next message is not affected.
    assertEquals(unjelly([LIST, reference(1, [LIST])]), [[]]);
  });
}

class Node extends Jellyable {
  static readonly jellyName = "tests.Node";
  parts: unknown;
}

/** Ways to receive a node; each ends up with the state in `parts`. */
const RECEIVERS: Record<string, (registry: JellyRegistry) => void> = {
  "a registered class": (registry) => {
    registry.setUnjellyableForClass(
      Node,
      class Copy extends Unjellyable {
        parts: unknown;
      },
    );
  },
  "a class with a setter": (registry) => {
    registry.setUnjellyableForClass(
      Node,
      class Copy extends Unjellyable {
        #parts: unknown;
        get parts() {
          return this.#parts;
        }
        set parts(parts: unknown) {
          this.#parts = parts;
        }
      },
    );
  },
  "a class that reads itself": (registry) => {
    registry.setUnjellyableForClass(
      Node,
      class Copy implements IUnjellyable {
        parts: unknown;
        unjellyFor(_unjellier: Unjellier, list: JellyList) {
          const state = list.next() as { parts: unknown };
          this.parts = state.parts;
          return this;
        }
      },
    );
  },
  "a class that reads itself, and says so first": (registry) => {
    registry.setUnjellyableForClass(
      Node,
      class Copy implements IUnjellyable {
        parts: unknown;
        unjellyFor(unjellier: Unjellier, list: JellyList) {
          unjellier.created(this);
          this.parts = (list.next() as { parts: unknown }).parts;
          return this;
        }
      },
    );
  },
  "a class that reads something else": (registry) => {
    registry.setUnjellyableForClass(
      Node,
      class Reader implements IUnjellyable {
        unjellyFor(_unjellier: Unjellier, list: JellyList) {
          return { ...list.next() as object };
        }
      },
    );
  },
  "a factory": (registry) => {
    registry.setUnjellyableFactoryForClass(Node, (state) => ({ ...state as object }));
  },
};

for (const [name, register] of Object.entries(RECEIVERS)) {
  const options = (): UnjellyOptions => {
    const registry = new JellyRegistry();
    register(registry);
    return { registry };
  };

  for (const [between, wrap] of Object.entries(BETWEEN)) {
    if (between === "an instance") continue;
    Deno.test(`an object of ${name} that contains itself through ${between} arrives the same`, () => {
      const node = new Node();
      node.parts = wrap(node);
      const copies = [
        decodeValue(encodeValue(node), options()),
        unjelly(jelly([node, node]), options()),
      ];
      const [copy, [first, second]] = copies as [Node, [Node, Node]];
      assertStrictEquals(first, second);
      assertSameGraph(first.parts, wrap(first), { leaf: first });
      assertSameGraph(copy.parts, wrap(copy), { leaf: copy });
    });
  }

  Deno.test(`an object of ${name} that is shared may come before what it refers to`, () => {
    const late = [LIST, dereference(2)];
    const node = [atom(Node.jellyName), [DICTIONARY, pair("parts", late)]];
    const sexp = [LIST, dereference(1), reference(1, node), reference(2, [LIST, 1])];
    const [a, b, c] = unjelly(sexp, options()) as [Node, Node, unknown[]];
    assertStrictEquals(a, b);
    assertStrictEquals((a.parts as unknown[])[0], c);
  });

  Deno.test(`an object of ${name} may have an attribute that comes later`, () => {
    const node = [atom(Node.jellyName), [DICTIONARY, pair("parts", dereference(2))]];
    const sexp = [LIST, node, reference(2, [LIST, 1])];
    const [a, b] = unjelly(sexp, options()) as [Node, unknown[]];
    assertStrictEquals(a.parts, b);
  });
}

Deno.test("unjelly() calls a setter with a dictionary that contains the object only when it is complete", () => {
  const registry = new JellyRegistry();
  const seen: unknown[] = [];
  registry.setUnjellyableForClass(
    "tests.Setter",
    class extends Unjellyable {
      set whole(value: unknown) {
        seen.push(value);
      }
    },
  );
  const setter = [atom("tests.Setter"), [DICTIONARY, pair("whole", dereference(1))]];
  const sexp = reference(1, [DICTIONARY, pair("setter", setter), pair("b", 2)]);
  const value = unjelly(sexp, { registry });
  assertEquals(seen, [value]);
  assertStrictEquals(seen[0], value);
});

Deno.test("unjelly() refuses a frozen object whose field is still to come", () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableFactoryForClass(
    "tests.Frozen",
    (state) => Object.freeze({ ...state as object }),
  );
  const frozen = (value: Sexp): Sexp => [atom("tests.Frozen"), [DICTIONARY, pair("a", value)]];
  assertEquals(unjelly([LIST, frozen(1), reference(1, frozen(2)), dereference(1)], { registry }), [
    { a: 1 },
    { a: 2 },
    { a: 2 },
  ]);
  const sexp = reference(1, frozen(dereference(1)));
  assertThrows(() => unjelly(sexp, { registry }), JellyError, 'field "a" of Object is read-only');
  registry.setUnjellyableFactoryForClass(
    "tests.Frozen",
    (state) => Object.freeze({ ...state as object, constructor: null }),
  );
  assertThrows(() => unjelly(sexp, { registry }), JellyError, 'field "a" of Object is read-only');
});

Deno.test("unjelly() uses the other object that unjellyFor returns for every reference to the first", () => {
  const registry = new JellyRegistry();
  const singleton = { name: "the only one" };
  registry.setUnjellyableForClass(
    "tests.Singleton",
    class implements IUnjellyable {
      unjellyFor(_unjellier: Unjellier, list: JellyList) {
        list.next();
        return singleton;
      }
    },
  );
  const sexp = [LIST, reference(1, [atom("tests.Singleton"), [DICTIONARY]]), dereference(1)];
  const [a, b] = unjelly(sexp, { registry }) as unknown[];
  assert(a === singleton && b === singleton);
});

Deno.test("unjelly() uses the other object that unjellyFor returns for references in its state, as Twisted does", () => {
  const registry = new JellyRegistry();
  class Wrapper {
    state: unknown[] = [];
  }
  registry.setUnjellyableForClass(
    "tests.Wrapped",
    class extends Unjellyable {
      override unjellyFor(_unjellier: Unjellier, list: JellyList) {
        return Object.assign(new Wrapper(), { state: list.next() });
      }
    },
  );
  const inner = [LIST, dereference(1), [atom("tuple"), dereference(1)]];
  const wrapper = unjelly(reference(1, [atom("tests.Wrapped"), inner]), { registry }) as Wrapper;
  assert(wrapper instanceof Wrapper);
  assertStrictEquals(wrapper.state[0], wrapper);
  assertStrictEquals((wrapper.state[1] as unknown[])[0], wrapper);
});

Deno.test("unjelly() refuses another object from unjellyFor when the state already refers to the first", () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(
    "tests.Interned",
    class extends Unjellyable {
      override unjellyFor(unjellier: Unjellier, list: JellyList) {
        super.unjellyFor(unjellier, list);
        return { name: "another" };
      }
    },
  );
  const interned = (part: Sexp) =>
    unjelly([LIST, reference(1, [atom("tests.Interned"), [DICTIONARY, pair("part", part)]])], {
      registry,
    });
  assertEquals(interned(5), [{ name: "another" }]);
  assertThrows(() => interned(dereference(1)), JellyError, "unjellyFor returned another one");
});

Deno.test("unjelly() resolves a dereference before its reference in the state of an Unjellyable", () => {
  const registry = new JellyRegistry();
  class Thing extends Unjellyable {
    declare a: unknown;
    declare b: unknown;
  }
  registry.setUnjellyableForClass("tests.Thing", Thing);
  const state = [DICTIONARY, pair("a", dereference(1)), pair("b", reference(1, [LIST]))];
  const thing = unjelly([atom("tests.Thing"), state], { registry }) as Thing;
  assertEquals(thing.a, []);
  assertStrictEquals(thing.a, thing.b);
});

Deno.test("Unjellier.created() binds an object to its own number, not to that of an earlier part", () => {
  const registry = new JellyRegistry();
  // A rule that does not call created().
  registry.setRule("tests.Part", (_unjellier, list) => ({ part: list.next() }));
  registry.setRule("tests.Whole", (unjellier, list) => {
    const whole: Record<string, unknown> = { first: list.next() };
    unjellier.created(whole);
    whole.rest = list.next();
    return whole;
  });
  const part = reference(2, [atom("tests.Part"), 5]);
  for (const id of [undefined, 1]) {
    const whole = [atom("tests.Whole"), part, [LIST, dereference(2)]];
    const sexp = id === undefined ? whole : reference(id, whole);
    const value = unjelly(sexp, { registry }) as { first: unknown; rest: unknown[] };
    assertEquals(value.first, { part: 5 });
    assertStrictEquals(value.rest[0], value.first);
  }
});

Deno.test("postUnjelly() is called once the whole value is complete, in order of arrival", () => {
  const registry = new JellyRegistry();
  const calls: unknown[] = [];
  class Watcher extends Unjellyable {
    declare name: string;
    declare other: { all: unknown };
    postUnjelly() {
      calls.push([this.name, this.other]);
    }
  }
  registry.setUnjellyableForClass("tests.Watcher", Watcher);
  const watcher = (name: string): Sexp => [
    atom("tests.Watcher"),
    [DICTIONARY, pair("name", text(name)), pair("other", dereference(1))],
  ];
  const sexp = [LIST, watcher("a"), watcher("b"), reference(1, [LIST, 5])];
  unjelly(sexp, { registry });
  assertEquals(calls, [["a", [5]], ["b", [5]]]);
});

Deno.test("postUnjelly() is called once, and not for objects in a value that was refused", () => {
  const registry = new JellyRegistry();
  const calls: unknown[] = [];
  class Watcher extends Unjellyable {
    declare name: string;
    postUnjelly() {
      calls.push(this.name);
    }
  }
  registry.setUnjellyableForClass("tests.Watcher", Watcher);
  const codec = valueCodec({ registry, dialect: "none" });
  const read = (name: string, ...rest: Sexp[]) =>
    codec.decode(
      banana.encode([
        LIST,
        [atom("tests.Watcher"), [DICTIONARY, pair("name", text(name))]],
        ...rest,
      ]),
    );
  read("first");
  assertThrows(() => read("refused", []), JellyError);
  read("last");
  assertEquals(calls, ["first", "last"]);
});

/**
 * What Twisted's own tests of jelly assert; the name in brackets is that of Twisted's test.
 *
 * Those that need a connection are in `tests/broker/`.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  atom,
  banana,
  Decimal,
  decodeValue,
  encodeValue,
  FrozenSet,
  InsecureJelly,
  jelly,
  Jellyable,
  JellyRegistry,
  SecurityOptions,
  type Sexp,
  tuple,
  unjelly,
  Unjellyable,
  Unpersistable,
} from "../../jelly/mod.ts";
import { assertSameGraph } from "./graphs.ts";

const { PlainDate, PlainDateTime, PlainTime } = Temporal;

class A {
  static readonly jellyName: string = "tests.A";
  declare b: unknown;
  declare c: unknown;
  declare x: unknown;
}
class B extends A {
  static override readonly jellyName: string = "tests.B";
}
class C extends A {
  static override readonly jellyName: string = "tests.C";
}

/** A and B are allowed; C is registered but not allowed. */
const registry = new JellyRegistry();
for (const cls of [A, B, C]) registry.register(cls.jellyName, cls);
const security = new SecurityOptions().allowInstancesOf(A, B);
const options = { registry, security };

/** Sends a value through a tree and through bytes, and returns what arrived. */
function roundTrip(value: unknown): unknown {
  const byTree = unjelly(banana.decode(banana.encode(jelly(value, options))), options);
  const byBytes = decodeValue(encodeValue(value, options), options);
  assertSameGraph(byTree, byBytes);
  assertSameGraph(byBytes, value);
  assertNotStrictEquals(byBytes, value);
  return byBytes;
}

/** Checks that a type is allowed by default, and refused when it is disallowed. */
function assertSecurity(value: unknown, type: string): void {
  const sexp = jelly(value);
  const taster = new SecurityOptions().allowBasicTypes();
  assertSameGraph(unjelly(sexp, { security: taster }), value);
  taster.disallowTypes(type);
  for (
    const read of [
      () => unjelly(sexp, { security: taster }),
      () => decodeValue(encodeValue(value), { security: taster }),
    ]
  ) {
    assertThrows(read, InsecureJelly, `Cannot receive "${type}": the type is not allowed`);
  }
}

Deno.test("[Jelly newStyle] an instance of an allowed class keeps attributes and identities", () => {
  const n = new A();
  n.x = 1;
  n.b = new A();
  n.c = n.b;
  const m = roundTrip(n);
  assertInstanceOf(m, A);
  assertStrictEquals(m.b, m.c);
  assertEquals(m.x, 1);
});

Deno.test("[Jelly dateTime] a datetime and a timedelta round-trip", () => {
  const now = new PlainDateTime(2026, 11, 22, 9, 30, 1, 2, 3);
  roundTrip([now, now.since(new PlainDateTime(2026, 11, 22, 9, 30, 1, 2, 1))]);
});

Deno.test("[Jelly bananaTimeTypes] date, time, datetime and timedelta round-trip as banana", () => {
  const date = new PlainDate(2020, 7, 11);
  const time = new PlainTime(1, 16, 5, 0, 344);
  const dateTime = date.toPlainDateTime(time);
  const delta = dateTime.since(new PlainDateTime(2020, 7, 3), { largestUnit: "day" });
  for (const value of [date, time, dateTime]) {
    assert(value.equals(decodeValue(encodeValue(value)) as never));
  }
  // Hours and minutes are sent as seconds.
  const received = decodeValue(encodeValue(delta));
  assertInstanceOf(received, Temporal.Duration);
  assertEquals(Temporal.Duration.compare(received, delta), 0);
});

const DECIMALS = ["9.95", "0", "123456", "-78.901"].map((text) => Decimal.from(text));

Deno.test("[Jelly decimal] decimals round-trip", () => {
  const received = roundTrip(DECIMALS) as Decimal[];
  assertEquals(received.map(String), ["9.95", "0", "123456", "-78.901"]);
});

Deno.test("[Jelly decimalUnjelly] unjelly() turns s-expressions of decimals into Decimal", () => {
  const list: Sexp[] = [[995, -2], [0, 0], [123456, 0], [-78901, -3]];
  const sexp = [atom("list"), ...list.map((parts) => [atom("decimal"), ...parts as Sexp[]])];
  assertSameGraph(unjelly(sexp), DECIMALS);
});

Deno.test("[Jelly decimalSecurity] decimal is allowed by default, and can be disallowed", () => {
  assertSecurity([Decimal.from("9.95")], "decimal");
});

Deno.test("[Jelly set] a set round-trips", () => {
  roundTrip([new Set([1, 2, 3])]);
});

Deno.test("[Jelly frozenset] a frozenset round-trips as one", () => {
  const [received] = roundTrip([new FrozenSet([1, 2, 3])]) as unknown[];
  assertInstanceOf(received, FrozenSet);
});

Deno.test("[Jelly setSecurity] set is allowed by default, and can be disallowed", () => {
  assertSecurity([new Set([1, 2, 3])], "set");
});

Deno.test("[Jelly frozensetSecurity] frozenset is allowed by default, and can be disallowed", () => {
  assertSecurity([new FrozenSet([1, 2, 3])], "frozenset");
});

Deno.test("[Jelly simple] the state of an instance round-trips", () => {
  const a = Object.assign(new A(), { x: 1, b: 2 });
  assertEquals(roundTrip(a), a);
});

Deno.test("[Jelly identity] a list that contains itself twice round-trips", () => {
  const x: unknown[] = [];
  x.push(x, x);
  const z = roundTrip(x) as unknown[][];
  assertStrictEquals(z[0], z[1]);
  assertStrictEquals(z[0]![0], z);
});

Deno.test("[Jelly str] a text round-trips", () => {
  assertStrictEquals(decodeValue(encodeValue("blah")), "blah");
});

Deno.test("[Jelly stressReferences] a tuple and a list that contain each other through a dict round-trip", () => {
  const reref: unknown[] = [];
  const top = tuple({ list: reref }, reref);
  reref.push(top);
  const z = roundTrip(top) as [{ list: unknown[] }, unknown[]];
  assertStrictEquals(z[0].list, z[1]);
  assertStrictEquals(z[0].list[0], z);
});

Deno.test("[Jelly moreReferences] a tuple that contains itself through a dict round-trips", () => {
  const a: unknown[] = [];
  const t = tuple(a);
  a.push(tuple(t));
  const z = roundTrip(t) as unknown[][][];
  assertStrictEquals(z[0]![0]![0], z);
});

Deno.test("[Jelly typeSecurity] SecurityOptions without basic types refuses a dictionary", () => {
  const bare = new SecurityOptions();
  assertThrows(() => unjelly(jelly({}), { security: bare }), InsecureJelly, "dictionary");
  assertThrows(() => decodeValue(encodeValue({}), { security: bare }), InsecureJelly, "dictionary");
});

Deno.test("[Jelly classSecurity] classes that are not allowed are sent as unpersistable and refused on arrival", () => {
  const a = new A();
  const [b, c] = [new B(), new C()];
  a.b = a.x = b;
  a.c = b.c = c;
  const friendly = encodeValue(a, { ...options, unpersistable: true });
  const x = decodeValue(friendly, options);
  assertInstanceOf(x, A);
  assertInstanceOf(x.c, Unpersistable);
  assertStringIncludes(x.c.reason, "class C");
  assertStrictEquals(x.x, x.b);
  assertStrictEquals((x.b as B).c, x.c);

  const everything = new SecurityOptions().allowInstancesOf(A, B, C);
  const mean = encodeValue(a, { registry, security: everything });
  assertThrows(() => decodeValue(mean, options), InsecureJelly, 'class "C": it is not allowed');
  assertStrictEquals(decodeValue(encodeValue(A, options), options), A);
});

Deno.test("[Jelly unjellyable] a registered class receives the state of its type", () => {
  class JellyableTestClass extends Jellyable {
    attribute = "value";
  }
  class Received extends Unjellyable {
    declare attribute: string;
  }
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(JellyableTestClass, Received);
  for (
    const output of [
      unjelly(jelly(new JellyableTestClass()), { registry }),
      decodeValue(encodeValue(new JellyableTestClass()), { registry }),
    ]
  ) {
    assertInstanceOf(output, Received);
    assertEquals(output.attribute, "value");
  }
});

Deno.test("[Jelly persistentStorage] objects are sent as identifiers and loaded from the store", () => {
  const a = new A();
  const [b, c] = [new B(), new C()];
  a.b = b;
  a.c = c;
  c.b = b;
  const store = new Map<string, object>();
  const persistentStore = (object: object) => {
    const id = String(store.size + 1);
    store.set(id, object);
    return id;
  };
  const persistentLoad = (id: Sexp) => store.get(new TextDecoder().decode(id as Uint8Array));

  // In Twisted's test the outermost object is stored as well.
  const sexp = jelly(a, { persistentStore });
  assertEquals(sexp, [atom("persistent"), atom("1")]);
  assertStrictEquals(unjelly(sexp, { persistentLoad }), a);

  const list = decodeValue(encodeValue([b, c, b], { persistentStore }), { persistentLoad });
  assertStrictEquals((list as unknown[])[0], b);
  assertStrictEquals((list as unknown[])[2], b);
  assertEquals(store.size, 3);
});

Deno.test("[Jelly newStyleClassesAttributes] a tree of instances with parent links round-trips", () => {
  class Node extends A {
    static override readonly jellyName: string = "tests.Node";
    children: Node[] = [];
    constructor(public id: number, public parent: Node | null = null) {
      super();
      parent?.children.push(this);
    }
  }
  const registry = new JellyRegistry();
  registry.register(Node.jellyName, Node);
  const options = { registry, security: new SecurityOptions().allowInstancesOf(Node) };
  const root = new Node(0);
  const child = new Node(1, root);
  new Node(2, child);
  new Node(3, root);
  const received = decodeValue(encodeValue(root, options), options);
  assertSameGraph(received, root);
  assertInstanceOf(received, Node);
  assertStrictEquals(received.children[0]?.children[0]?.parent, received.children[0]);
});

Deno.test("[Jelly simpleCircle] two instances that refer to each other round-trip", () => {
  class ClassA extends Jellyable {
    ref: unknown = new ClassB(this);
  }
  class ClassB extends Jellyable {
    constructor(public ref: unknown) {
      super();
    }
  }
  class Copy extends Unjellyable {
    declare ref: Copy;
  }
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(ClassA, Copy);
  registry.setUnjellyableForClass(ClassB, class extends Copy {});
  const a = decodeValue(encodeValue(new ClassA()), { registry }) as Copy;
  assertStrictEquals(a.ref.ref, a);
  assertNotStrictEquals(a.ref, a);
});

Deno.test("[Jelly Circular.set] an object in a set that is the object's own attribute round-trips", () => {
  const a = new A();
  a.x = new Set([a]);
  const received = roundTrip(a) as A;
  assertEquals([...received.x as Set<unknown>], [received]);
});

Deno.test("[Jelly Circular.frozenset] an object in a frozenset that is the object's own attribute round-trips", () => {
  const a = new A();
  a.x = new FrozenSet([a]);
  const received = roundTrip(a) as A;
  assertInstanceOf(received.x, FrozenSet);
  assertEquals(received.x.size, 1);
  assert(received.x.has(received));
});

Deno.test("[Jelly deprecatedUnjellyingInstanceAtom] unjelly() reads the old form of an instance", () => {
  const sexp = [atom("instance"), [atom("class"), atom("tests.A")], [atom("dictionary")]];
  assertInstanceOf(unjelly(sexp, options), A);
});

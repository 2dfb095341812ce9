/**
 * Names with a meaning in JavaScript, and s-expressions that are not valid values.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import "../proto.ts";
import {
  atom,
  banana,
  Decimal,
  decodeValue,
  defaultSecurity,
  DummySecurityOptions,
  encodeValue,
  Float,
  InsecureJelly,
  jelly,
  JellyError,
  JellyRegistry,
  SecurityOptions,
  type Sexp,
  tuple,
  unjelly,
  Unjellyable,
  type UnjellyOptions,
} from "../../jelly/mod.ts";
import { assertSameGraph } from "./graphs.ts";

/** Names that are dangerous if used as bare properties. */
const NAMES = [
  ...["__proto__", "constructor", "prototype", "then", "toJSON", "toString", "valueOf", "length"],
  ...["hasOwnProperty", "__defineGetter__", "__lookupSetter__", "jellyFor", "unjellyFor"],
  ...["postUnjelly", "setStateFor", "name", "0", "", "jellyName"],
];

const dictionary = (...pairs: [string, Sexp][]): Sexp => [
  atom("dictionary"),
  ...pairs.map(([key, value]): Sexp => [[atom("unicode"), atom(key)], value]),
];

/** Reads a tree, and reads it as bytes; both must do the same. */
function read(sexp: Sexp, options: UnjellyOptions = {}): unknown {
  const outcome = (receive: () => unknown) => {
    try {
      return { value: receive() };
    } catch (error) {
      assertInstanceOf(error, Error);
      return { error };
    }
  };
  const tree = outcome(() => unjelly(sexp, options));
  for (const dialect of ["pb", "none"] as const) {
    const wire = banana.encode(sexp, { dialect });
    const bytes = outcome(() => decodeValue(wire, { ...options, dialect }));
    assertEquals(tree.error?.message, bytes.error?.message);
    if (!tree.error) assertSameGraph(bytes.value, tree.value);
  }
  if (tree.error) throw tree.error;
  return tree.value;
}

function assertPristine(): void {
  assertEquals(Object.keys(Object.prototype), []);
  for (const name of ["polluted", "0", "then", "toJSON"]) assertFalse(name in {});
  assertEquals(Object.getPrototypeOf({}), Object.prototype);
}

for (const name of NAMES) {
  Deno.test(`decodeValue() and unjelly() treat "${name}" as an ordinary key`, () => {
    const object = Object.defineProperty({}, name, {
      value: { polluted: true },
      enumerable: true,
      configurable: true,
      writable: true,
    });
    for (const value of [object, new Map<unknown, unknown>([[name, 1], [2, 3]]), new Set([name])]) {
      assertSameGraph(decodeValue(encodeValue(value)), value);
      assertSameGraph(unjelly(jelly(value)), value);
    }
    const received = read(dictionary([name, dictionary(["polluted", 1])])) as object;
    assertStrictEquals(Object.getPrototypeOf(received), Object.prototype);
    assertEquals(Object.keys(received), [name]);
    assertEquals(
      Object.getOwnPropertyDescriptor(received, name),
      { value: { polluted: 1 }, writable: true, enumerable: true, configurable: true },
    );
    // The key again, which is in the caches now, beside another key.
    assertEquals(
      Object.keys(read(dictionary(["a", 1], [name, 2])) as object).sort(),
      ["a", name].sort(),
    );
    assertPristine();
  });

  Deno.test(`unjelly() refuses "${name}" as a tag and as the name of a class, function or module`, () => {
    for (const tag of [name, `${name}.${name}`, `tests.${name}`]) {
      for (
        const security of [defaultSecurity(), new SecurityOptions(), new DummySecurityOptions()]
      ) {
        const sexp = [atom(tag), dictionary(["polluted", 1])];
        assertThrows(() => read(sexp, { security }), InsecureJelly, "Cannot receive");
        for (const kind of ["class", "function", "module"]) {
          assertThrows(() => read([atom(kind), atom(tag)], { security }), InsecureJelly);
        }
        const old = [atom("instance"), [atom("class"), atom(tag)], dictionary()];
        assertThrows(() => read(old, { security }), InsecureJelly);
      }
    }
    assertPristine();
  });

  Deno.test(`unjelly() makes "${name}" in a state a field, or refuses it if the class has a method of that name`, () => {
    class Till extends Unjellyable {
      declare cash: number;
    }
    class Shop {
      static readonly jellyName = "tests.Shop";
      constructor(readonly cash: number) {}
      count() {}
    }
    const registry = new JellyRegistry();
    registry.setUnjellyableForClass("tests.Till", Till);
    registry.register(Shop.jellyName, Shop);
    const security = new SecurityOptions().allowInstancesOf(Shop);
    for (const cls of [Till, Shop]) {
      const state = dictionary(["cash", 5], [name, dictionary(["polluted", 1])]);
      const sexp: Sexp = [atom(`tests.${cls.name}`), state];
      const isMethod = name !== "constructor" &&
        Object.getOwnPropertyNames(Unjellyable.prototype).includes(name);
      if (cls === Till && isMethod) {
        assertThrows(
          () => read(sexp, { registry, security }),
          JellyError,
          "has a method of that name",
        );
        continue;
      }
      const object = read(sexp, { registry, security }) as object;
      assertStrictEquals(Object.getPrototypeOf(object), cls.prototype);
      assertEquals(Object.getOwnPropertyDescriptor(object, name)?.value, { polluted: 1 });
      assertEquals(Object.getOwnPropertyDescriptor(object, "cash")?.value, 5);
      assertEquals(Object.getOwnPropertyNames(cls.prototype).includes("polluted"), false);
    }
    assertPristine();
  });
}

Deno.test("unjelly() gives objects that await and JSON.stringify() treat as plain data, despite keys then and toJSON", async () => {
  const value = read(dictionary(["then", 1], ["toJSON", 2])) as object;
  assertStrictEquals(await value, value);
  assertEquals(JSON.stringify(value), '{"then":1,"toJSON":2}');
});

Deno.test("encodeValue() sends only own fields when Object.prototype is polluted", () => {
  const prototype = Object.prototype as unknown as Record<string, unknown>;
  prototype.inherited = 1;
  try {
    assertEquals(encodeValue({ own: 2 }), encodeValue(new Map([["own", 2]])));
  } finally {
    delete prototype.inherited;
  }
});

Deno.test("encodeValue() leaves out symbol keys and non-enumerable fields", () => {
  const value = Object.create(null, {
    shown: { value: 1, enumerable: true },
    hidden: { value: 2 },
    [Symbol("symbol")]: { value: 3, enumerable: true },
  });
  assertEquals(decodeValue(encodeValue(value)), { shown: 1 });
});

/** Expressions that are not valid values, and what the error says. */
const REFUSED: { name: string; sexp: Sexp; message: string }[] = [
  { name: "an empty list", sexp: [], message: "a list is empty" },
  { name: "an empty list inside", sexp: [atom("list"), []], message: "a list is empty" },
  { name: "a list with a number for a tag", sexp: [1, 2], message: "does not begin with a tag" },
  { name: "a list with a float for a tag", sexp: [1.5], message: "does not begin with a tag" },
  {
    name: "a list with a list for a tag",
    sexp: [[atom("list")]],
    message: "does not begin with a tag",
  },
  { name: "an empty tag", sexp: [atom("")], message: 'Cannot receive ""' },
  { name: "a tag that is not UTF-8", sexp: [Uint8Array.of(0xff)], message: "not UTF-8" },
  { name: "text without bytes", sexp: [atom("unicode")], message: "text: it needs a byte string" },
  { name: "text of a number", sexp: [atom("unicode"), 1], message: "it needs a byte string" },
  {
    name: "text of text",
    sexp: [atom("unicode"), [atom("unicode"), atom("a")]],
    message: "byte string",
  },
  {
    name: "text that is not UTF-8",
    sexp: [atom("unicode"), Uint8Array.of(0xc3)],
    message: "its bytes are not UTF-8",
  },
  {
    name: "text with a surrogate in UTF-8",
    sexp: [atom("unicode"), Uint8Array.of(0xed, 0xa0, 0x80)],
    message: "its bytes are not UTF-8",
  },
  {
    name: "a boolean without a word",
    sexp: [atom("boolean")],
    message: "boolean: it needs a byte",
  },
  {
    name: "a boolean of a number",
    sexp: [atom("boolean"), 1],
    message: "boolean: it needs a byte",
  },
  {
    name: "a boolean that is neither true nor false",
    sexp: [atom("boolean"), atom("True")],
    message: '"True": it is neither',
  },
  { name: "an empty boolean", sexp: [atom("boolean"), atom("")], message: '"": it is neither' },
  {
    name: "a dictionary with a number for a pair",
    sexp: [atom("dictionary"), 1],
    message: "an item is not a pair",
  },
  {
    name: "a pair without items",
    sexp: [atom("dictionary"), []],
    message: "an item is not a pair",
  },
  { name: "a pair of one item", sexp: [atom("dictionary"), [1]], message: "an item is not a pair" },
  {
    name: "a pair of three items",
    sexp: [atom("dictionary"), [1, 2, 3]],
    message: "an item is not a pair",
  },
  {
    name: "a pair of three items with a text key",
    sexp: [atom("dictionary"), [[atom("unicode"), atom("a")], 2, 3]],
    message: "an item is not a pair",
  },
  {
    name: "a second pair that is not a pair",
    sexp: [atom("dictionary"), [1, 2], 3],
    message: "an item is not a pair",
  },
  {
    name: "a decimal without exponent",
    sexp: [atom("decimal"), 1],
    message: "a value and an exponent",
  },
  {
    name: "a decimal of floats",
    sexp: [atom("decimal"), 1.5, 0],
    message: "decimal: it needs an integer",
  },
  {
    name: "a decimal with a float exponent",
    sexp: [atom("decimal"), 1, new Float(2)],
    message: "decimal: it needs an integer",
  },
  {
    name: "a decimal with a huge exponent",
    sexp: [atom("decimal"), 1, 2n ** 60n],
    message: "Cannot read decimal",
  },
  { name: "a date without fields", sexp: [atom("date")], message: "date: it needs a byte string" },
  {
    name: "a date of a number",
    sexp: [atom("date"), 2026],
    message: "date: it needs a byte string",
  },
  {
    name: "a date of words",
    sexp: [atom("date"), atom("a b c")],
    message: "is not a safe integer",
  },
  {
    name: "a date that does not exist",
    sexp: [atom("date"), atom("2026 2 30")],
    message: "there is no such",
  },
  { name: "a time not in UTF-8", sexp: [atom("time"), Uint8Array.of(0xff)], message: "not UTF-8" },
  { name: "a class without a name", sexp: [atom("class")], message: "a list is too short" },
  {
    name: "a class with a number for a name",
    sexp: [atom("class"), 1],
    message: "it needs a byte",
  },
  {
    name: "a module not in UTF-8",
    sexp: [atom("module"), Uint8Array.of(0xff)],
    message: "not UTF-8",
  },
  { name: "a function without a name", sexp: [atom("function")], message: "a list is too short" },
  { name: "a method without an object", sexp: [atom("method"), atom("a")], message: "too short" },
  { name: "an instance without a class", sexp: [atom("instance")], message: "a list is too short" },
  {
    name: "an instance of a text",
    sexp: [atom("instance"), [atom("unicode"), atom("Map")], [atom("None")]],
    message: "the name is not that of a class",
  },
  { name: "unpersistable without a reason", sexp: [atom("unpersistable")], message: "too short" },
  {
    name: "unpersistable for a number",
    sexp: [atom("unpersistable"), 1],
    message: "it needs a byte",
  },
];

for (const { name, sexp, message } of REFUSED) {
  Deno.test(`unjelly() and decodeValue() refuse ${name}, alone and inside other values`, () => {
    const options = { security: new DummySecurityOptions(), registry: new JellyRegistry() };
    const wrapped: Sexp[] = [
      sexp,
      [atom("list"), 1, sexp],
      [atom("tuple"), sexp],
      dictionary(["a", 1], ["b", sexp]),
      [atom("dictionary"), [sexp, 1]],
      [atom("set"), sexp],
      [atom("reference"), 1, sexp],
    ];
    for (const outer of wrapped) {
      const error = assertThrows(() => read(outer, options), Error, message);
      assert(error instanceof JellyError || error instanceof banana.BananaError);
    }
  });
}

/** Expressions that Twisted never writes but accepts, and so do we. */
const TAKEN: { name: string; sexp: Sexp; value: unknown }[] = [
  { name: "None followed by more items", sexp: [atom("None"), 1, [atom("nonsense")]], value: null },
  { name: "text followed by more items", sexp: [atom("unicode"), atom("a"), 1, []], value: "a" },
  {
    name: "a boolean followed by more items",
    sexp: [atom("boolean"), atom("true"), []],
    value: true,
  },
  {
    name: "a date followed by more items",
    sexp: [atom("date"), atom("1 1 1"), []],
    value: new Temporal.PlainDate(1, 1, 1),
  },
  {
    name: "a decimal followed by more items",
    sexp: [atom("decimal"), 5, -1, []],
    value: new Decimal(5, -1),
  },
  {
    name: "a dereference followed by more items",
    sexp: [atom("tuple"), [atom("reference"), 1, 5], [atom("dereference"), 1, 6, []]],
    value: tuple(5, 5),
  },
  { name: "a reference followed by more items", sexp: [atom("reference"), 1, 5, []], value: 5 },
  {
    name: "the last value of a key that comes twice",
    sexp: dictionary(["a", 1], ["a", 2]),
    value: { a: 2 },
  },
  {
    name: "a text that begins with a byte order mark",
    sexp: [atom("unicode"), atom("\ufeffa")],
    value: "\ufeffa",
  },
  {
    name: "a key that begins with a byte order mark",
    sexp: dictionary(["\ufeffa", 1]),
    value: { "\ufeffa": 1 },
  },
];

for (const { name, sexp, value } of TAKEN) {
  Deno.test(`unjelly() and decodeValue() read ${name} as Twisted does`, () => {
    // What follows shows that nothing was left over.
    assertSameGraph(read([atom("list"), sexp, 7]), [value, 7]);
  });
}

Deno.test("decodeValue() refuses less or more than one whole expression", () => {
  const wire = encodeValue([1, "two"]);
  for (let end = 0; end < wire.length; end++) {
    const cut = wire.subarray(0, end);
    assertThrows(() => decodeValue(cut), banana.BananaError, "the bytes end too early");
  }
  const more = Uint8Array.of(...wire, 0);
  assertThrows(() => decodeValue(more), banana.BananaError, "more bytes follow");
});

Deno.test("unjelly() refuses a tree with parts that are not s-expressions", () => {
  for (const part of ["text", null, undefined, true, {}, new Map(), Symbol("x"), () => {}]) {
    assertThrows(
      () => unjelly([atom("list"), part as Sexp]),
      banana.BananaError,
      "Cannot read tree",
    );
  }
});

Deno.test("encodeValue() and jelly() name the kind of a value that has no form on the wire", () => {
  class Own {}
  const cases: [unknown, string][] = [
    [() => {}, "functions and classes travel only by a registered name"],
    [Own, "functions and classes travel only by a registered name"],
    [Symbol("x"), "a symbol has no form on the wire"],
    [new Own(), "an object of class Own is neither Referenceable"],
    [Promise.resolve(1), "send what it resolves to"],
    [new TypeError("x"), "throw it, or send failure2Copyable(error)"],
    [new ReadableStream(), "a stream is sent in pages: see StreamPager"],
    [async function* () {}(), "a stream is sent in pages: see StreamPager"],
    [new Set([1]).values(), "send an array of its items"],
    [new Float32Array(1), "bytes are sent as a Uint8Array"],
    [new ArrayBuffer(1), "bytes are sent as a Uint8Array"],
    [Object.create(Object.create(null)), "an object of class null is neither"],
    [Promise.resolve(), "an object of class Promise is neither"],
    [new WeakMap(), "an object of class WeakMap is neither"],
    [/x/, "an object of class RegExp is neither"],
    [new Error("x"), "an object of class Error is neither"],
    [new ArrayBuffer(1), "an object of class ArrayBuffer is neither"],
    [new Int8Array(1), "an object of class Int8Array is neither"],
    [new URL("pb://host"), "an object of class URL is neither"],
    [new Date(NaN), "a Date: it is invalid"],
    ["\ud800", "a lone surrogate"],
  ];
  for (const [value, message] of cases) {
    for (const send of [encodeValue, jelly]) {
      const error = assertThrows(() => send({ part: value }), JellyError, message);
      assertEquals(error.path, "value.part");
      assertStrictEquals(error.culprit, value);
    }
  }
});

Deno.test("encodeValue() refuses a value that changes while it is written", () => {
  const object: Record<string, unknown> = {
    get first() {
      delete this.second;
      return 1;
    },
    second: 2,
  };
  const map = new Map<unknown, unknown>();
  map.set({
    get first() {
      return map.delete(2);
    },
  }, 1).set(2, 3);
  const set = new Set<unknown>();
  set.add({
    get first() {
      return set.add(Math.random());
    },
  });
  for (const value of [object, map, set]) {
    assertThrows(() => encodeValue(value), JellyError, "changed while it was being written");
  }
});

Deno.test("encodeValue(), jelly() and unjelly() pass on errors thrown by the program's own code", () => {
  class Own extends Error {}
  const value = [{
    get part(): never {
      throw new Own("mine");
    },
  }];
  for (const send of [encodeValue, jelly]) assertThrows(() => send(value), Own, "mine");
  const registry = new JellyRegistry();
  registry.setUnjellyableFactoryForClass("tests.Own", () => {
    throw new Own("mine");
  });
  assertThrows(() => read([atom("tests.Own"), [atom("None")]], { registry }), Own, "mine");
});

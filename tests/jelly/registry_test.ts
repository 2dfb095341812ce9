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
  defaultSecurity,
  DummySecurityOptions,
  encodeValue,
  globalRegistry,
  InsecureJelly,
  jelly,
  Jellyable,
  JellyError,
  JellyRegistry,
  Method,
  SecurityOptions,
  setUnjellyableFactoryForClass,
  setUnjellyableForClass,
  setUnjellyableForClassTree,
  type Sexp,
  unjelly,
  Unjellyable,
  Unpersistable,
} from "../../jelly/mod.ts";

class Till extends Unjellyable {
  declare cash: number;
}
class Drawer extends Till {}
class Shop {
  static readonly jellyName = "tests.shop.Shop";
  cash = 5;
  count(): number {
    return this.cash;
  }
  get worth(): number {
    return this.cash;
  }
}
function opening(): string {
  return "nine";
}
const shopModule = { opening };

const dictionary = (key: string, value: Sexp): Sexp => [
  atom("dictionary"),
  [[atom("unicode"), atom(key)], value],
];
const till = (tag: string): Sexp => [atom(tag), dictionary("cash", 5)];

Deno.test("JellyRegistry.setUnjellyableForClass() accepts a tag, or a class that has a name", () => {
  class Named {
    static readonly jellyName = "tests.Named";
  }
  class Unnamed {}
  const registry = new JellyRegistry();
  for (const tag of ["tests.Till", Named, Unnamed]) registry.setUnjellyableForClass(tag, Till);
  for (const tag of ["tests.Till", "tests.Named", "Unnamed"]) {
    const received = unjelly(till(tag), { registry });
    assertInstanceOf(received, Till);
    assertEquals(received.cash, 5);
  }
  assertThrows(
    () => registry.setUnjellyableForClass(class {}, Till),
    TypeError,
    "Cannot name a class",
  );
});

Deno.test("JellyRegistry.setUnjellyableForClass() allows a tag even if the security options do not", () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("till", Till);
  for (const security of [new SecurityOptions().allowBasicTypes(), defaultSecurity()]) {
    assertInstanceOf(unjelly(till("till"), { registry, security }), Till);
  }
  // The security options still apply to its state.
  const bare = new SecurityOptions();
  assertThrows(
    () => unjelly(till("till"), { registry, security: bare }),
    InsecureJelly,
    "dictionary",
  );
});

Deno.test("JellyRegistry.setUnjellyableFactoryForClass() uses the object that the factory returns", () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableFactoryForClass("tests.Till", (state) => ["made of", state]);
  assertEquals(unjelly([atom("list"), till("tests.Till")], { registry }), [["made of", {
    cash: 5,
  }]]);
});

Deno.test("JellyRegistry.setUnjellyableForClassTree() registers only classes of the module that derive from the base", () => {
  class Other extends Unjellyable {}
  const module = { Till, Drawer, Other, opening, answer: 42, nothing: null };
  const registry = new JellyRegistry();
  registry.setUnjellyableForClassTree(module, Till, "tests.shop");
  registry.setUnjellyableForClassTree({ Bare: Drawer }, Till, "");
  assertInstanceOf(unjelly(till("tests.shop.Till"), { registry }), Till);
  assertInstanceOf(unjelly(till("tests.shop.Drawer"), { registry }), Drawer);
  assertInstanceOf(unjelly(till("Bare"), { registry }), Drawer);
  for (const name of ["Other", "opening", "answer", "nothing"]) {
    assertEquals(registry.rule(`tests.shop.${name}`), undefined);
  }
});

Deno.test("setUnjellyableForClass() and its kin as functions register in the global registry", () => {
  setUnjellyableForClass("tests.global.Till", Till);
  setUnjellyableFactoryForClass("tests.global.Made", () => "made");
  setUnjellyableForClassTree({ Drawer }, Till, "tests.global");
  assertInstanceOf(unjelly(till("tests.global.Till")), Till);
  assertEquals(unjelly(till("tests.global.Made")), "made");
  assertInstanceOf(unjelly(till("tests.global.Drawer")), Drawer);
  assert(globalRegistry.rule("tests.global.Till") !== undefined);
  const registry = new JellyRegistry();
  assertThrows(() => unjelly(till("tests.global.Till"), { registry }), InsecureJelly);
});

Deno.test("JellyRegistry.setRule() lets a rule read the items behind its tag", () => {
  const registry = new JellyRegistry();
  registry.setRule("pair", (_unjellier, list) => {
    assertEquals(list.length, 3);
    const [first, second] = [list.nextSexp(), list.next()];
    return { first, second, left: list.length };
  });
  const sexp = [atom("list"), [atom("pair"), [1, [2]], [atom("None")], atom("ignored")], 7];
  const expected = [{ first: [1, [2]], second: null, left: 1 }, 7];
  assertEquals(unjelly(sexp, { registry }), expected);
  assertEquals(decodeValue(banana.encode(sexp), { registry, dialect: "none" }), expected);
});

Deno.test("unjelly() prefers the rules of the connection to those of the registry", () => {
  const registry = new JellyRegistry();
  registry.setRule("tests.Tag", () => "registry");
  const rules = new Map([["tests.Tag", () => "connection"]]);
  assertEquals(unjelly([atom("tests.Tag")], { registry, rules }), "connection");
  assertEquals(unjelly([atom("tests.Tag")], { registry }), "registry");
});

const registry = new JellyRegistry();
registry.register(Shop.jellyName, Shop);
registry.register("tests.shop.opening", opening);
registry.register("tests.shop", shopModule);
const security = new SecurityOptions().allowInstancesOf(Shop).allowTypes("function", "method");
const options = { registry, security };

Deno.test("jelly() sends classes, functions and modules by their registered names", () => {
  for (const value of [Shop, opening, shopModule]) {
    const sexp = jelly([value], options) as Sexp[][];
    assertStrictEquals((unjelly(sexp, options) as unknown[])[0], value);
    assertStrictEquals(
      (decodeValue(encodeValue([value], options), options) as unknown[])[0],
      value,
    );
  }
  assertEquals(jelly(Shop, options), [atom("class"), atom("tests.shop.Shop")]);
  assertEquals(jelly(opening, options), [atom("function"), atom("tests.shop.opening")]);
  assertEquals(jelly(shopModule, options), [atom("module"), atom("tests.shop")]);
});

Deno.test("encodeValue() and decodeValue() keep a Method bound to its object", () => {
  const shop = new Shop();
  const [received, self] = decodeValue(
    encodeValue([new Method(shop, "count"), shop], options),
    options,
  ) as [Method, Shop];
  assertInstanceOf(received, Method);
  assertStrictEquals(received.self, self);
  self.cash = 7;
  assertEquals(received.call(), 7);
});

/** Expressions that a hostile peer might send. */
const REFUSED: { name: string; sexp: Sexp; message: string }[] = [
  {
    name: "a class of a module that is not allowed",
    sexp: [atom("class"), atom("os.Shop")],
    message: '"os.Shop": no class is registered for it (setUnjellyableForClass)',
  },
  {
    name: "a class that is not registered",
    sexp: [atom("class"), atom("tests.shop.Safe")],
    message: '"tests.shop.Safe": no class is registered for it',
  },
  {
    name: "a function as a class",
    sexp: [atom("class"), atom("tests.shop.opening")],
    message: "the name is not that of a class",
  },
  {
    name: "a module as a class",
    sexp: [atom("class"), atom("tests.shop")],
    message: 'module "tests" is not allowed',
  },
  {
    name: "a function of a module that is not allowed",
    sexp: [atom("function"), atom("os.system")],
    message: 'module "os" is not allowed',
  },
  {
    name: "a function that is not registered",
    sexp: [atom("function"), atom("tests.shop.closing")],
    message: "it is not registered",
  },
  {
    name: "a module that is not allowed",
    sexp: [atom("module"), atom("os")],
    message: 'module "os": it is not allowed',
  },
  {
    name: "a class as a module",
    sexp: [atom("module"), atom("tests.shop.Shop")],
    message: "it is not allowed",
  },
  {
    name: "an instance of a function",
    sexp: [atom("tests.shop.opening"), [atom("dictionary")]],
    message: "the name is not that of a class",
  },
  {
    name: "a method of something that is not a class",
    sexp: [atom("method"), atom("count"), 1, 2],
    message: "the name is not that of a class",
  },
];

for (const { name, sexp, message } of REFUSED) {
  Deno.test(`unjelly() refuses ${name}`, () => {
    assertThrows(() => unjelly(sexp, options), InsecureJelly, message);
  });
}

Deno.test("unjelly() refuses a name that is not registered, even if everything is allowed", () => {
  const everything = { registry, security: new DummySecurityOptions() };
  for (const tag of ["Map", "globalThis.Map", "Deno.exit", "tests.shop.Safe"]) {
    for (const sexp of [[atom(tag), [atom("dictionary")]], [atom("class"), atom(tag)]]) {
      assertThrows(() => unjelly(sexp, everything), InsecureJelly, "no class is registered");
    }
  }
});

Deno.test("unjelly() refuses a method that the class itself does not define", () => {
  const shop: Sexp = [atom("tests.shop.Shop"), [atom("dictionary")]];
  const cls: Sexp = [atom("class"), atom("tests.shop.Shop")];
  const method = (name: string, self: Sexp = shop): Sexp => [atom("method"), atom(name), self, cls];
  assertInstanceOf(unjelly(method("count"), options), Method);
  for (const name of ["toString", "constructor", "__proto__", "worth", "cash", ""]) {
    assertThrows(() => unjelly(method(name), options), JellyError, "class Shop has no such method");
  }
  for (const self of [1, [atom("None")], [atom("list")]]) {
    assertThrows(() => unjelly(method("count", self), options), JellyError, "has no such method");
  }
  const later = [atom("list"), method("count", [atom("dereference"), 1]), [
    atom("reference"),
    1,
    shop,
  ]];
  assertThrows(() => unjelly(later, options), JellyError, "the object has not arrived yet");
});

Deno.test("decodeValue() makes an instance without calling its constructor", () => {
  let calls = 0;
  class Counted {
    static readonly jellyName = "tests.Counted";
    constructor() {
      calls++;
    }
  }
  const registry = new JellyRegistry();
  registry.register(Counted.jellyName, Counted);
  const options = { registry, security: new SecurityOptions().allowInstancesOf(Counted) };
  const received = decodeValue(encodeValue(new Counted(), options), options);
  assertInstanceOf(received, Counted);
  assertEquals(calls, 1);
});

Deno.test("jelly() tags an instance with the registered name of its class, or else the class's own name", () => {
  class Safe {}
  const security = new SecurityOptions().allowInstancesOf(Safe).allowModules("tests");
  const registry = new JellyRegistry();
  assertEquals(jelly(new Safe(), { security, registry }), [atom("Safe"), [atom("dictionary")]]);
  registry.register("tests.Safe", Safe);
  const wire = encodeValue(new Safe(), { security, registry });
  assertInstanceOf(decodeValue(wire, { security, registry }), Safe);
});

Deno.test("jelly() ignores a field named constructor when it chooses the tag of an object", () => {
  class Wrapped extends Jellyable {
    static readonly jellyName = "tests.Wrapped";
  }
  const registry = new JellyRegistry();
  registry.register(Shop.jellyName, Shop);
  registry.setUnjellyableFactoryForClass(
    "tests.Wrapped",
    (state) => Object.assign(new Wrapped(), state),
  );
  const security = new SecurityOptions().allowBasicTypes().allowModules("tests.shop")
    .allowInstancesOf(Shop);
  for (const other of [[atom("None")], dictionary("jellyName", atom("tests.Other"))] as Sexp[]) {
    for (const tag of [Shop.jellyName, Wrapped.jellyName]) {
      const sexp: Sexp = [atom(tag), dictionary("constructor", other)];
      const received = unjelly(sexp, { registry, security });
      assertEquals(jelly(received, { registry, security }), sexp);
    }
  }
  const shop = Object.assign(new Shop(), { constructor: null });
  const [, , , cls] = jelly(new Method(shop, "count"), { registry, security }) as Sexp[];
  assertEquals(cls, [atom("class"), atom(Shop.jellyName)]);
});

Deno.test("unjelly() treats None as an empty state", () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("tests.Till", Till);
  registry.register(Shop.jellyName, Shop);
  for (const tag of ["tests.Till", Shop.jellyName]) {
    const sexp: Sexp = [atom(tag), [atom("None")]];
    assertEquals(Object.keys(unjelly(sexp, { registry, security }) as object), []);
  }
});

Deno.test("unjelly() refuses a state that is not a dictionary", () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("tests.Till", Till);
  registry.register(Shop.jellyName, Shop);
  const states: Sexp[] = [1, atom("bytes"), [atom("list")], [atom("unicode"), atom("a")], [
    atom("set"),
  ]];
  for (const tag of ["tests.Till", Shop.jellyName]) {
    for (const state of states) {
      const sexp = [atom(tag), state];
      assertThrows(
        () => unjelly(sexp, { registry, security }),
        JellyError,
        "it is not a dictionary",
      );
    }
    assertThrows(() => unjelly([atom(tag)], { registry, security }), JellyError, "too short");
  }
});

Deno.test("unjelly() reads field names that arrive as bytes as UTF-8", () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("tests.Till", Till);
  const state = (key: Sexp): Sexp => [atom("tests.Till"), [atom("dictionary"), [key, 5]]];
  assertEquals((unjelly(state(atom("cash")), { registry }) as Till).cash, 5);
  assertThrows(() => unjelly(state(Uint8Array.of(0xff)), { registry }), JellyError, "not UTF-8");
  assertThrows(() => unjelly(state(1), { registry }), JellyError, "a name is not text");
});

Deno.test("persistentStore and persistentLoad carry identifiers of every kind", () => {
  class Stored {}
  const ids = ["id", 7, 2n ** 60n, 1.5, Uint8Array.of(0, 255), [Uint8Array.of(1), [5, []]]];
  const received: Sexp[] = [];
  for (const id of ids) {
    const wire = encodeValue([new Stored()], { persistentStore: () => id });
    const persistentLoad = (id: Sexp) => {
      received.push(id);
      return "loaded";
    };
    assertEquals(decodeValue(wire, { persistentLoad }), ["loaded"]);
    assertEquals(decodeValue(wire), [new Unpersistable("Persistent callback not found")]);
  }
  assertEquals(received, [atom("id"), ...ids.slice(1) as Sexp[]]);
});

Deno.test("persistentStore is called once for each instance, and may return undefined", () => {
  class Stored {}
  const asked: object[] = [];
  const persistentStore = (object: object) => {
    asked.push(object);
    return asked.length === 1 ? "first" : undefined;
  };
  const [first, second] = [new Stored(), new Stored()];
  const value = [first, first, [], {}, new Map(), new Date(0), new Jellyable(), "text", 1];
  const wire = encodeValue(value, { persistentStore });
  assertEquals(asked, [first]);
  const loaded = { loaded: true };
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(Jellyable, Till);
  const received = decodeValue(wire, { registry, persistentLoad: () => loaded }) as unknown[];
  assert(received[0] === loaded && received[1] === loaded);
  assertThrows(() => encodeValue(second, { persistentStore }), JellyError, "of class Stored");
});

Deno.test("encodeValue() sends Unpersistable for values that cannot be sent if `unpersistable` is set", () => {
  class Own {}
  const own = new Own();
  const value = [() => {}, Symbol("x"), own, own, 1];
  const received = decodeValue(encodeValue(value, { unpersistable: true })) as Unpersistable[];
  for (const part of received.slice(0, 4)) assertInstanceOf(part, Unpersistable);
  assertEquals(received[1]!.reason, "a symbol has no form on the wire");
  assertStrictEquals(received[2], received[3]);
  assertEquals<unknown>(received[4], 1);
});

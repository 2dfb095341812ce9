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

Deno.test("JellyRegistry.setUnjellyableForClass() takes a tag, or a class by its name", () => {
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

Deno.test("JellyRegistry: what is registered is received, whatever the security options say", () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("till", Till);
  for (const security of [new SecurityOptions().allowBasicTypes(), defaultSecurity()]) {
    assertInstanceOf(unjelly(till("till"), { registry, security }), Till);
  }
  // Its state is looked at as everything is.
  const bare = new SecurityOptions();
  assertThrows(
    () => unjelly(till("till"), { registry, security: bare }),
    InsecureJelly,
    "dictionary",
  );
});

Deno.test("JellyRegistry.setUnjellyableFactoryForClass() gives what the factory makes", () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableFactoryForClass("tests.Till", (state) => ["made of", state]);
  assertEquals(unjelly([atom("list"), till("tests.Till")], { registry }), [["made of", {
    cash: 5,
  }]]);
});

Deno.test("JellyRegistry.setUnjellyableForClassTree() takes the classes of a module that derive from one", () => {
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

Deno.test("the functions without a registry use the one that all share", () => {
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

Deno.test("JellyRegistry.setRule() reads the items behind a tag as it likes", () => {
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

Deno.test("rules of a connection come before those of the registry", () => {
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

Deno.test("classes, functions and modules travel by their registered names", () => {
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

Deno.test("a method travels as its object, its class and its name", () => {
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

/** What a peer might try. */
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
    message: "what is named is not a class",
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
    message: "what is named is not a class",
  },
  {
    name: "a method of something that is not a class",
    sexp: [atom("method"), atom("count"), 1, 2],
    message: "what is named is not a class",
  },
];

for (const { name, sexp, message } of REFUSED) {
  Deno.test(`${name} is refused`, () => {
    assertThrows(() => unjelly(sexp, options), InsecureJelly, message);
  });
}

Deno.test("a name that is allowed and not registered leads nowhere, even if everything is allowed", () => {
  const everything = { registry, security: new DummySecurityOptions() };
  for (const tag of ["Map", "globalThis.Map", "Deno.exit", "tests.shop.Safe"]) {
    for (const sexp of [[atom(tag), [atom("dictionary")]], [atom("class"), atom(tag)]]) {
      assertThrows(() => unjelly(sexp, everything), InsecureJelly, "no class is registered");
    }
  }
});

Deno.test("a method that the class itself does not have is refused", () => {
  const shop: Sexp = [atom("tests.shop.Shop"), [atom("dictionary")]];
  const cls: Sexp = [atom("class"), atom("tests.shop.Shop")];
  const method = (name: string, self: Sexp = shop): Sexp => [atom("method"), atom(name), self, cls];
  assertInstanceOf(unjelly(method("count"), options), Method);
  for (const name of ["toString", "constructor", "__proto__", "worth", "cash", ""]) {
    assertThrows(() => unjelly(method(name), options), JellyError, "the object of Shop has none");
  }
  for (const self of [1, [atom("None")], [atom("list")]]) {
    assertThrows(() => unjelly(method("count", self), options), JellyError, "has none");
  }
  const later = [atom("list"), method("count", [atom("dereference"), 1]), [
    atom("reference"),
    1,
    shop,
  ]];
  assertThrows(() => unjelly(later, options), JellyError, "its object comes later");
});

Deno.test("an instance is made without its constructor", () => {
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

Deno.test("an instance goes by the registered name of its class, or else by the class's own", () => {
  class Safe {}
  const security = new SecurityOptions().allowInstancesOf(Safe).allowModules("tests");
  const registry = new JellyRegistry();
  assertEquals(jelly(new Safe(), { security, registry }), [atom("Safe"), [atom("dictionary")]]);
  registry.register("tests.Safe", Safe);
  const wire = encodeValue(new Safe(), { security, registry });
  assertInstanceOf(decodeValue(wire, { security, registry }), Safe);
});

Deno.test("None as a state is an empty state", () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("tests.Till", Till);
  registry.register(Shop.jellyName, Shop);
  for (const tag of ["tests.Till", Shop.jellyName]) {
    const sexp: Sexp = [atom(tag), [atom("None")]];
    assertEquals(Object.keys(unjelly(sexp, { registry, security }) as object), []);
  }
});

Deno.test("a state that is no dictionary is refused", () => {
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

Deno.test("names in a state that arrive as bytes are read as UTF-8", () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("tests.Till", Till);
  const state = (key: Sexp): Sexp => [atom("tests.Till"), [atom("dictionary"), [key, 5]]];
  assertEquals((unjelly(state(atom("cash")), { registry }) as Till).cash, 5);
  assertThrows(() => unjelly(state(Uint8Array.of(0xff)), { registry }), JellyError, "not UTF-8");
  assertThrows(() => unjelly(state(1), { registry }), JellyError, "a name is not a text");
});

Deno.test("persistent identifiers of every kind go both ways", () => {
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

Deno.test("persistentStore is asked for instances only, once for each, and may decline", () => {
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

Deno.test("unpersistable is sent in place of what cannot be, if that is wanted", () => {
  class Own {}
  const own = new Own();
  const value = [() => {}, Symbol("x"), own, own, 1];
  const received = decodeValue(encodeValue(value, { unpersistable: true })) as Unpersistable[];
  for (const part of received.slice(0, 4)) assertInstanceOf(part, Unpersistable);
  assertEquals(received[1]!.reason, "a symbol has no form on the wire");
  assertStrictEquals(received[2], received[3]);
  assertEquals<unknown>(received[4], 1);
});

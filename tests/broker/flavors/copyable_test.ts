import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Avatar,
  Copyable,
  type Kwargs,
  kwargs,
  Referenceable,
  RemoteCopy,
  type RemoteReference,
  Root,
  setCopierForClass,
  setCopierForClassTree,
  setFactoryForClass,
  setUnjellyableFactoryForClass,
  setUnjellyableForClass,
  setUnjellyableForClassTree,
} from "@perspective/broker";
import {
  globalRegistry,
  inspectSexp,
  jelly,
  JellyError,
  JellyRegistry,
  tuple,
  unjelly,
} from "@perspective/broker/jelly";
import "../../proto.ts";
import { flavorRegistry, Point } from "../flavor_classes.ts";
import { settle, type TestPair, testPair } from "../pair.ts";

class Echo extends Root {
  received: unknown;
  constructor(readonly value?: unknown) {
    super();
  }
  remote_get(): unknown {
    return this.value;
  }
  remote_echo(...args: unknown[]): unknown {
    this.received = args[0];
    return args.length === 1 ? args[0] : args;
  }
  remote_with(point: Point, named: Kwargs<{ other?: number; by?: Point }>): unknown {
    return tuple(point, named.other, named.by);
  }
}

function connected(root: Root, registry: JellyRegistry = flavorRegistry()): Promise<TestPair> {
  return testPair(root, { server: { registry }, client: { registry } });
}

Deno.test("[Broker copy] Copyable arrives with its numbers, dictionaries and lists", async () => {
  await using pair = await connected(new Echo(new Point(1, { a: [2, "three"] })));
  const point = await pair.client.root().callRemote("get");
  assertInstanceOf(point, Point);
  assertEquals([point.x, point.y], [1, { a: [2, "three"] }]);
});

Deno.test("[Broker NewStyle.newStyle] Copyable that is echoed is a new object with the same class and state", async () => {
  await using pair = await connected(new Echo());
  const point = new Point("x", [1]);
  const echo = await pair.client.root().callRemote("echo", point);
  assertInstanceOf(echo, Point);
  assertNotStrictEquals(echo, point);
  assertEquals([echo.x, echo.y], ["x", [1]]);
});

Deno.test("Copyable with a field named constructor is sent under the tag of its class", async () => {
  class Sly extends Point {
    static override readonly jellyName = Point.jellyName;
    override getStateToCopy(): unknown {
      return { x: 1, constructor: { jellyName: "interop.Other" } };
    }
  }
  await using pair = await connected(new Echo());
  const echo = await pair.client.root().callRemote("echo", new Sly());
  assertInstanceOf(echo, Point);
  assertEquals({ ...echo } as unknown, { x: 1, y: 0, constructor: { jellyName: "interop.Other" } });
});

Deno.test("[Broker NewStyle.newStyleWithKeywords] Copyable can be a positional or a keyword argument", async () => {
  await using pair = await connected(new Echo());
  const answer = await pair.client.root().callRemote(
    "with",
    new Point(1),
    kwargs({ other: 2, by: new Point(3) }),
  ) as [Point, number, Point];
  assertEquals(answer.map((one) => one instanceof Point ? one.x : one), [1, 2, 3]);
  assert(Object.isFrozen(answer));
});

Deno.test("[Jelly circleWithInvoker] Copyable objects may refer to each other", async () => {
  const a = new Point(), b = new Point(a, [a]);
  a.x = b;
  await using pair = await connected(new Echo(a));
  const first = await pair.client.root().callRemote("get") as Point;
  const second = first.x as Point;
  assertInstanceOf(second, Point);
  assertStrictEquals(second.x, first);
  assertStrictEquals((second.y as unknown[])[0], first);
});

Deno.test("[Broker factoryCopy] setUnjellyableFactoryForClass() makes the object from the state with a factory", async () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableFactoryForClass("interop.Point", (state) => ["made of", state]);
  await using pair = await connected(new Echo(new Point(1, 2)), registry);
  assertEquals(await pair.client.root().callRemote("get"), ["made of", { x: 1, y: 2 }]);
});

Deno.test("[Broker badSerialization] callRemote() rejects when getStateToCopy() throws, and sends nothing", async () => {
  class Bad extends Copyable {
    override getStateToCopy(): never {
      throw new RangeError("no state today");
    }
  }
  const server = new Echo();
  await using pair = await connected(server);
  const root = pair.client.root();
  await assertRejects(() => root.callRemote("echo", 1, [new Bad()]), RangeError, "no state today");
  assertEquals(server.received, undefined);
  assertEquals(pair.client.counts.callsOut, 0);
  assertEquals(await root.callRemote("echo", 1), 1);
});

Deno.test("setCopierForClass(), setCopierForClassTree() and setFactoryForClass() are aliases of the newer functions", () => {
  assertStrictEquals(setCopierForClass, setUnjellyableForClass);
  assertStrictEquals(setCopierForClassTree, setUnjellyableForClassTree);
  assertStrictEquals(setFactoryForClass, setUnjellyableFactoryForClass);
});

Deno.test("setCopierForClassTree() registers classes for every connection without a registry of its own", async () => {
  class Shape extends RemoteCopy {}
  class Circle extends Shape {}
  setCopierForClassTree({ Circle, Shape, other: 1 }, Shape, "copyable_test");
  class SentCircle extends Copyable {
    static readonly jellyName = "copyable_test.Circle";
  }
  await using pair = await testPair(new Echo(new SentCircle()));
  assertInstanceOf(await pair.client.root().callRemote("get"), Circle);
  assert(globalRegistry.rule("copyable_test.Shape"));
});

// A class with TypeScript features.

class Account extends Copyable {
  static readonly jellyName: string = "bank.Account";
  static count = 0;
  #pin = 1234;
  private owner = "Ada";
  balance = 0;
  declare note?: string;
  #limit = 10;

  get limit(): number {
    return this.#limit;
  }
  set limit(limit: number) {
    this.#limit = limit;
  }
  get pin(): number {
    return this.#pin;
  }
  declare onChange?: () => number;
  who(): string {
    return this.owner;
  }
}

Deno.test("Copyable sends its fields, but no #private, accessor or static members", async () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(Account, Account);
  const account = new Account();
  account.balance = 5;
  account.limit = 20;
  assertEquals(account.getStateToCopy(), { owner: "Ada", balance: 5 });
  await using pair = await connected(new Echo(account), registry);
  const copy = await pair.client.root().callRemote("get");
  assertInstanceOf(copy, Account);
  assertEquals([copy.balance, copy.who(), copy.limit, copy.pin, copy.note], [
    5,
    "Ada",
    10,
    1234,
    undefined,
  ]);
  assertEquals(Object.keys(copy), ["owner", "balance"]);
});

Deno.test("Copyable calls setters for a received state, and refuses to replace methods and getters", async () => {
  class State extends Copyable {
    static readonly jellyName = "bank.Account";
    constructor(readonly state: unknown) {
      super();
    }
    override getStateToCopy(): unknown {
      return this.state;
    }
  }
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("bank.Account", Account);
  const server = new Echo();
  await using pair = await connected(server, registry);
  const get = async (state: unknown) => {
    Object.assign(server, { value: new State(state) });
    return await pair.client.root().callRemote("get") as Account;
  };
  const copy = await get({ limit: 7, ["__proto__"]: {}, constructor: 2, then: 3 });
  assertEquals(copy.limit, 7);
  assertStrictEquals(Object.getPrototypeOf(copy), Account.prototype);
  assertEquals(Object.getOwnPropertyDescriptor(copy, "__proto__")?.value, {});
  class WithCode extends Account {
    override onChange = () => 1;
  }
  registry.setUnjellyableForClass("bank.Account", WithCode);
  for (const name of ["who", "pin", "jellyFor", "setCopyableState", "onChange"]) {
    await assertRejects(() => get({ constructor: null, [name]: 1 }), JellyError, `"${name}"`);
  }
  for (const state of [1, "x", [1], new Map([[1, 2]])]) {
    await assertRejects(() => get(state), JellyError, "Cannot read state of WithCode: ");
  }
  // Names as bytes, as in Python 2, and no state at all.
  const bytes = new Map([[new TextEncoder().encode("balance"), 8]]);
  assertEquals((await get(bytes)).balance, 8);
  assertEquals((await get(null)).balance, 0);
});

Deno.test("callRemote() refuses a Copyable with a function in a field, and names the path", async () => {
  class Button extends Copyable {
    label = "ok";
    onClick = () => this.label;
  }
  await using pair = await connected(new Echo());
  await assertRejects(
    () => pair.client.root().callRemote("echo", [new Button()]),
    JellyError,
    "args[0][0].onClick",
  );
});

Deno.test("RemoteCopy is made by its constructor without arguments, then gets its state", async () => {
  let made = 0;
  class RemotePoint extends RemoteCopy {
    declare x: number;
    readonly number = ++made;
    override setCopyableState(state: unknown): void {
      super.setCopyableState(Object.fromEntries(
        Object.entries(state as object).map(([name, value]) => [name, value * 2]),
      ));
    }
  }
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(Point, RemotePoint);
  await using pair = await connected(new Echo(new Point(1, 2)), registry);
  const point = await pair.client.root().callRemote("get");
  assertInstanceOf(point, RemotePoint);
  assertEquals([point.x, point.number, made], [2, 1, 1]);
});

Deno.test("Copyable.getTypeToCopy() of a subclass is its own name unless overridden", async () => {
  class Sub extends Point {}
  class Same extends Point {
    static override readonly jellyName = Point.jellyName;
  }
  class Tagged extends Point {
    override getTypeToCopy(): string {
      return "interop.Point";
    }
  }
  assertEquals([new Sub().getTypeToCopy(), new Same().getTypeToCopy()], ["Sub", "interop.Point"]);
  await using pair = await connected(new Echo(new Tagged(3)));
  assertInstanceOf(await pair.client.root().callRemote("get"), Point);
});

Deno.test("Copyable.getStateToCopyFor() and getTypeToCopyFor() get the caller's perspective", async () => {
  class Salary extends Copyable {
    override getTypeToCopyFor(perspective: object | null): string {
      return perspective === null ? "Public" : "Private";
    }
    override getStateToCopyFor(perspective: object | null): unknown {
      return perspective === null ? {} : { amount: 100 };
    }
  }
  class Boss extends Avatar {
    perspective_salary(): unknown {
      return new Salary();
    }
    perspective_show(to: RemoteReference): Promise<unknown> {
      return to.callRemote("seen", new Salary());
    }
  }
  class Company extends Root {
    remote_boss(): unknown {
      return new Boss();
    }
    remote_salary(): unknown {
      return new Salary();
    }
  }
  const registry = new JellyRegistry();
  registry.setUnjellyableFactoryForClass("Public", (state) => ["public", state]);
  registry.setUnjellyableFactoryForClass("Private", (state) => ["private", state]);
  await using pair = await connected(new Company(), registry);
  const root = pair.client.root();
  const boss = await root.callRemote("boss") as RemoteReference;
  assertEquals(await root.callRemote("salary"), ["public", {}]);
  assertEquals(await boss.callRemote("salary"), ["private", { amount: 100 }]);
  class Eye extends Referenceable {
    remote_seen(what: unknown): unknown {
      return what;
    }
  }
  // A reference that came with the boss's perspective is called with it.
  const calls = boss.callRemote("show", new Eye());
  assertEquals(await calls, ["private", { amount: 100 }]);
  await settle();
});

// Without a connection.

Deno.test("jelly() sends a Copyable without a connection as its class and fields", () => {
  class Hidden extends Point {
    static override readonly jellyName = Point.jellyName;
    override getStateToCopy(): never {
      throw new Error("for connections only");
    }
    override setCopyableState(): never {
      throw new Error("for connections only");
    }
  }
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(Point, Hidden);
  const sexp = jelly(new Hidden(1, 2));
  const fields = '[["unicode", "x"], 1], [["unicode", "y"], 2]';
  assertEquals(inspectSexp(sexp), `["interop.Point", ["dictionary", ${fields}]]`);
  const copy = unjelly(sexp, { registry });
  assertInstanceOf(copy, Hidden);
  assertEquals(copy.x, 1);
  class Remote extends RemoteCopy {}
  registry.setUnjellyableForClass(Point, Remote);
  assertInstanceOf(unjelly(sexp, { registry }), Remote);
  assertThrows(() => jelly(new Root()), JellyError, "can travel only over a connection");
});

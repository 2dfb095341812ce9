// Arguments and results that cannot be sent fail one call, with the path to the fault.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  callOptions,
  connectPair,
  CopyableError,
  kwargs,
  noOperation,
  PBConnectionLost,
  PBError,
  Referenceable,
  RemoteError,
  Root,
} from "@perspective/broker/broker";
import { Decimal, JellyError, tuple } from "@perspective/broker/jelly";
import { settle, testPair } from "../pair.ts";

class Thing extends Referenceable {}

class Plain {
  x = 1;
}

class Service extends Root {
  readonly thing = new Thing();
  result: unknown = null;
  remote_echo(...args: unknown[]): unknown {
    return args[0];
  }
  remote_result(): unknown {
    return this.result;
  }
  remote_later(): Promise<unknown> {
    return Promise.resolve(this.result);
  }
  remote_throw(): never {
    throw this.result;
  }
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

const throwing = {
  get field(): never {
    throw new TypeError("the getter failed");
  },
};

const foreign = await referenceOfAnotherConnection();

/** Values that cannot be sent, the paths to the faults in them, and the reasons. */
const CASES: { name: string; value: unknown; path: string | undefined; fact: string }[] = [
  { name: "a string over the limit", value: "a".repeat(655_361), path: "", fact: "maxStringBytes" },
  {
    name: "bytes over the limit",
    value: { data: new Uint8Array(655_361) },
    path: ".data",
    fact: "maxStringBytes",
  },
  {
    name: "a key over the limit",
    value: [{ ["k".repeat(655_361)]: 1 }],
    path: undefined,
    fact: "maxStringBytes",
  },
  {
    name: "a list over the limit",
    value: { list: new Array(655_361).fill(0) },
    path: ".list",
    fact: "maxListItems",
  },
  { name: "lists too deep", value: nested(1100), path: undefined, fact: "maxDepth" },
  {
    name: "lists deeper than the call stack",
    value: nested(1e5),
    path: undefined,
    fact: "maxDepth",
  },
  { name: "an integer of 449 bits", value: [1, 2n ** 448n], path: "[1]", fact: "maxPrefixBytes" },
  {
    name: "a decimal of 449 bits",
    value: [new Decimal(2n ** 448n, 0)],
    path: "[0]",
    fact: "maxPrefixBytes",
  },
  { name: "a lone surrogate", value: { text: "\ud800" }, path: ".text", fact: "surrogate" },
  { name: "a lone surrogate in a key", value: { "\ud800": 1 }, path: undefined, fact: "surrogate" },
  {
    name: "an instance of a class",
    value: [{ plain: new Plain() }],
    path: "[0].plain",
    fact: "Plain",
  },
  {
    name: "a function",
    value: { user: { onClick() {} } },
    path: ".user.onClick",
    fact: "function",
  },
  {
    name: "a plain object with remote methods",
    value: [{ remote_event() {} }],
    path: "[0].remote_event",
    fact: "make it a remote_ method of a Referenceable",
  },
  { name: "a class", value: tuple(Plain), path: "[0]", fact: "function" },
  { name: "a symbol", value: new Set([Symbol("x")]), path: ".values()[0]", fact: "symbol" },
  { name: "a promise", value: new Map([[1, Promise.resolve()]]), path: ".get(1)", fact: "Promise" },
  { name: "a regular expression", value: [/x/], path: "[0]", fact: "RegExp" },
  { name: "an invalid date", value: [new Date(NaN)], path: "[0]", fact: "Date" },
  { name: "an iterator", value: [new Set([1]).values()], path: "[0]", fact: "send an array of" },
  {
    name: "keyword arguments within a list",
    value: [kwargs({ a: 1 })],
    path: "[0]",
    fact: "Kwargs are not a value: they go after the other arguments",
  },
  {
    name: "call options within a list",
    value: [callOptions({ timeout: 1000 })],
    path: "[0]",
    fact: "CallOptions are not a value: they go after all other arguments",
  },
  { name: "a reference of another connection", value: [foreign], path: "[0]", fact: "connection" },
];

for (const { name, value, path, fact } of CASES) {
  Deno.test(`callRemote() refuses ${name}, and the connection stays open`, async () => {
    await using pair = await testPair(new Service());
    const root = pair.client.root<Service>();
    const refusals: { what: string; call: () => Promise<unknown> }[] = [
      { what: "args[1]", call: () => root.callRemote("echo", new Thing(), value) },
      { what: "kwargs.k", call: () => root.callRemote("echo", kwargs({ k: value })) },
      {
        what: "args[0]",
        call: () => root.callRemote("echo", value, callOptions({ answer: false })),
      },
    ];
    for (const { what, call } of refusals) {
      const error = await assertRejects(call, JellyError);
      assertStringIncludes(error.message, fact);
      if (path !== undefined) assertEquals(error.path, what + path);
    }
    assertEquals(pair.client.counts.localObjects, 0);
    assertEquals(pair.client.counts.callsOut, 0);
    assertEquals(pair.client.counts.bufferedBytes, 0);
    assertEquals(await root.callRemote("echo", 1), 1);
  });

  Deno.test(`callRemote() rejects when the result is ${name}, and the connection stays open`, async () => {
    const service = new Service();
    await using pair = await testPair(service);
    const root = pair.client.root<Service>();
    service.result = [service.thing, value];
    for (const method of ["result", "later"] as const) {
      const error = await assertRejects(() => root.callRemote(method), RemoteError);
      assertStringIncludes(error.message, fact);
      if (path !== undefined) assertStringIncludes(error.message, `result[1]${path}`);
    }
    assertEquals(pair.serverLog.length, 2);
    assertEquals(pair.server.counts.localObjects, 1);
    assertEquals(await root.callRemote("echo", 1), 1);
  });
}

Deno.test("callRemote() rejects with the error that a getter throws in an argument or a result", async () => {
  const service = new Service();
  await using pair = await testPair(service);
  const root = pair.client.root<Service>();
  await assertRejects(() => root.callRemote("echo", throwing), TypeError, "the getter failed");
  service.result = throwing;
  const error = await assertRejects(() => root.callRemote("result"), RemoteError);
  assertEquals(error.message, "the getter failed");
  assertEquals(await root.callRemote("echo", 1), 1);
});

Deno.test("Broker takes back only the references that a refused message had counted itself", async () => {
  const service = new Service();
  await using pair = await testPair(service);
  const root = pair.client.root<Service>();
  service.result = service.thing;
  using thing = await root.callRemote("result") as { release(): void } & Disposable;
  service.result = [service.thing, service.thing, new Thing(), new Plain()];
  await assertRejects(() => root.callRemote("result"), RemoteError, "Plain");
  assertEquals(pair.server.counts.localObjects, 2);
  thing.release();
  await settle();
  assertEquals(pair.server.counts.localObjects, 1);
});

Deno.test("callRemote() rejects with an Error whatever value the method throws", async () => {
  const service = new Service();
  await using pair = await testPair(service);
  const root = pair.client.root<Service>();
  for (
    const thrown of [
      undefined,
      null,
      "a text",
      5,
      Symbol("x"),
      { message: "no error" },
      Object.create(null),
      new Error("\ud800"),
      Object.assign(new Error("x"), { message: 5 }),
      new Proxy({}, {
        get() {
          throw new Error("a trap");
        },
      }),
    ]
  ) {
    service.result = thrown;
    await assertRejects(() => root.callRemote("throw"), Error);
    assertEquals(await root.callRemote("echo", 1), 1);
  }
});

Deno.test("callRemote() rejects with the path to what cannot be sent of an error, which the server logs", async () => {
  class Stuck extends CopyableError {
    static override readonly jellyName = "test.Stuck";
    readonly retry = noOperation;
  }
  class Failing extends Root {
    remote_fail(): never {
      throw new Stuck("no");
    }
  }
  await using pair = await testPair(new Failing());
  const root = pair.client.root<Failing>();
  await assertRejects(() => root.callRemote("fail"), RemoteError, "error.retry");
  assertEquals(
    pair.serverLog.map(({ level, message, method }) => [level, message, method]),
    [["error", "Cannot send an error as it is", "fail"]],
  );
});

Deno.test("callRemote() refuses a message over maxMessageBytes or maxElements", async () => {
  const limits = { maxMessageBytes: 1000, maxElements: 100 };
  await using pair = await testPair(new Service(), { client: { limits } });
  const root = pair.client.root<Service>();
  for (
    const [value, limit] of [
      ["a".repeat(990), "maxMessageBytes"],
      [new Array(100).fill(1), "maxElements"],
    ]
  ) {
    const error = await assertRejects(() => root.callRemote("echo", value), JellyError);
    assertEquals(error.limit, limit);
    assertEquals(await root.callRemote("echo", 1), 1);
  }
});

Deno.test("Broker closes the connection if its limits leave no room to send an error", async () => {
  class Failing extends Root {
    remote_now(): never {
      throw new PBError("no");
    }
    async remote_later(): Promise<never> {
      await undefined;
      throw new PBError("no");
    }
  }
  for (const method of ["now", "later"] as const) {
    const limits = { maxMessageBytes: 200 };
    await using pair = await testPair(new Failing(), { server: { limits } });
    await assertRejects(() => pair.client.root<Failing>().callRemote(method), PBConnectionLost);
  }
});

async function referenceOfAnotherConnection(): Promise<unknown> {
  await using pair = await connectPair(new Service());
  return pair.client.root();
}

Deno.test("callRemote() refuses keyword arguments and options that are not last, and names their place", async () => {
  await using pair = await testPair(new Service());
  const root = pair.client.root();
  const error = await assertRejects(() => root.callRemote("echo", kwargs({ a: 1 }), 2), JellyError);
  assertEquals([error.path, error.message.includes("go after the other arguments")], [
    "args[0]",
    true,
  ]);
  await assertRejects(
    () => root.callRemote("echo", callOptions({ timeout: 1000 }), kwargs({ a: 1 })),
    JellyError,
    "keyword arguments included",
  );
});

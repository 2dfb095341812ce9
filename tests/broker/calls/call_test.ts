import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  type Broker,
  callOptions,
  CallTimeoutError,
  Copyable,
  DeadReferenceError,
  type Kwargs,
  kwargs,
  LimitError,
  NoSuchMethod,
  PBClientFactory,
  PBConnectionLost,
  PBError,
  PBServerFactory,
  ProtocolError,
  Referenceable,
  RemoteError,
  RemoteMethod,
  RemoteReference,
  Root,
} from "@perspective/broker/broker";
import { JellyError, tuple } from "@perspective/broker/jelly";
import { memoryPair } from "@perspective/broker/transport";
import { settle, testPair } from "../pair.ts";
import { rawServer } from "../raw_peer.ts";

class Thing extends Referenceable {
  remote_name(): string {
    return "thing";
  }
}

class Server extends Root {
  readonly thing = new Thing();
  held: unknown;
  notified: unknown[] = [];
  waiting = Promise.withResolvers<string>();

  remote_echo(value: unknown): unknown {
    return value;
  }
  remote_later(): Promise<string> {
    return this.waiting.promise;
  }
  remote_add(first: number, by: Kwargs<{ to?: number }> = kwargs({})): number {
    return first + (by.to ?? 0);
  }
  remote_kinds(...args: unknown[]): unknown {
    return args.map((arg) => Object.prototype.toString.call(arg));
  }
  remote_thing(): Thing {
    return this.thing;
  }
  remote_isThing(thing: unknown): boolean {
    return thing === this.thing;
  }
  remote_hold(value: unknown): void {
    this.held = value;
  }
  remote_callBack(reference: RemoteReference, value: unknown): Promise<unknown> {
    return reference.callRemote("called", value);
  }
  remote_notify(value: unknown): void {
    this.notified.push(value);
  }
  remote_unsendable(): unknown {
    return { user: { onClick() {} } };
  }
  remote_fail(kind: string): void {
    if (kind === "pb") throw new PBError("on purpose");
    throw new TypeError("by accident");
  }
}

Deno.test("[Broker result] callRemote() resolves with the result, in both directions", async () => {
  await using pair = await testPair(new Server());
  class Client extends Referenceable {
    remote_called(value: number): number {
      return value * 2;
    }
  }
  const root = pair.client.root<Server>();
  assertEquals(await root.callRemote("echo", [1, "two", { three: null }]), [1, "two", {
    three: null,
  }]);
  assertEquals(await root.callRemote("callBack", new Client(), 21), 42);
});

Deno.test("RemoteReference.remote calls methods as a stub, and is not thenable", async () => {
  await using pair = await testPair(new Server());
  const { remote } = pair.client.root<Server>();
  assertEquals(await remote.add(1), 1);
  assertStrictEquals(await remote, remote);
});

Deno.test("RemoteReference.remote is printed, serialized and sent as its reference", async () => {
  const server = new Server();
  await using pair = await testPair(server);
  const root = pair.client.root<Server>();
  const thing = await root.callRemote("thing");
  const untyped = thing.remote as object;
  assertEquals(`${untyped}`, "[object RemoteReference]");
  assertEquals(JSON.stringify({ thing: untyped }), `{"thing":{"luid":${thing.luid}}}`);
  assertEquals(JSON.stringify(thing), JSON.stringify(untyped));
  const [same, again] = await root.callRemote("echo", [untyped, thing]) as RemoteReference[];
  assertStrictEquals(same, thing);
  assertStrictEquals(again, thing);
  assertEquals(await root.callRemote("isThing", untyped), true);
  // Printed, neither a reference nor a broker shows what the connection consists of.
  assert(Deno.inspect(thing).length < 100, Deno.inspect(thing));
  assert(!Deno.inspect(pair.client).includes("Link"), Deno.inspect(pair.client));
  await settle();
  assertEquals(pair.server.traffic.callsReceived, 3);
});

Deno.test("[Broker defer] a call is answered only when the handler's promise settles", async () => {
  const server = new Server();
  await using pair = await testPair(server);
  let answered = false;
  const call = pair.client.root<Server>().callRemote("later").then((value) => {
    answered = true;
    return value;
  });
  await settle();
  assert(!answered);
  assertEquals(pair.server.counts.callsIn, 1);
  server.waiting.resolve("done");
  assertEquals(await call, "done");
});

/** Methods that are asynchronous, and have nothing to wait for, as when an answer is in a cache. */
class Account extends Root {
  balance = 0;
  slow = Promise.withResolvers<number>();
  async #known<T>(value: T): Promise<T> {
    return await Promise.resolve(value);
  }
  async remote_deposit(amount: number): Promise<number> {
    const before = await this.#known(this.balance);
    this.balance = before + amount;
    return this.balance;
  }
  async remote_fail(): Promise<never> {
    await this.#known(1);
    throw new PBError("no");
  }
  async remote_slow(): Promise<number> {
    return await this.slow.promise;
  }
  remote_balance(): number {
    return this.balance;
  }
}

Deno.test("an asynchronous method that waits for nothing has ended when the next call begins", async () => {
  const account = new Account();
  await using pair = await testPair(account);
  const root = pair.client.root<Account>();
  const answered: string[] = [];
  const note = <T>(name: string, call: Promise<T>) => call.finally(() => answered.push(name));
  // All of these arrive in one message after the other, without a pause.
  const slow = note("slow", root.callRemote("slow"));
  const calls = [
    note("deposit", root.callRemote("deposit", 1)),
    note("balance", root.callRemote("balance")),
    note("fail", root.callRemote("fail").catch((error: Error) => error.message)),
    note("deposit", root.callRemote("deposit", 10)),
    note("deposit", root.callRemote("deposit", 100)),
    note("balance", root.callRemote("balance")),
  ];
  assertEquals(await Promise.all(calls), [1, 1, "no", 11, 111, 111]);
  assertEquals(answered, ["deposit", "balance", "fail", "deposit", "deposit", "balance"]);
  account.slow.resolve(5);
  assertEquals(await slow, 5);
});

Deno.test("callRemote() before negotiation ends sends its calls first, in order", async () => {
  const heard: string[] = [];
  class Sink extends Root {
    remote_note(text: string): void {
      heard.push(text);
    }
  }
  class Caller extends Root {
    #note(broker: Broker, text: string): void {
      const answer = text !== "second";
      void broker.remoteForName("sink").callRemote("note", text, callOptions({ answer }));
    }
    override rootObject(broker: Broker): this {
      this.#note(broker, "first");
      this.#note(broker, "second");
      return this;
    }
    override remoteMessageReceived(broker: Broker): unknown {
      this.#note(broker, "third");
      return null;
    }
  }
  const [here, there] = memoryPair();
  await using server = new PBServerFactory(new Caller()).buildBroker(there);
  await using client = new PBClientFactory().buildBroker(here);
  client.setNameForLocal("sink", new Sink());
  await client.root().callRemote("go");
  await settle();
  assertEquals(heard, ["first", "second", "third"]);
  assertEquals(server.counts.callsOut, 0);
});

Deno.test("callRemote() before negotiation ends sends no calls that were aborted, timed out or cannot be sent", async () => {
  const reason = new Error("changed my mind");
  await using pair = await rawServer({ hello: false });
  const root = pair.broker.root();
  const controller = new AbortController();
  const { signal } = controller;
  const late = assertRejects(
    () => root.callRemote("late", callOptions({ timeout: 1 })),
    CallTimeoutError,
  );
  const aborted = assertRejects(() => root.callRemote("aborted", callOptions({ signal })), Error);
  const unsendable = assertRejects(() => root.callRemote("bad", () => {}), JellyError);
  const made = root.callRemote("made");
  controller.abort(reason);
  assertStrictEquals(await aborted, reason);
  await late;
  assertEquals(pair.broker.counts.callsOut, 4);
  assertEquals(await pair.peer.ask(["pb", "none"]), "pb");
  assertEquals(await pair.peer.hear(), ["version", 6]);
  assertEquals(await pair.peer.hear(), [
    "message",
    4,
    "root",
    "made",
    1,
    ["tuple"],
    ["dictionary"],
  ]);
  await unsendable;
  assertEquals(pair.broker.counts.callsOut, 1);
  await pair.peer.say(["answer", 4, 7]);
  assertEquals(await made, 7);
});

Deno.test("callRemote() before negotiation ends rejects when negotiation fails", async () => {
  await using pair = await rawServer({ hello: false });
  const root = pair.broker.root();
  const calls = [true, false].map((answer) =>
    assertRejects(() => root.callRemote("any", callOptions({ answer })), PBConnectionLost)
  );
  await pair.peer.say(["gibberish"]);
  for (const error of await Promise.all(calls)) assertInstanceOf(error.cause, ProtocolError);
});

/** Objects that `await` treats as promises, but that are not instances of Promise. */
const THENABLES: Record<string, { result: () => unknown; told: unknown }> = {
  "resolves": { result: () => ({ then: (ok: (value: unknown) => void) => ok(1) }), told: 1 },
  "resolves twice": {
    result: () => ({
      then(ok: (value: unknown) => void) {
        ok(1);
        ok(2);
      },
    }),
    told: 1,
  },
  "throws": {
    result: () => ({
      then() {
        throw new PBError("lazy query failed");
      },
    }),
    told: "lazy query failed",
  },
  "throws from its then getter": {
    result: () => ({
      get then(): unknown {
        throw new PBError("do not look");
      },
    }),
    told: "do not look",
  },
  "resolves with another thenable": {
    result: () => ({
      then: (ok: (value: unknown) => void) =>
        ok({ then: (ok: (value: unknown) => void) => ok("deep") }),
    }),
    told: "deep",
  },
};

for (const [name, { result, told }] of Object.entries(THENABLES)) {
  Deno.test(`callRemote() gets the outcome of a handler's thenable that ${name}`, async () => {
    let asked = 0;
    class Lazy extends Root {
      remote_get(): unknown {
        asked++;
        return result();
      }
      remote_echo(value: unknown): unknown {
        return value;
      }
    }
    await using pair = await testPair(new Lazy());
    const root = pair.client.root();
    const answer = await root.callRemote("get").catch((error: Error) => error.message);
    assertEquals(answer, told);
    assertEquals(await root.callRemote("echo", 3), 3);
    await settle();
    assertEquals([asked, pair.server.counts.callsIn], [1, 0]);
  });
}

Deno.test("a handler receives keyword arguments last, as one Kwargs", async () => {
  await using pair = await testPair(new Server());
  const root = pair.client.root();
  assertEquals(await root.callRemote("add", 1, kwargs({ to: 2 })), 3);
  assertEquals(await root.callRemote("kinds", 1, kwargs({ ["__proto__"]: 2, constructor: 3 })), [
    "[object Number]",
    "[object Kwargs]",
  ]);
  assertEquals(await root.callRemote("kinds", 1, kwargs({})), ["[object Number]"]);
});

Deno.test("[Broker reference] RemoteReference is one object per remote object, and is the object itself when sent back", async () => {
  const server = new Server();
  await using pair = await testPair(server);
  const root = pair.client.root<Server>();
  const thing = await root.callRemote("thing");
  assert(thing instanceof RemoteReference);
  assertStrictEquals(await root.callRemote("thing"), thing);
  assertStrictEquals(pair.client.root(), root);
  assertEquals(await root.callRemote("isThing", thing), true);
  assertEquals(await thing.callRemote("name"), "thing");
  assert(thing.remoteMethod("name").equals(new RemoteMethod(thing, "name")));
  assert(!thing.remoteMethod("name").equals(root.remoteMethod("thing")));
});

Deno.test("[Broker refcount] RemoteReference.release() removes the object from the other end's table", async () => {
  await using pair = await testPair(new Server());
  const root = pair.client.root<Server>();
  {
    using thing = await root.callRemote("thing");
    assertStrictEquals(await root.callRemote("thing"), thing);
    assertEquals(pair.server.counts.localObjects, 2);
  }
  await settle();
  assertEquals(pair.server.counts.localObjects, 1);
  assertEquals(pair.client.counts.remoteObjects, 0);
});

Deno.test("RemoteReference cannot be called or sent after release(), but can arrive again", async () => {
  await using pair = await testPair(new Server());
  const root = pair.client.root<Server>();
  const thing = await root.callRemote("thing");
  thing.release();
  thing.release();
  await assertRejects(() => thing.callRemote("name"), DeadReferenceError, "released");
  await assertRejects(() => root.callRemote("isThing", thing), JellyError, "args[0]");
  const again = await root.callRemote("thing");
  assert(again !== thing);
  assertEquals(await again.callRemote("name"), "thing");
});

Deno.test("RemoteReference that arrives again while its decref is on the way is valid", async () => {
  await using pair = await testPair(new Server());
  const root = pair.client.root<Server>();
  const first = await root.callRemote("thing");
  const second = root.callRemote("thing");
  first.release();
  assertEquals(await (await second).callRemote("name"), "thing");
});

Deno.test("callRemote() rejects with the path to a value that cannot be sent, and sends nothing", async () => {
  await using pair = await testPair(new Server());
  const root = pair.client.root();
  class Plain {}
  const error = await assertRejects(
    () => root.callRemote("echo", new Thing(), { user: { onClick() {} } }),
    JellyError,
    "args[1].user.onClick",
  );
  assertEquals(error.path, "args[1].user.onClick");
  await assertRejects(() => root.callRemote("echo", new Plain()), JellyError, "args[0]");
  await assertRejects(
    () => root.callRemote("echo", kwargs({ a: new Plain() })),
    JellyError,
    "kwargs.a",
  );
  assertEquals(pair.client.counts.localObjects, 0);
  assertEquals(pair.client.counts.bufferedBytes, 0);
  assertEquals(await root.callRemote("echo", 1), 1);
});

Deno.test("callRemote() reuses the request number of a call that could not be sent, unless another call follows it", async () => {
  await using pair = await rawServer();
  const root = pair.broker.root();
  // As in Twisted, which takes a number once the arguments are serialized.
  const number = async () => (await pair.peer.hear() as unknown[])[1];
  const call = (...args: unknown[]) =>
    root.callRemote("any", ...args, callOptions({ answer: false }));
  await assertRejects(() => call(() => {}), JellyError);
  await call();
  assertEquals([await number(), pair.broker.traffic.callsSent], [1, 1]);
  class Calling extends Copyable {
    static readonly jellyName = "tests.Calling";
    override getStateToCopy(): never {
      void call();
      throw new Error("no state");
    }
  }
  // The call that getStateToCopy() makes has a number of its own, which is not used again.
  await assertRejects(() => call(new Calling()), Error, "no state");
  await call();
  assertEquals([await number(), await number()], [3, 4]);
});

Deno.test("callRemote() rejects with the path to a result that cannot be sent, which the server logs", async () => {
  await using pair = await testPair(new Server());
  await assertRejects(
    () => pair.client.root().callRemote("unsendable"),
    RemoteError,
    "result.user.onClick",
  );
  assertEquals(pair.serverLog.length, 1);
  assertEquals(await pair.client.root().callRemote("echo", 1), 1);
});

Deno.test("callOptions() treats a timeout of Infinity as none", async () => {
  await using pair = await testPair(new Server());
  assertEquals(callOptions({ timeout: Infinity }).timeout, undefined);
  assertEquals(
    await pair.client.root().callRemote("add", 1, callOptions({ timeout: Infinity })),
    1,
  );
});

Deno.test("callRemote() rejects at its timeout or signal, and ignores the late answer", async () => {
  const server = new Server();
  await using pair = await testPair(server);
  const root = pair.client.root();
  await assertRejects(
    () => root.callRemote("later", callOptions({ timeout: 1 })),
    CallTimeoutError,
    'Cannot finish call "later": no answer within 1 ms',
  );
  const controller = new AbortController();
  const call = root.callRemote("later", callOptions({ signal: controller.signal }));
  controller.abort(new Error("changed my mind"));
  await assertRejects(() => call, Error, "changed my mind");
  await assertRejects(() => root.callRemote("echo", callOptions({ signal: controller.signal })));
  assertEquals(pair.client.counts.callsOut, 2);
  server.waiting.resolve("late");
  assertEquals(await root.callRemote("echo", 1), 1);
  assertEquals(pair.client.counts.callsOut, 0);
});

Deno.test("maxCallsOut limits the calls that wait for an answer, including calls that timed out", async () => {
  const server = new Server();
  await using pair = await testPair(server, { client: { limits: { maxCallsOut: 2 } } });
  const root = pair.client.root();
  await assertRejects(
    () => root.callRemote("later", callOptions({ timeout: 1 })),
    CallTimeoutError,
  );
  const later = root.callRemote("later");
  const error = await assertRejects(
    () => root.callRemote("echo", 1),
    LimitError,
    'Cannot call "echo": 2 calls wait for an answer',
  );
  assertEquals(error.limit, "maxCallsOut");
  await root.callRemote("notify", 1, callOptions({ answer: false }));
  server.waiting.resolve("done");
  assertEquals(await later, "done");
  assertEquals(await root.callRemote("echo", 1), 1);
  assertEquals(server.notified, [1]);
});

Deno.test("callRemote() without an answer resolves at once, and errors are logged at the other end only", async () => {
  const server = new Server();
  await using pair = await testPair(server);
  const root = pair.client.root();
  assertEquals(await root.callRemote("notify", 1, callOptions({ answer: false })), undefined);
  await root.callRemote("notify", 2, kwargs({ pbanswer: false }));
  await root.callRemote("fail", "x", callOptions({ answer: false }));
  await root.callRemote("fail", "pb", callOptions({ answer: false }));
  assertEquals(await root.callRemote("echo", 1), 1);
  assertEquals(server.notified, [1, 2]);
  assertEquals(pair.serverLog.length, 1);
});

Deno.test("RemoteReference.callRemoteOnly() returns nothing, and what cannot be sent is logged", async () => {
  const server = new Server();
  const pair = await testPair(server);
  const root = pair.client.root<Server>();
  assertEquals(root.callRemoteOnly("notify", "first"), undefined);
  root.callRemoteOnly("notify", Symbol() as never);
  root.callRemoteOnly("nothing" as never);
  const thing = await root.callRemote("thing");
  thing.release();
  thing.callRemoteOnly("name");
  root.callRemoteOnly("notify", "last");
  await settle();
  assertEquals(server.notified, ["first", "last"]);
  const logged = (log: typeof pair.clientLog) => log.map(({ event, method }) => [event, method]);
  assertEquals(logged(pair.clientLog), [["callFailed", "notify"], ["callFailed", "name"]]);
  // The server knows no such method, and the caller is not told.
  assertEquals(logged(pair.serverLog), [["callFailed", "nothing"]]);
  assertEquals(pair.client.counts.callsOut, 0);
  await pair.client.close();
  root.callRemoteOnly("notify", "too late");
  await settle();
  assertEquals(pair.clientLog.length, 2);
  await pair[Symbol.asyncDispose]();
});

Deno.test("names of methods in log entries are one line, whatever a peer calls", async () => {
  await using pair = await testPair(new Server());
  const root = pair.client.root() as RemoteReference;
  await assertRejects(() => root.callRemote("a\nb\u001b[2J"), NoSuchMethod);
  assertEquals(pair.serverLog.map(({ method }) => method), ["a\\u{a}b\\u{1b}[2J"]);
});

Deno.test("[Broker deadReferenceError] callRemote() rejects when the connection is lost, during the call and afterwards", async () => {
  const pair = await testPair(new Server());
  const root = pair.client.root();
  const call = root.callRemote("later");
  await settle();
  await pair.server.close();
  const lost = await assertRejects(() => call, PBConnectionLost);
  assertEquals(lost.message, 'Cannot finish call "later": connection lost');
  await assertRejects(() => root.callRemote("echo", 1), DeadReferenceError);
  await pair[Symbol.asyncDispose]();
});

Deno.test("[Broker disconnection] notifyOnDisconnect() of broker and reference runs notifiers once, and dontNotifyOnDisconnect() removes them", async () => {
  const pair = await testPair(new Server());
  const heard: unknown[] = [];
  const root = pair.client.root();
  const unwanted = () => heard.push("unwanted");
  pair.client.notifyOnDisconnect(() => heard.push("broker"));
  pair.client.notifyOnDisconnect(unwanted);
  pair.client.dontNotifyOnDisconnect(unwanted);
  root.notifyOnDisconnect((reference) => heard.push(reference === root));
  root.notifyOnDisconnect(unwanted);
  root.dontNotifyOnDisconnect(unwanted);
  const twice = () => heard.push("of three");
  for (let i = 0; i < 3; i++) pair.client.notifyOnDisconnect(twice);
  pair.client.dontNotifyOnDisconnect(twice);
  pair.client.notifyOnDisconnect(() => {
    throw new Error("a bad notifier");
  });
  await pair[Symbol.asyncDispose]();
  assertEquals(heard, ["broker", true, "of three", "of three"]);
  assertEquals(pair.clientLog.length, 1);
  pair.client.notifyOnDisconnect(() => heard.push("at once"));
  assertEquals(heard.length, 5);
});

Deno.test("callRemote() keeps tuples, shared objects and cycles", async () => {
  await using pair = await testPair(new Server());
  const loop: unknown[] = [1];
  loop.push(loop);
  const result = await pair.client.root().callRemote("echo", tuple(loop, loop)) as unknown[][];
  assertStrictEquals(result[0], result[1]);
  assertStrictEquals(result[0]![1], result[0]);
});

Deno.test("aroundCall sees each incoming call, and may answer or refuse it", async () => {
  const seen: unknown[] = [];
  await using pair = await testPair(new Server(), {
    server: {
      aroundCall({ broker, target, method, args, kw }, next) {
        seen.push([broker === pair.server, target instanceof Server, method, [...args], kw?.to]);
        if (method === "kinds") throw new PBError("not today");
        return method === "later" ? "at once" : next();
      },
    },
  });
  const root = pair.client.root<Server>();
  assertEquals(await root.callRemote("add", 1, kwargs({ to: 2 })), 3);
  assertEquals(await root.callRemote("later"), "at once");
  await assertRejects(() => root.callRemote("kinds", 1), PBError, "not today");
  await assertRejects(() => root.callRemote("nothing" as never), NoSuchMethod);
  assertEquals(seen, [
    [true, true, "add", [1], 2],
    [true, true, "later", [], undefined],
    [true, true, "kinds", [1], undefined],
    [true, true, "nothing", [], undefined],
  ]);
});

Deno.test("aroundCall may call the method again, and change its own arguments as it likes", async () => {
  await using pair = await testPair(new Server(), {
    server: {
      aroundCall({ args }, next) {
        (args as unknown[]).length = 0;
        next();
        return next();
      },
    },
  });
  const kinds = await pair.client.root().callRemote("kinds", 1, kwargs({ to: 2 }));
  assertEquals(kinds, ["[object Number]", "[object Kwargs]"]);
});

Deno.test("a connection whose limits leave no room even for an error ends", async () => {
  await using pair = await testPair(new Server(), { server: { limits: { maxMessageBytes: 60 } } });
  const call = pair.client.root().callRemote("fail", "x");
  await assertRejects(() => call, PBConnectionLost);
  const reason = await pair.server.closed;
  assertInstanceOf(reason, JellyError);
  assertEquals(reason.limit, "maxMessageBytes");
});

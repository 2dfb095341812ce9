import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  type Broker,
  callOptions,
  CallTimeoutError,
  DeadReferenceError,
  GoingAwayError,
  PBClientFactory,
  PBConnectionLost,
  PBError,
  PBServerFactory,
  ProtocolError,
  Referenceable,
  type RemoteReference,
  Root,
} from "@perspective/broker/broker";
import { memoryPair } from "@perspective/broker/transport";
import { settle, testPair } from "../pair.ts";
import { assertNothingLeft, HELLO, rawClient, rawServer } from "../raw_peer.ts";

class Server extends Root {
  readonly waiting = Promise.withResolvers<string>();

  remote_wait(): Promise<string> {
    return this.waiting.promise;
  }
  async remote_ask(client: RemoteReference): Promise<unknown> {
    await this.waiting.promise;
    return await client.callRemote("ask");
  }
  remote_echo(value: unknown): unknown {
    return value;
  }
}

class Client extends Referenceable {
  remote_ask(): string {
    return "asked";
  }
}

Deno.test("Broker.close() with graceful finishes open calls, and refuses new ones", async () => {
  const server = new Server();
  await using pair = await testPair(server);
  const root = pair.client.root();
  const waiting = root.callRemote("wait");
  const asking = root.callRemote("ask", new Client());
  await settle();
  const closed = pair.server.close({ graceful: 60_000 });
  const refused = await assertRejects(() => root.callRemote("echo", 1), GoingAwayError);
  assertStringIncludes(refused.message, "goes away");
  assert(!pair.client.isClosed);
  server.waiting.resolve("done");
  assertEquals([await waiting, await asking], ["done", "asked"]);
  await closed;
  assertEquals(await pair.client.closed, undefined);
  assertEquals(pair.serverLog, []);
});

for (const before of [0, 1, 8]) {
  Deno.test(`Broker.close() within a handler still sends the handler's answer, after ${before} earlier calls`, async () => {
    class Leaving extends Root {
      broker: Broker | undefined;
      remote_echo(value: unknown): unknown {
        return value;
      }
      remote_leave(): string {
        void this.broker!.close();
        return "left";
      }
      async remote_leaveLater(): Promise<string> {
        await undefined;
        void this.broker!.close();
        await undefined;
        throw new PBError("left");
      }
    }
    for (const method of ["leave", "leaveLater"] as const) {
      const server = new Leaving();
      await using pair = await testPair(server);
      server.broker = pair.server;
      const root = pair.client.root<Leaving>();
      // Answers to successive calls are written at once, without waiting for more to send.
      for (let i = 0; i < before; i++) assertEquals(await root.callRemote("echo", i), i);
      const said = await root.callRemote(method).catch((error: Error) => error.message);
      assertEquals(said, "left");
      await pair.client.closed;
    }
  });
}

Deno.test("Broker.close() rejects calls with errors that have no cause", async () => {
  await using pair = await testPair(new Server());
  const root = pair.client.root();
  const waiting = assertRejects(() => root.callRemote("wait"), PBConnectionLost);
  await pair.client.close();
  const errors = [
    await waiting,
    await assertRejects(() => root.callRemote("echo", 1), DeadReferenceError),
  ];
  assertEquals(errors.map((error) => Object.hasOwn(error, "cause")), [false, false]);
});

Deno.test("Broker.close() with graceful waits for our own calls too", async () => {
  const server = new Server();
  await using pair = await testPair(server);
  const call = pair.client.root().callRemote("wait");
  await settle();
  const closed = pair.client.close({ graceful: 60_000 });
  const late = pair.client.root().callRemote("echo", "made meanwhile");
  server.waiting.resolve("done");
  assertEquals([await call, await late], ["done", "made meanwhile"]);
  await closed;
  await assertRejects(() => pair.client.root().callRemote("echo", 1), DeadReferenceError);
});

Deno.test("Broker.close() with graceful does not wait for calls that timed out or were aborted", async () => {
  await using pair = await testPair(new Server());
  const root = pair.client.root();
  await assertRejects(() => root.callRemote("wait", callOptions({ timeout: 1 })), CallTimeoutError);
  const later = new AbortController();
  const call = root.callRemote("wait", callOptions({ signal: later.signal }));
  const given = assertRejects(() => call, Error, "enough");
  const closed = pair.client.close({ graceful: 1e9 });
  await settle();
  assert(!pair.client.isClosed);
  later.abort(new Error("enough"));
  await given;
  await closed;
});

for (const isEarly of [false, true]) {
  const when = isEarly ? "before it was sent" : "before its answer came";
  Deno.test(`Broker.close() with graceful waits for a call after one that was aborted ${when}`, async () => {
    await using pair = await rawServer({ hello: !isEarly });
    const { broker, peer } = pair;
    const enough = new AbortController();
    const given = broker.root().callRemote("first", callOptions({ signal: enough.signal }));
    enough.abort(new Error("enough"));
    await assertRejects(() => given, Error, "enough");
    if (isEarly) {
      assertEquals(await peer.ask(["pb"], ["version", 6]), "pb");
      assertEquals(await peer.hear(), ["version", 6]);
    } else {
      await peer.hear();
      await peer.say(["answer", 1, 1]);
    }
    const call = broker.root().callRemote("second");
    await peer.hear();
    const closed = broker.close({ graceful: 1e9 });
    await settle();
    assert(!broker.isClosed);
    await peer.say(["answer", 2, 2]);
    assertEquals(await call, 2);
    assertEquals(await peer.hear(), undefined);
    await closed;
  });
}

Deno.test("Broker.close() with graceful closes when its time is up", async () => {
  using time = new FakeTime();
  await using pair = await testPair(new Server());
  const lost = assertRejects(() => pair.client.root().callRemote("wait"), PBConnectionLost);
  await time.runMicrotasks();
  const closed = pair.server.close({ graceful: 5000 });
  for (const ms of [4000, 999, 0]) await time.tickAsync(ms);
  assert(!pair.server.isClosed);
  await time.tickAsync(1);
  await closed;
  await lost;
});

Deno.test("Broker.close() without graceful ends the wait of an earlier graceful close", async () => {
  await using pair = await testPair(new Server());
  const lost = assertRejects(() => pair.client.root().callRemote("wait"), PBConnectionLost);
  await settle();
  const closed = pair.server.close({ graceful: 1e9 });
  await settle();
  assert(!pair.server.isClosed);
  await pair.server.close();
  await closed;
  await lost;
});

Deno.test("Broker.close() with graceful shortens the wait of an earlier graceful close", async () => {
  using time = new FakeTime();
  await using pair = await testPair(new Server());
  const lost = assertRejects(() => pair.client.root().callRemote("wait"), PBConnectionLost);
  await time.runMicrotasks();
  const closed = pair.server.close({ graceful: Infinity });
  await time.runMicrotasks();
  const sooner = pair.server.close({ graceful: 5000 });
  void pair.server.close({ graceful: 60_000 });
  await time.tickAsync(4999);
  await time.runMicrotasks();
  assert(!pair.server.isClosed);
  await time.tickAsync(1);
  // A peer that was calling is refused for a while.
  await time.tickAsync(200);
  await sooner;
  await closed;
  await lost;
  assertEquals(time.next(), false, "a timer is left");
});

Deno.test("Broker.close() with graceful waits for a peer that is slow to read its answers", async () => {
  using time = new FakeTime();
  await using pair = await rawClient(new Server(), { limits: { highWaterMark: 4096 } });
  const large = ["tuple", "x".repeat(500_000)];
  await pair.peer.say(["message", 1, "root", "echo", 1, large, ["dictionary"]]);
  await time.runMicrotasks();
  const closed = pair.broker.close({ graceful: 60_000 });
  await time.tickAsync(5000);
  const [word, id] = await pair.peer.hear() as unknown[];
  assertEquals([word, id], ["answer", 1]);
  // It waits no longer than that.
  await time.tickAsync(0);
  await closed;
});

for (const answer of [1, 0]) {
  const which = answer === 1 ? "calls" : "calls without an answer";
  Deno.test(`Broker.close() with graceful waits for deferred ${which}`, async () => {
    const server = new Server();
    await using pair = await rawClient(server, { limits: { maxCallsIn: 1 } });
    const { broker, peer } = pair;
    // The broker keeps reading because it waits for an answer.
    const own = broker.root().callRemote("own");
    await peer.say(["message", 1, "root", "wait", 1, ["tuple"], ["dictionary"]]);
    for (let id = 2; id < 12; id++) {
      const large = ["tuple", "x".repeat(100_000)];
      await peer.say(["message", id, "root", "echo", answer, large, ["dictionary"]]);
    }
    await settle();
    const closed = broker.close({ graceful: Infinity });
    await peer.say(["answer", 1, ["None"]]);
    assertEquals(await own, null);
    server.waiting.resolve("done");
    assertEquals((await peer.hearAll()).length, 1 + 1 + 10 * answer);
    await closed;
  });
}

Deno.test("Broker.close() with graceful refuses new calls of its own end when its time is up", async () => {
  using time = new FakeTime();
  const [here, there] = memoryPair();
  const server = new PBServerFactory(new Server()).buildBroker(there);
  const client = new PBClientFactory().buildBroker(here);
  await client.ready;
  here.transport.stall();
  const root = client.root();
  const lost = assertRejects(() => root.callRemote("echo", new Uint8Array(500_000)));
  const closed = client.close({ graceful: 5000 });
  await time.tickAsync(5000);
  await time.runMicrotasks();
  assert(!client.isClosed);
  await assertRejects(() => root.callRemote("echo", 1), DeadReferenceError);
  await time.tickAsync(1000);
  await closed;
  await lost;
  await server.close();
});

for (const callers of [["client"], ["server"], ["client", "server"]] as const) {
  Deno.test(`Broker.close() with graceful of Infinity waits without a limit for calls of ${callers.join(" and ")}`, async () => {
    const server = new Server();
    using time = new FakeTime();
    await using pair = await testPair(server);
    pair.client.setNameForLocal("root", server);
    const calls = callers.map((end) => pair[end].root().callRemote("wait"));
    await time.runMicrotasks();
    const closed = pair.server.close({ graceful: Infinity });
    await time.tickAsync(1e9);
    await time.runMicrotasks();
    assert(!pair.server.isClosed);
    server.waiting.resolve("done");
    for (const call of calls) assertEquals(await call, "done");
    await time.tickAsync(200);
    await closed;
  });
}

Deno.test("Broker.close() with graceful refuses a call that follows the last answer", async () => {
  const server = new Server();
  await using pair = await testPair(server);
  const root = pair.client.root();
  const call = root.callRemote("wait");
  await settle();
  const closed = pair.server.close({ graceful: 1e9 });
  await settle();
  server.waiting.resolve("done");
  assertEquals(await call, "done");
  await settle();
  await assertRejects(() => root.callRemote("echo", 1), GoingAwayError);
  await closed;
});

Deno.test("Broker.close() with graceful closes an idle connection at once", async () => {
  using time = new FakeTime();
  await using pair = await testPair(new Server());
  await pair.server.close({ graceful: 1e9 });
  assertEquals(time.now, time.start);
});

Deno.test("Broker.close() with graceful ends when the peer closes first", async () => {
  await using pair = await testPair(new Server());
  const lost = assertRejects(() => pair.client.root().callRemote("wait"), PBConnectionLost);
  await settle();
  const closed = pair.server.close({ graceful: 1e9 });
  await pair.client.close();
  await closed;
  await lost;
});

Deno.test("Broker.close() sends its reason to the peer", async () => {
  await using pair = await rawClient(new Server());
  const closed = pair.broker.close({ reason: { kind: "goingAway", message: "no more today" } });
  assertEquals(await pair.peer.hear(), undefined);
  assertEquals(pair.peer.closeReason, { kind: "goingAway", message: "no more today" });
  await closed;
});

Deno.test("Broker.close() closes after one second if the peer does not read", async () => {
  using time = new FakeTime();
  const [here, there] = memoryPair();
  const server = new PBServerFactory(new Server()).buildBroker(there);
  const client = new PBClientFactory().buildBroker(here);
  await client.ready;
  here.transport.stall();
  const lost = assertRejects(() => client.root().callRemote("echo", new Uint8Array(500_000)));
  const closed = client.close();
  await time.tickAsync(999);
  assert(!client.isClosed);
  await time.tickAsync(1);
  await closed;
  await lost;
  assertNothingLeft(client);
  await server.close();
});

Deno.test("Broker.close() starts no more calls while it waits for the peer to read", async () => {
  class Counting extends Root {
    begun = 0;
    remote_large(): Uint8Array {
      this.begun++;
      return new Uint8Array(500_000);
    }
  }
  const server = new Counting();
  await using pair = await rawClient(server);
  const call = (id: number) => ["message", id, "root", "large", 1, ["tuple"], ["dictionary"]];
  await pair.peer.say(call(1));
  await settle();
  const closed = pair.broker.close();
  await settle();
  await pair.peer.say(call(2));
  await settle();
  assert(!pair.broker.isClosed);
  assertEquals((await pair.peer.hearAll()).length, 1);
  await closed;
  assertEquals(server.begun, 1);
});

Deno.test("Broker.closed gives the server's reason for closing", async () => {
  await using pair = await testPair(new Server());
  const lost = assertRejects(() => pair.client.root().callRemote("wait"), PBConnectionLost);
  await settle();
  await pair.server.close({ reason: { kind: "goingAway", message: "server is closing" } });
  const reason = await pair.client.closed;
  assert(reason instanceof PBConnectionLost);
  const words = "the other end closed, as it goes away: server is closing";
  assertEquals(reason.message, `Cannot go on: ${words}`);
  assertStringIncludes((await lost).message, words);
});

Deno.test("[Broker immediateClose] Broker logs no error when the peer closes before it sends a byte", async () => {
  await using pair = await rawClient(new Server(), { hello: false });
  pair.peer.close();
  assertEquals(await pair.broker.closed, undefined);
  await assertRejects(() => pair.broker.ready, ProtocolError);
  assertEquals(pair.log, []);
});

Deno.test("Broker.ready rejects with the server's reason when the server closes at once", async () => {
  const [here, there] = memoryPair();
  const broker = new PBClientFactory().buildBroker(here);
  there.transport.close({ kind: "policyViolation", message: "too many connections" });
  await assertRejects(
    () => broker.ready,
    ProtocolError,
    "the other end closed the connection, as it did not permit this: too many connections",
  );
  await broker.closed;
});

const STRANGERS = [
  {
    bytes: "GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: something that is long enough\r\n",
    is: "HTTP",
  },
  { bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", is: "TLS" },
  { bytes: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3 and then some more text to be sure", is: "SSH" },
  { bytes: "220 mail.example.org ESMTP Postfix (Debian/GNU) at your service, forever", is: "mail" },
  { bytes: '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}', is: "JSON" },
];

for (const { bytes, is } of STRANGERS) {
  Deno.test(`Broker names ${is} in its error when the peer's first bytes look like it`, async () => {
    await using pair = await rawClient(new Server(), { hello: false });
    await pair.peer.say(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
    pair.peer.close();
    const reason = await pair.broker.closed;
    assert(reason instanceof ProtocolError);
    assertStringIncludes(reason.message, is);
    assertEquals(pair.log.map(({ level }) => level), ["warning"]);
  });
}

Deno.test("negotiationTimeout closes the connection, and its error describes the peer", async () => {
  using time = new FakeTime();
  const limits = { negotiationTimeout: 1000 };
  const [here, there] = memoryPair();
  const client = new PBClientFactory({ limits }).buildBroker(here);
  const silent = assertRejects(
    () => client.ready,
    ProtocolError,
    "says nothing: perhaps it wants TLS",
  );
  await time.tickAsync(1000);
  await silent;
  there.transport.close();
  await using pair = await rawClient(new Server(), { hello: false, limits });
  await time.tickAsync(1000);
  assertStringIncludes(
    (await pair.broker.closed)!.message,
    "within 1000 ms; the other end said nothing",
  );
  await using slow = await rawClient(new Server(), { hello: false, limits });
  await slow.peer.say(Uint8Array.of(12));
  await time.tickAsync(1000);
  assertEquals(
    (await slow.broker.closed)!.message,
    "Cannot connect over PB: no dialect was agreed on within 1000 ms",
  );
  await using fine = await rawClient(new Server(), { hello: false, limits });
  await fine.peer.say(...HELLO);
  await time.tickAsync(1000);
  assert(!fine.broker.isClosed);
});

Deno.test("GoingAwayError is a PBError", () => {
  assert(new GoingAwayError() instanceof PBError);
});

Deno.test("GoingAwayError of another server is passed on as a PBError: the call itself was begun", async () => {
  const back = await testPair(new Server());
  class Front extends Root {
    remote_echo(): Promise<unknown> {
      return back.client.root().callRemote("echo", 1);
    }
  }
  await using front = await testPair(new Front());
  const waiting = back.client.root().callRemote("wait").catch(() => {});
  await settle();
  const closed = back.server.close({ graceful: 10 });
  const error = await assertRejects(() => front.client.root().callRemote("echo"), PBError);
  assertEquals([error instanceof GoingAwayError, error.constructor], [false, PBError]);
  assertStringIncludes(error.message, "goes away");
  await Promise.all([closed, waiting]);
  await back[Symbol.asyncDispose]();
});

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  type Broker,
  type BrokerLimits,
  callOptions,
  LimitError,
  PBClientFactory,
  PBConnectionLost,
  PBServerFactory,
  Referenceable,
  type RemoteReference,
  Root,
} from "@perspective/broker/broker";
import { memoryPair, type MemoryPairOptions } from "@perspective/broker/transport";
import { breakable } from "../faults.ts";
import { collectGarbage } from "../gc.ts";
import { settle, settled, testPair } from "../pair.ts";
import { rawClient, rawServer, type Said } from "../raw_peer.ts";

/** A call without arguments on the root object or another target. */
function call(id: number, method: string, { target = "root" as Said, answer = 1 } = {}): Said {
  return ["message", id, target, method, answer, ["tuple"], ["dictionary"]];
}

/** A gate at which calls wait. */
class Gate {
  #waiting: (() => void)[] = [];
  isOpen = false;

  pass(): Promise<void> | void {
    if (!this.isOpen) return new Promise((resolve) => this.#waiting.push(resolve));
  }
  letOne(): void {
    this.#waiting.shift()?.();
  }
  open(): void {
    this.isOpen = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

class Server extends Root {
  readonly gate = new Gate();
  readonly seen: unknown[] = [];
  began = 0;

  async remote_wait(): Promise<number> {
    const number = ++this.began;
    await this.gate.pass();
    return number;
  }
  remote_note(value: unknown): void {
    this.seen.push(value);
  }
  remote_large(): Uint8Array {
    this.began++;
    return new Uint8Array(1000);
  }
  async remote_callBack(client: RemoteReference): Promise<unknown> {
    this.began++;
    return await client.callRemote("ask");
  }
  remote_thing(): Thing {
    return new Thing();
  }
}

class Thing extends Referenceable {
  remote_ask(): string {
    return "asked";
  }
}

Deno.test("Broker stops reading while maxCallsIn calls are open", async () => {
  const server = new Server();
  await using pair = await rawClient(server, { limits: { maxCallsIn: 4 } });
  await pair.peer.say(...Array.from({ length: 10 }, (_, i) => call(i + 1, "wait")));
  await settle();
  assertEquals([server.began, pair.broker.counts.callsIn], [4, 4]);
  server.gate.letOne();
  assertEquals(await pair.peer.hear(), ["answer", 1, 1]);
  await settle();
  assertEquals([server.began, pair.broker.counts.callsIn], [5, 4]);
  server.gate.open();
  for (let id = 2; id <= 10; id++) assertEquals(await pair.peer.hear(), ["answer", id, id]);
});

Deno.test("Broker stops reading while open calls take maxBufferedBytes together", async () => {
  const server = new Server();
  await using pair = await rawClient(server, { limits: { maxBufferedBytes: 3000 } });
  const large = ["message", 1, "root", "wait", 1, ["tuple", "x".repeat(1400)], ["dictionary"]];
  await pair.peer.say(large, ["message", 2, ...large.slice(2)], ["message", 3, ...large.slice(2)], [
    "message",
    4,
    ...large.slice(2),
  ]);
  await settle();
  assertEquals(server.began, 3);
  server.gate.open();
  for (let id = 1; id <= 4; id++) assertEquals(await pair.peer.hear(), ["answer", id, id]);
});

Deno.test("Broker starts no more calls of a peer that does not read its answers", async () => {
  const server = new Server();
  await using pair = await rawClient(server, { limits: { highWaterMark: 4096 } });
  const calls = Array.from({ length: 1000 }, (_, i) => call(i + 1, "large"));
  const said = pair.peer.say(...calls);
  await settle();
  // As many as fill the pipe and a few kilobytes.
  assertLess(server.began, 100);
  assertLess(pair.broker.counts.bufferedBytes, 8192);
  for (let id = 1; id <= 1000; id++) {
    const [word, number] = await pair.peer.hear() as unknown[];
    assertEquals([word, number], ["answer", id]);
  }
  await said;
  assertEquals(server.began, 1000);
});

Deno.test("Broker serves its peer while another connection of the factory is stalled", async () => {
  const server = new Server();
  const factory = new PBServerFactory(server, { limits: { highWaterMark: 4096, maxCallsIn: 4 } });
  const [here, there] = memoryPair();
  here.transport.stall();
  const clogged = factory.buildBroker(there);
  const [fine, alsoFine] = memoryPair();
  factory.buildBroker(alsoFine);
  const other = new PBClientFactory().buildBroker(fine);
  await other.ready;
  const calls = Array.from({ length: 10 }, () => other.root().callRemote("large"));
  assertEquals((await Promise.all(calls)).length, 10);
  assert(!clogged.isClosed);
  await other.close();
  await factory.close();
});

Deno.test("callRemote() rejects with LimitError when maxBufferedBytes wait for a peer that does not read", async () => {
  await using pair = await rawServer({ limits: { maxBufferedBytes: 100_000 } });
  const root = pair.broker.root();
  const notify = () => root.callRemote("x", new Uint8Array(50_000), callOptions({ answer: false }));
  let refused: unknown;
  // The pipe holds some as well.
  for (let i = 0; i < 10 && refused === undefined; i++) {
    notify().catch((error) => refused = error);
    await settle();
  }
  assert(refused instanceof LimitError);
  assertEquals(refused.limit, "maxBufferedBytes");
  assertLess(pair.broker.counts.bufferedBytes, 200_000);
  assert(!pair.broker.isClosed);
});

Deno.test("callRemote() without an answer resolves when the peer has read most of the buffered bytes", async () => {
  await using pair = await rawServer({ limits: { highWaterMark: 1000 } });
  const root = pair.broker.root();
  const bytes = new Uint8Array(200_000);
  let isTaken = false;
  const sent = root.callRemote("x", bytes, callOptions({ answer: false })).then(() =>
    isTaken = true
  );
  await settle();
  assert(!isTaken);
  const [word] = await pair.peer.hear() as unknown[];
  assertEquals(word, "message");
  await sent;
});

Deno.test("Broker.drained() is one promise for all who wait until the peer has read", async () => {
  await using pair = await rawServer({ limits: { highWaterMark: 1000 } });
  const { broker, peer } = pair;
  broker.root().callRemoteOnly("x", new Uint8Array(200_000));
  await settle();
  const drained = broker.drained();
  assertStrictEquals(broker.drained(), drained);
  await peer.hear();
  await drained;
});

Deno.test("callRemoteOnly() keeps nothing but bytes for a peer that does not read", async () => {
  await using pair = await rawServer({ limits: { highWaterMark: 1000 } });
  const root = pair.broker.root();
  root.callRemoteOnly("x", new Uint8Array(200_000));
  await settle();
  await collectGarbage();
  const before = Deno.memoryUsage().heapUsed;
  const count = 100_000;
  for (let i = 0; i < count; i++) root.callRemoteOnly("x");
  await settle();
  await collectGarbage();
  assertLess((Deno.memoryUsage().heapUsed - before) / count, 50);
  assert(pair.broker.counts.bufferedBytes > 10 * count);
});

Deno.test("Broker closes a connection when answers that the peer does not read exceed maxBufferedBytes", async () => {
  const server = new Server();
  await using pair = await rawClient(
    new class extends Root {
      async remote_wait(): Promise<Uint8Array> {
        await server.gate.pass();
        return new Uint8Array(100_000);
      }
    }(),
    { limits: { maxBufferedBytes: 250_000 } },
  );
  await pair.peer.say(...Array.from({ length: 10 }, (_, i) => call(i + 1, "wait")));
  await settle();
  server.gate.open();
  const reason = await pair.broker.closed;
  assert(reason instanceof LimitError);
  assertEquals(reason.limit, "maxBufferedBytes");
  assertEquals(pair.log.at(-1)?.level, "warning");
});

Deno.test("handlers that call back get their answers even when maxCallsIn calls are open", async () => {
  const server = new Server();
  await using pair = await testPair(server, { server: { limits: { maxCallsIn: 1 } } });
  const root = pair.client.root<Server>();
  const thing = new Thing();
  const calls = Array.from({ length: 50 }, () => root.callRemote("callBack", thing));
  assertEquals(await Promise.all(calls), Array(50).fill("asked"));
});

Deno.test("a handler that calls back after reading has paused gets its answer", async () => {
  class Late extends Server {
    async remote_late(client: RemoteReference): Promise<unknown> {
      await this.gate.pass();
      return await client.callRemote("ask");
    }
  }
  const server = new Late();
  await using pair = await rawClient(server, { limits: { maxCallsIn: 1 } });
  const args = ["tuple", ["remote", 7]];
  await pair.peer.say(["message", 1, "root", "late", 1, args, ["dictionary"]], call(2, "wait"));
  await settle();
  server.gate.open();
  assertEquals((await pair.peer.hear() as unknown[]).slice(0, 4), ["message", 1, 7, "ask"]);
  assertEquals(await pair.peer.ask(["answer", 1, ["None"]]), ["answer", 1, ["None"]]);
  assertEquals(await pair.peer.hear(), ["answer", 2, 1]);
});

Deno.test("Broker handles deferred calls and releases in order", async () => {
  const server = new Server();
  await using pair = await testPair(server, { server: { limits: { maxCallsIn: 1 } } });
  const root = pair.client.root();
  const thing = await root.callRemote("thing") as RemoteReference;
  const client = new Gate();
  const asking = root.callRemote(
    "callBack",
    new class extends Referenceable {
      async remote_ask(): Promise<string> {
        await client.pass();
        return "at last";
      }
    }(),
  );
  await settle();
  for (let i = 0; i < 3; i++) root.callRemote("note", i);
  const asked = thing.callRemote("ask");
  thing.release();
  root.callRemote("note", "end");
  await settle();
  assertEquals([server.seen, pair.server.counts.localObjects], [[], 2]);
  client.open();
  assertEquals(await asking, "at last");
  assertEquals(await asked, "asked");
  await settle();
  assertEquals([server.seen, pair.server.counts.localObjects], [[0, 1, 2, "end"], 1]);
});

Deno.test("Broker handles many deferred bytes over several turns of the event loop", async () => {
  const server = new Server();
  await using pair = await testPair(server, { server: { limits: { maxCallsIn: 1 } } });
  const root = pair.client.root();
  const client = new Gate();
  const asking = askClient(root, client);
  await settle();
  const noted = Array.from({ length: 10 }, () => root.callRemote("note", new Uint8Array(100_000)));
  await settle();
  client.open();
  await asking;
  assertGreater(server.seen.length, 0);
  assertLess(server.seen.length, 10);
  await Promise.all(noted);
  assertEquals(server.seen.length, 10);
});

Deno.test("Broker.close() drops deferred messages, and leaves no timer", async () => {
  const server = new Server();
  const pair = await testPair(server, { server: { limits: { maxCallsIn: 1 } } });
  const root = pair.client.root();
  const client = new Gate();
  const asking = askClient(root, client);
  await settle();
  const lost = Array.from({ length: 10 }, () => root.callRemote("note", new Uint8Array(100_000)));
  await settle();
  client.open();
  await asking;
  const outcomes = Promise.allSettled(lost);
  await pair[Symbol.asyncDispose]();
  assertEquals((await outcomes).at(-1)?.status, "rejected");
});

/** Makes a call whose handler calls the client, so that the server waits for an answer. */
function askClient(root: RemoteReference, gate: Gate): Promise<unknown> {
  class Asked extends Referenceable {
    remote_ask = () => gate.pass();
  }
  return root.callRemote("callBack", new Asked());
}

Deno.test("Broker stops reading when deferred calls reach maxBufferedBytes", async () => {
  const server = new Server();
  const limits = { maxCallsIn: 2, maxBufferedBytes: 20_000 };
  await using pair = await testPair(server, { server: { limits } });
  const root = pair.client.root();
  const client = new Gate();
  const asking = askClient(root, client);
  const waiting = root.callRemote("wait");
  await settle();
  const noted = Array.from({ length: 20 }, () => root.callRemote("note", new Uint8Array(10_000)));
  await settle();
  const { bytesReceived } = pair.server.traffic;
  assertLess(bytesReceived, 150_000);
  assert(!pair.server.isClosed);
  server.gate.open();
  client.open();
  await Promise.all([asking, waiting, ...noted]);
  assertEquals(server.seen.length, 20);
});

Deno.test("Broker handles thousands of deferred messages", async () => {
  const server = new Server();
  await using pair = await testPair(server, { server: { limits: { maxCallsIn: 1 } } });
  const root = pair.client.root();
  const client = new Gate();
  const asking = askClient(root, client);
  await settle();
  const noted = Array.from({ length: 10_000 }, (_, i) => root.callRemote("note", i));
  await settle();
  client.open();
  await Promise.all([asking, ...noted]);
  assertEquals(server.seen, noted.map((_, i) => i));
});

Deno.test("Broker closes the connection when a deferred message breaks the protocol", async () => {
  const server = new Server();
  await using pair = await rawClient(server, { limits: { maxCallsIn: 1 } });
  const thing = ["message", 1, "root", "callBack", 1, ["tuple", ["remote", 1]], ["dictionary"]];
  await pair.peer.say(thing);
  const [word, id] = await pair.peer.hear() as unknown[];
  assertEquals(word, "message");
  await pair.peer.say(["decref", 77]);
  await settle();
  assert(!pair.broker.isClosed);
  await pair.peer.say(["answer", id as number, ["None"]]);
  const reason = await pair.broker.closed;
  assertEquals(reason?.message, 'Cannot release object "77": the peer holds no reference to it');
});

Deno.test("Broker closes a peer that floods it with calls at maxBufferedBytes while it waits for an answer", async () => {
  const server = new Server();
  await using pair = await rawClient(server, {
    limits: { highWaterMark: 2000, maxBufferedBytes: 20_000 },
  });
  const never = pair.broker.remoteForName("root").callRemote("ask");
  const refused = assertRejects(() => never, Error, "does not read their answers");
  const flood = pair.peer.say(...Array.from({ length: 30_000 }, (_, i) => call(i + 1, "large")));
  const reason = await pair.broker.closed;
  assert(reason instanceof LimitError);
  assertLess(server.began, 200);
  await assertRejects(() => flood);
  await refused;
});

Deno.test("Broker closes a peer that floods it with unknown messages or sends a wrong release", async () => {
  await using pair = await rawClient(new Server(), { limits: { maxBufferedBytes: 50_000 } });
  const flood = pair.peer.say(
    ...Array.from({ length: 20_000 }, () => [`nonsense${"x".repeat(30)}`]),
  );
  const reason = await pair.broker.closed;
  assert(reason instanceof LimitError);
  await assertRejects(() => flood);
  assertEquals(pair.log.filter(({ message }) => message.includes("nonsense")).length, 1);
  await using other = await rawClient(new Server());
  await other.peer.say(["decref", 1]);
  assertEquals(await other.peer.hear(), undefined);
});

/** Lets both ends call each other as fast as they can. */
async function floodEachOther(answer: boolean, options: MemoryPairOptions = {}): Promise<void> {
  const rounds = 300;
  const ends = memoryPair({ highWaterMark: 1000, ...options });
  class Echo extends Root {
    heard = 0;
    remote_echo(value: unknown): unknown {
      this.heard++;
      return value;
    }
  }
  const [atClient, atServer] = [new Echo(), new Echo()];
  const limits = { highWaterMark: 5000, maxCallsIn: 4 };
  const server = new PBServerFactory(atServer, { limits }).buildBroker(ends[1]);
  const client = new PBClientFactory({ limits }).buildBroker(ends[0]);
  await Promise.all([client.ready, server.ready]);
  client.setNameForLocal("root", atClient);
  const flood = async (root: RemoteReference) => {
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < rounds; i++) {
      await root.broker.drained();
      calls.push(root.callRemote("echo", new Uint8Array(2000), callOptions({ answer })));
    }
    await Promise.all(calls);
  };
  await Promise.all([flood(client.root()), flood(server.root())]);
  await settle();
  assertEquals([atClient.heard, atServer.heard], [rounds, rounds]);
  await client.close();
  await server.close();
}

Deno.test("callRemote() answers all calls of two ends that flood each other", () =>
  floodEachOther(true));
Deno.test("callRemote() without answers delivers all calls of two ends that flood each other", () =>
  floodEachOther(false));
Deno.test("callRemote() answers all calls of two ends that flood each other in tiny pieces", () =>
  floodEachOther(true, { chunkSize: 7 }));

Deno.test("callRemote() delivers all calls of two ends that flood each other and abort their calls", async () => {
  const rounds = 300;
  const limits = { highWaterMark: 5000, maxCallsIn: 4 };
  class Echo extends Root {
    heard = 0;
    remote_echo(value: unknown): unknown {
      this.heard++;
      return value;
    }
  }
  const [atClient, atServer] = [new Echo(), new Echo()];
  const memory = { highWaterMark: 1000 };
  const options = { server: { limits }, client: { limits }, memory };
  await using pair = await testPair(atServer, options);
  pair.client.setNameForLocal("root", atClient);
  const flood = async (broker: Broker) => {
    for (let i = 0; i < rounds; i++) {
      const enough = new AbortController();
      const { signal } = enough;
      broker.root().callRemote("echo", new Uint8Array(2000), callOptions({ signal })).catch(
        () => {},
      );
      enough.abort();
      await broker.drained();
    }
  };
  await Promise.all([flood(pair.client), flood(pair.server)]);
  await settled(() => atClient.heard + atServer.heard);
  assertEquals([atClient.heard, atServer.heard], [rounds, rounds]);
});

Deno.test("callRemote() answers all calls of two ends that make them at once", async () => {
  class Echo extends Root {
    async remote_echo(value: unknown): Promise<unknown> {
      await undefined;
      return value;
    }
  }
  const limits = { highWaterMark: 10_000, maxCallsIn: 8 };
  await using pair = await testPair(new Echo(), { server: { limits }, client: { limits } });
  pair.client.setNameForLocal("root", new Echo());
  const calls = [pair.client, pair.server].flatMap(({ root }, i) =>
    Array.from(
      { length: 500 },
      () => root.call(i === 0 ? pair.client : pair.server).callRemote("echo", new Uint8Array(3000)),
    )
  );
  assertEquals((await Promise.all(calls)).length, 1000);
});

Deno.test("Broker still handles messages that had arrived when a write fails", async () => {
  const [here, there] = memoryPair();
  const server = new PBServerFactory(new Server()).buildBroker(there);
  const { dialed, fault } = breakable(here);
  const client = new PBClientFactory().buildBroker(dialed);
  await client.ready;
  const answered = client.root().callRemote("large");
  await settle();
  fault.isBroken = true;
  const lost = assertRejects(() => client.root().callRemote("large"), Error, "connection lost");
  assertEquals(await answered, new Uint8Array(1000));
  await settle();
  assert(!client.isClosed);
  await server.close();
  await lost;
  await client.closed;
});

/** Makes a server's broker whose writes can be made to fail, over a pair in memory. */
async function fragile(server: Root, limits: Partial<BrokerLimits>) {
  const [here, there] = memoryPair();
  const { dialed, fault } = breakable(there);
  const broker = new PBServerFactory(server, { limits }).buildBroker(dialed);
  const client = new PBClientFactory().buildBroker(here);
  await client.ready;
  return { broker, client, fault };
}

Deno.test("Broker closes a paused connection when a write fails", async () => {
  const server = new Server();
  const { broker, client, fault } = await fragile(server, { maxCallsIn: 1 });
  const calls = [1, 2, 3].map(() => client.root().callRemote("wait"));
  const lost = Promise.allSettled(calls);
  await settle();
  fault.isBroken = true;
  broker.root().callRemote("x", callOptions({ answer: false }));
  const reason = await broker.closed;
  assertEquals(reason?.message, "Cannot go on: cannot write: broken");
  assertEquals(server.began, 1);
  await lost;
  await client.close();
});

Deno.test("Broker closes a connection one second after a write failed, even if it can be read", async () => {
  using time = new FakeTime();
  const { broker, client, fault } = await fragile(new Server(), {});
  fault.isBroken = true;
  const unanswered = assertRejects(() => broker.root().callRemote("x"), PBConnectionLost, "broken");
  await time.runMicrotasks();
  assert(!broker.takesCalls);
  // New calls wait for the end as well, and must not postpone it.
  const late = [{}, { answer: false }].map((options) =>
    assertRejects(
      () => broker.root().callRemote("x", callOptions(options)),
      PBConnectionLost,
      'Cannot finish call "x": connection lost: Cannot go on: cannot write: broken',
    )
  );
  await time.tickAsync(999);
  assert(!broker.isClosed);
  await time.tickAsync(1);
  const reason = await broker.closed;
  assertEquals((reason?.cause as Error).message, "broken");
  await unanswered;
  await Promise.all(late);
  await client.closed;
});

Deno.test("Broker.closed is undefined when the peer closes normally after a failed write", async () => {
  const { broker, client, fault } = await fragile(new Server(), {});
  fault.isBroken = true;
  broker.root().callRemote("x", callOptions({ answer: false }));
  await settle();
  await client.close();
  assertEquals(await broker.closed, undefined);
});

Deno.test("Broker closes a connection that would pause after a write failed", async () => {
  const server = new Server();
  const { broker, client, fault } = await fragile(server, { maxCallsIn: 1 });
  fault.isBroken = true;
  broker.root().callRemote("x", callOptions({ answer: false }));
  await settle();
  assert(!broker.isClosed);
  const lost = Promise.allSettled([1, 2, 3].map(() => client.root().callRemote("wait")));
  assertEquals((await broker.closed)?.message, "Cannot go on: cannot write: broken");
  await lost;
  await client.close();
});

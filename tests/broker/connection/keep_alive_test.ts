import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  type Broker,
  type BrokerLimits,
  type BrokerOptions,
  callOptions,
  PBClientFactory,
  PBConnectionLost,
  PBServerFactory,
  PeerGoneError,
  ProtocolError,
  type RemoteReference,
  Root,
} from "@perspective/broker/broker";
import { encode } from "@perspective/broker/jelly/banana";
import { memoryPair } from "@perspective/broker/transport";
import { sexpOf } from "../../vectors/load.ts";
import { testPair } from "../pair.ts";
import { assertNothingLeft, HELLO, rawClient, RawPeer, rawServer, type Said } from "../raw_peer.ts";

const KEEP_ALIVE = 4000;
const OPTIONS: BrokerOptions = { keepAlive: KEEP_ALIVE };
const BOTH = { client: OPTIONS, server: OPTIONS };

/** Advances the time in small steps, so that messages arrive in between. */
async function pass(time: FakeTime, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= KEEP_ALIVE / 16) await time.tickAsync(KEEP_ALIVE / 16);
  await time.runMicrotasks();
}

class Server extends Root {
  remote_never(): Promise<void> {
    return new Promise(() => {});
  }
  remote_echo(value: unknown): unknown {
    return value;
  }
}

Deno.test("keepAlive keeps an idle connection open, and leaves no calls or log entries", async () => {
  using time = new FakeTime();
  await using pair = await testPair(new Server(), BOTH);
  for (let i = 0; i < 20; i++) await pass(time, KEEP_ALIVE);
  assert(!pair.client.isClosed && !pair.server.isClosed);
  const { bytesReceived } = pair.client.traffic;
  assert(bytesReceived > 1000, `${bytesReceived} bytes`);
  assertEquals([pair.client.counts.callsOut, pair.server.counts.callsOut], [0, 0]);
  assertEquals([...pair.clientLog, ...pair.serverLog], []);
  assertEquals(await pair.client.root().callRemote("echo", 1), 1);
});

Deno.test("keepAlive sends nothing on a connection in use", async () => {
  using time = new FakeTime();
  await using pair = await testPair(new Server(), BOTH);
  const before = pair.server.traffic.callsReceived;
  for (let i = 0; i < 100; i++) {
    await pair.client.root().callRemote("echo", i);
    await pass(time, KEEP_ALIVE / 8);
  }
  assertEquals(pair.server.traffic.callsReceived - before, 100);
});

for (const end of ["client", "server"] as const) {
  Deno.test(`keepAlive of the ${end} closes a connection whose peer vanished`, async () => {
    using time = new FakeTime();
    const [here, there] = memoryPair();
    const server = new PBServerFactory(new Server(), end === "server" ? OPTIONS : {})
      .buildBroker(there);
    const client = new PBClientFactory(end === "client" ? OPTIONS : {}).buildBroker(here);
    await Promise.all([client.ready, server.ready]);
    const [broker, other] = end === "client" ? [client, there] : [server, here];
    client.setNameForLocal("root", new Server());
    const call = broker.root().callRemote("never");
    await time.runMicrotasks();
    other.transport.swallow();
    const lost = assertRejects(() => call, PBConnectionLost);
    await pass(time, KEEP_ALIVE - KEEP_ALIVE / 4);
    assert(!broker.isClosed);
    await pass(time, KEEP_ALIVE / 4);
    const reason = await broker.closed;
    assert(reason instanceof PeerGoneError);
    assertEquals(reason.keepAlive, KEEP_ALIVE);
    assertStringIncludes(reason.message, "4000 ms");
    assertEquals((await lost).cause, reason);
    assertNothingLeft(broker);
    await Promise.all([client.close(), server.close()]);
  });
}

Deno.test("keepAlive counts any received byte as a sign of life", async () => {
  using time = new FakeTime();
  await using pair = await rawClient(new Server(), OPTIONS);
  // A string of 12 bytes that arrives byte by byte.
  for (let i = 0; i < 14; i++) {
    await pair.peer.say(Uint8Array.of([12, 0x82][i] ?? 65));
    await pass(time, KEEP_ALIVE / 2);
    assertEquals(pair.broker.isClosed, i === 13);
  }
});

Deno.test("keepAlive calls an object that cannot exist, and accepts any answer", async () => {
  using time = new FakeTime();
  await using pair = await rawClient(new Server(), OPTIONS);
  await pass(time, KEEP_ALIVE / 2);
  const question = ["message", 0, 0, "keepAlive", 1, ["tuple"], ["dictionary"]];
  assertEquals(await pair.peer.hear(), question);
  await pair.peer.say(["error", 0, ["None"]]);
  await pass(time, KEEP_ALIVE / 2);
  assertEquals(await pair.peer.hear(), question);
  await pair.peer.say(["answer", 0, "anything"]);
  await pass(time, KEEP_ALIVE / 4);
  assert(!pair.broker.isClosed);
});

Deno.test("keepAlive treats a second answer to one request as a protocol error", async () => {
  using time = new FakeTime();
  await using pair = await rawClient(new Server(), OPTIONS);
  await pass(time, KEEP_ALIVE / 2);
  await pair.peer.say(["error", 0, ["None"]], ["error", 0, ["None"]]);
  await time.runMicrotasks();
  assert(await pair.broker.closed instanceof ProtocolError);
});

Deno.test("keepAlive treats an answer without a request as a protocol error", async () => {
  for (const keepAlive of [0, KEEP_ALIVE]) {
    await using pair = await rawServer({ keepAlive });
    await pair.peer.say(["error", 0, ["None"]]);
    assert(await pair.broker.closed instanceof ProtocolError);
  }
});

Deno.test("keepAlive keeps a connection open while one end has paused reading", async () => {
  using time = new FakeTime();
  const server = { ...OPTIONS, limits: { maxCallsIn: 2 } };
  const pair = await testPair(new Server(), { client: OPTIONS, server });
  const calls = [1, 2, 3].map(() => pair.client.root().callRemote("never"));
  for (let i = 0; i < 20; i++) await pass(time, KEEP_ALIVE);
  assert(!pair.client.isClosed && !pair.server.isClosed);
  assertEquals(pair.server.counts.callsIn, 2);
  const outcomes = Promise.allSettled(calls);
  const disposed = pair[Symbol.asyncDispose]();
  await time.runAllAsync();
  await disposed;
  assertEquals((await outcomes).map(({ status }) => status), Array(3).fill("rejected"));
});

Deno.test("keepAlive does not count a peer's silence before and during a pause in reading", async () => {
  using time = new FakeTime();
  const work = Promise.withResolvers<void>();
  class Worker extends Root {
    remote_work(): Promise<void> {
      return work.promise;
    }
  }
  await using pair = await rawClient(new Worker(), { ...OPTIONS, limits: { maxCallsIn: 2 } });
  await pass(time, KEEP_ALIVE - KEEP_ALIVE / 8);
  const calls = [1, 2, 3].map((id) =>
    encode(sexpOf(["message", id, "root", "work", 1, ["tuple"], ["dictionary"]]), { dialect: "pb" })
  );
  await pair.peer.say(Uint8Array.from(calls.flatMap((call) => [...call])));
  await pass(time, KEEP_ALIVE / 4);
  assertEquals(pair.broker.counts.callsIn, 2);
  work.resolve();
  await pass(time, KEEP_ALIVE / 2);
  assert(!pair.broker.isClosed);
});

Deno.test("keepAlive keeps a connection open while one end defers messages and answers no requests", async () => {
  using time = new FakeTime();
  const server = { ...OPTIONS, limits: { maxCallsIn: 1 } };
  const pair = await testPair(new Server(), { client: OPTIONS, server });
  pair.client.setNameForLocal("root", new Server());
  // The server keeps reading because it waits for an answer.
  const calls = [pair.server, pair.client, pair.client].map((broker) =>
    broker.root().callRemote("never")
  );
  const outcomes = Promise.allSettled(calls);
  for (let i = 0; i < 40; i++) {
    // The server receives messages all the time, and sends none.
    pair.client.root().callRemote("echo", callOptions({ answer: false }));
    await pass(time, KEEP_ALIVE / 8);
  }
  assert(!pair.client.isClosed && !pair.server.isClosed);
  const disposed = pair[Symbol.asyncDispose]();
  await time.runAllAsync();
  await disposed;
  assertEquals((await outcomes).map(({ status }) => status), Array(3).fill("rejected"));
});

class Library extends Root {
  readonly work = Promise.withResolvers<void>();

  remote_large(): Uint8Array {
    return new Uint8Array(20_000);
  }
  async remote_work(): Promise<Uint8Array> {
    await this.work.promise;
    return new Uint8Array(20_000);
  }
  remote_callBack(client: RemoteReference): Promise<unknown> {
    return client.callRemote("ask");
  }
}

/** Connects a server's broker to a peer that reads only on request, over a pipe that holds little. */
async function silentPair(root: Root, limits: Partial<BrokerLimits>) {
  const [here, there] = memoryPair({ highWaterMark: 1000 });
  const broker = new PBServerFactory(root, { ...OPTIONS, limits, log: () => {} }).buildBroker(
    there,
  );
  const peer = new RawPeer(here.transport);
  await peer.hear();
  await peer.ask(...HELLO);
  return {
    broker,
    /** Sends a call of each method, as far as the broker reads them. */
    call(...methods: [name: string, ...args: Said[]][]): void {
      const calls = methods.map(([method, ...args], i) => [
        ...["message", i + 1, "root", method, 1, ["tuple", ...args], ["dictionary"]],
      ]);
      peer.say(...calls).catch(() => {});
    },
    read: (count: number) => here.transport.read(new Uint8Array(count)),
    say: (said: Said) => peer.say(said),
    async [Symbol.asyncDispose]() {
      peer.close();
      await broker.close();
      assertNothingLeft(broker);
    },
  };
}

/**
 * Asserts that the connection is closed after the time, which is four times as long where bytes wait
 * for the peer, and not much before.
 */
async function assertGivenUp(broker: Broker, time: FakeTime, times = 4): Promise<void> {
  await pass(time, (times - 0.5) * KEEP_ALIVE);
  assert(!broker.isClosed);
  await pass(time, KEEP_ALIVE / 2);
  assert(broker.isClosed);
  const reason = await broker.closed;
  assert(reason instanceof PeerGoneError);
  assertEquals(reason.keepAlive, times * KEEP_ALIVE);
}

Deno.test("keepAlive closes the connection of a peer that reads no answers, even if reading is paused", async () => {
  using time = new FakeTime();
  await using pair = await silentPair(new Library(), { highWaterMark: 4096 });
  pair.call(...Array.from({ length: 100 }, () => ["large"] as [string]));
  await time.runMicrotasks();
  assertGreater(pair.broker.counts.bufferedBytes, 4096);
  await assertGivenUp(pair.broker, time);
});

Deno.test("keepAlive keeps the connection of a peer that reads its answers slowly, until it stops", async () => {
  using time = new FakeTime();
  await using pair = await silentPair(new Library(), { highWaterMark: 4096 });
  pair.call(...Array.from({ length: 100 }, () => ["large"] as [string]));
  for (let i = 0; i < 40; i++) {
    await pass(time, KEEP_ALIVE / 2);
    assertEquals(await pair.read(1), 1);
  }
  await assertGivenUp(pair.broker, time);
});

Deno.test("keepAlive keeps the connection of a silent peer that reads one long answer slowly", async () => {
  using time = new FakeTime();
  await using pair = await silentPair(new Library(), {});
  pair.call(["large"]);
  for (let i = 0; i < 40; i++) {
    await pass(time, KEEP_ALIVE / 2);
    assertEquals(await pair.read(100), 100);
  }
  await assertGivenUp(pair.broker, time);
});

for (const methods of [["work", "work", "large"], ["large", "work", "work", "large"]]) {
  Deno.test(`keepAlive does not close for a silent peer while its calls are still handled: ${methods}`, async () => {
    using time = new FakeTime();
    const library = new Library();
    await using pair = await silentPair(library, { maxCallsIn: 2, highWaterMark: 30_000 });
    pair.call(...methods.map((method) => [method] as [string]));
    await pass(time, 10 * KEEP_ALIVE);
    assertEquals([pair.broker.isClosed, pair.broker.counts.callsIn], [false, 2]);
    // Now the answers wait for the peer to read them.
    library.work.resolve();
    await time.runMicrotasks();
    await assertGivenUp(pair.broker, time);
  });
}

Deno.test("keepAlive closes the connection of a silent peer whose answer the deferred messages wait for", async () => {
  using time = new FakeTime();
  await using pair = await silentPair(new Library(), { maxCallsIn: 1 });
  pair.call(["callBack", ["remote", 1]], ["large"], ["large"]);
  for (let i = 0; i < 10; i++) {
    await pass(time, KEEP_ALIVE / 2);
    await pair.say(["answer", 0, ["None"]]);
  }
  assertEquals(pair.broker.counts.callsIn, 1);
  await assertGivenUp(pair.broker, time, 1);
});

Deno.test("keepAlive sets no timer for pairs in memory by default, nor when it is 0", async () => {
  using time = new FakeTime();
  for (const options of [{}, { keepAlive: 0 }]) {
    await using pair = await testPair(new Server(), { client: options, server: options });
    assert(!time.next(), "no timer is set");
    assert(!pair.client.isClosed);
  }
});

Deno.test("BrokerOptions.keepAlive must be 0 or a positive integer that fits a timer", () => {
  for (const keepAlive of [-1, 0.5, NaN, Infinity, 2 ** 31]) {
    let error: unknown;
    try {
      new PBClientFactory({ keepAlive });
    } catch (caught) {
      error = caught;
    }
    assert(error instanceof RangeError);
  }
});

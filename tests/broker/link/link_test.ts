import { assert, assertEquals } from "@std/assert";
import {
  type Broker,
  callOptions,
  PBClientFactory,
  PBServerFactory,
  Referenceable,
  Root,
} from "@perspective/broker/broker";
import { encode } from "@perspective/broker/jelly/banana";
import { type Dialed, memoryPair } from "@perspective/broker/transport";
import { sexpOf } from "../../vectors/load.ts";
import { settle, testPair } from "../pair.ts";
import { rawServer, type Said } from "../raw_peer.ts";

/** Answers calls with the number of bytes that had been sent when it handled them. */
class Server extends Root {
  broker: Broker | undefined;
  remote_none(): void {}
  remote_sent(): number {
    return this.broker!.traffic.bytesSent;
  }
}

Deno.test("Link writes answers while it still handles later calls of the same turn", async () => {
  const root = new Server();
  await using pair = await testPair(root);
  root.broker = pair.server;
  const server = pair.client.root<Server>();
  const sent = await Promise.all(Array.from({ length: 200 }, () => server.callRemote("sent")));
  assertEquals(sent, sent.toSorted((a, b) => a - b));
  assert(new Set(sent).size > 2, `answers went out ${new Set(sent).size} times`);
});

Deno.test("Link answers a few calls of one turn in one write", async () => {
  const root = new Server();
  await using pair = await testPair(root);
  root.broker = pair.server;
  const server = pair.client.root<Server>();
  await server.callRemote("sent");
  const sent = await Promise.all([1, 2, 3].map(() => server.callRemote("sent")));
  assertEquals(new Set(sent).size, 1);
});

/** Records the events it receives. */
class Witness extends Referenceable {
  constructor(readonly heard: unknown[]) {
    super();
  }
  remote_event(name: string): void {
    this.heard.push(name);
  }
}

const CALLED = ["message", 1, 1, "event", 0, ["tuple", ["unicode", "called"]], ["dictionary"]];

for (const kind of ["answer", "error"]) {
  for (const together of [true, false]) {
    const how = together ? "in the same bytes" : "in bytes of its own";
    Deno.test(`callRemote() settles by an ${kind} before a later call is handled that comes ${how}`, async () => {
      await using pair = await rawServer();
      const heard: unknown[] = [];
      const ask = async () => {
        const call = pair.broker.root().callRemote("ask", new Witness(heard));
        heard.push(await call.catch((error: Error) => error.message));
      };
      // Several async functions lie between the answer and the code that waits for it.
      const waiting = (async () => await (async () => await ask())())();
      await pair.peer.hear();
      const value = ["unicode", kind];
      const said: Said[] = [
        kind === "answer"
          ? ["answer", 1, value]
          : ["error", 1, ["twisted.spread.pb.CopyableFailure", [
            "dictionary",
            [["unicode", "type"], ["unicode", "builtins.ValueError"]],
            [["unicode", "value"], value],
            [["unicode", "parents"], ["list", ["unicode", "builtins.ValueError"]]],
            [["unicode", "traceback"], ["unicode", ""]],
          ]]],
        CALLED,
        CALLED,
      ];
      await (together ? pair.peer.say(joined(said)) : pair.peer.say(...said));
      await waiting;
      await settle();
      assertEquals(heard, [kind, "called", "called"]);
    });
  }
}

Deno.test("callRemote() settles by several answers before a later call in the same bytes is handled", async () => {
  await using pair = await rawServer();
  const heard: unknown[] = [];
  const root = pair.broker.root();
  const ask = async () => heard.push(await root.callRemote("ask", new Witness(heard)));
  const waiting = Promise.all([ask(), ask()]);
  for (let i = 0; i < 2; i++) await pair.peer.hear();
  await pair.peer.say(joined([["answer", 1, 11], ["answer", 2, 12], CALLED]));
  await waiting;
  await settle();
  assertEquals(heard, [11, 12, "called"]);
});

/** Joins several messages into one piece. */
function joined(said: Said[]): Uint8Array {
  return Uint8Array.from(said.flatMap((one) => [...encode(sexpOf(one), { dialect: "pb" })]));
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Counts the writes of a transport, which take until the next turn, as those to a socket do. */
function counted(dialed: Dialed, writes: number[]): Dialed {
  const { transport } = dialed;
  return {
    ...dialed,
    transport: {
      read: (buffer) => transport.read(buffer),
      async write(bytes) {
        writes.push(bytes.length);
        const count = await transport.write(bytes);
        await nextTurn();
        return count;
      },
      close: (reason) => transport.close(reason),
    },
  };
}

Deno.test("Link sends calls a few microtasks apart in one write, and learns again after single calls", async () => {
  const [here, there] = memoryPair();
  const writes: number[] = [];
  await using factory = new PBServerFactory(new Server());
  factory.buildBroker(there);
  await using client = new PBClientFactory().buildBroker(counted(here, writes));
  const root = client.root();
  const call = () => root.callRemote("none", callOptions({ answer: false }));
  const turns = async () => {
    for (let i = 0; i < 4; i++) await nextTurn();
  };
  const callTwice = async () => {
    void call();
    for (let i = 0; i < 4; i++) await undefined;
    void call();
    await turns();
  };
  await client.ready;
  await turns();
  writes.length = 0;
  await callTwice();
  assertEquals(writes.length, 1, "it waits for a second call");

  for (let i = 0; i < 10; i++) {
    void call();
    await turns();
  }
  writes.length = 0;
  await callTwice();
  assertEquals(writes.length, 2, "it expects no second call");
  writes.length = 0;
  await callTwice();
  assertEquals(writes.length, 1, "it expects a second call again");
});

Deno.test("Link handles no further calls of the same bytes when a handler closes the connection", async () => {
  let calls = 0;
  class Closing extends Root {
    remote_close(broker: string): void {
      calls++;
      if (broker === "server") void pair.server.close();
    }
  }
  await using pair = await testPair(new Closing());
  const root = pair.client.root<Closing>();
  const results = await Promise.allSettled(
    Array.from({ length: 200 }, (_, i) => root.callRemote("close", i === 50 ? "server" : "")),
  );
  assert(calls < 200, `${calls} calls were handled`);
  assertEquals(results.at(-1)!.status, "rejected");
});

Deno.test("Link yields to timers even if a peer sends without pause", async () => {
  const [here, there] = memoryPair();
  const noise = encode(sexpOf(["version", 6]), { dialect: "pb" });
  let reads = 0;
  let hasRung = false;
  const flood: Dialed = {
    ...there,
    transport: {
      // Bytes are available at every read, so no read ever has to wait.
      async read(buffer) {
        if (reads === 0) return await there.transport.read(buffer.subarray(0, 1000));
        if (++reads > 2000 || hasRung) return null;
        let at = 0;
        for (; at + noise.length <= buffer.length; at += noise.length) buffer.set(noise, at);
        return at === 0 ? await there.transport.read(buffer) : at;
      },
      write: (bytes) => there.transport.write(bytes),
      close: (reason) => there.transport.close(reason),
    },
  };
  await using factory = new PBServerFactory(new Server());
  const server = factory.buildBroker(flood);
  await using client = new PBClientFactory().buildBroker(here);
  await client.ready;
  await server.ready;
  const timer = setTimeout(() => hasRung = true, 1);
  reads = 1;
  // The flood begins after this call, whose answer does not matter here.
  await client.root().callRemote("none").catch(() => {});
  await server.closed;
  clearTimeout(timer);
  assert(hasRung, `no timer rang in ${reads} reads`);
});

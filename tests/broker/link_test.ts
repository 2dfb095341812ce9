import { assert, assertEquals } from "@std/assert";
import {
  type Broker,
  callOptions,
  PBClientFactory,
  PBServerFactory,
  Root,
} from "@perspective/broker/broker";
import { type Dialed, memoryPair } from "@perspective/broker/transport";
import { testPair } from "./pair.ts";

/** Answers calls with how many bytes had been sent when it took them. */
class Server extends Root {
  broker: Broker | undefined;
  remote_none(): void {}
  remote_sent(): number {
    return this.broker!.traffic.bytesSent;
  }
}

Deno.test("calls that are made in one turn are answered while the last of them are handled", async () => {
  const root = new Server();
  await using pair = await testPair(root);
  root.broker = pair.server;
  const server = pair.client.root<Server>();
  const sent = await Promise.all(Array.from({ length: 200 }, () => server.callRemote("sent")));
  assertEquals(sent, sent.toSorted((a, b) => a - b));
  assert(new Set(sent).size > 2, `answers went out ${new Set(sent).size} times`);
});

Deno.test("few calls that are made in one turn are answered in one write", async () => {
  const root = new Server();
  await using pair = await testPair(root);
  root.broker = pair.server;
  const server = pair.client.root<Server>();
  await server.callRemote("sent");
  const sent = await Promise.all([1, 2, 3].map(() => server.callRemote("sent")));
  assertEquals(new Set(sent).size, 1);
});

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

Deno.test("calls made a few microtasks apart share a write, also after calls one at a time", async () => {
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
  assertEquals(writes.length, 1, "with patience");

  for (let i = 0; i < 10; i++) {
    void call();
    await turns();
  }
  writes.length = 0;
  await callTwice();
  assertEquals(writes.length, 2, "nobody expected a second call");
  writes.length = 0;
  await callTwice();
  assertEquals(writes.length, 1, "now one is");
});

Deno.test("a connection that a handler closes handles nothing of what came with the call", async () => {
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

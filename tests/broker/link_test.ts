import { assert, assertEquals } from "@std/assert";
import { type Broker, Root } from "@perspective/broker/broker";
import { testPair } from "./pair.ts";

/** Answers calls with how many bytes had been sent when it took them. */
class Server extends Root {
  broker: Broker | undefined;
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

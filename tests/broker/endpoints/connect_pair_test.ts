import { assertEquals, assertRejects } from "@std/assert";
import { connectPair, PBServerFactory, ProtocolError, Root } from "@perspective/broker/broker";

class Echo extends Root {
  remote_echo(value: unknown): unknown {
    return value;
  }
}

Deno.test("connectPair() rejects invalid options of the client before it builds a server", async () => {
  const seen: unknown[] = [];
  await assertRejects(
    () =>
      connectPair(new Echo(), {
        client: { limits: { maxCaches: 0 } },
        server: { log: (entry) => seen.push(entry) },
      }),
    RangeError,
    "maxCaches",
  );
  assertEquals(seen, []);
});

Deno.test("connectPair() connects to a given factory, and does not close it", async () => {
  await using factory = new PBServerFactory(new Echo());
  {
    await using first = await connectPair(factory);
    await using second = await connectPair(factory);
    assertEquals(await first.client.root().callRemote("echo", 1), 1);
    assertEquals(await second.client.root().callRemote("echo", 2), 2);
    assertEquals(factory.stats.connections, 2);
    assertEquals([...factory.brokers], [first.server, second.server]);
  }
  assertEquals(factory.stats.connections, 0);
  await using third = await connectPair(factory);
  assertEquals(await third.client.root().callRemote("echo", 3), 3);
});

Deno.test("connectPair() closes both ends when negotiation fails", async () => {
  await using factory = new PBServerFactory(new Echo(), { log: () => {} });
  await assertRejects(
    () => connectPair(factory, { memory: { first: { cutAfter: 3 } } }),
    ProtocolError,
  );
  assertEquals(factory.stats.connections, 0);
});

Deno.test("connectPair() passes faults on to the transport in memory", async () => {
  await using pair = await connectPair(new Echo(), { memory: { chunkSize: 1 } });
  assertEquals(await pair.client.root().callRemote("echo", "in pieces"), "in pieces");
});

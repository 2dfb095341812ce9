/** When a connection is cut after any byte, all promises settle and nothing is left. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { type Broker, PBClientFactory, PBServerFactory } from "@perspective/broker/broker";
import { UsernamePassword } from "@perspective/broker/cred";
import { type MemoryFaults, memoryPair } from "@perspective/broker/transport";
import { Mind, QUICK, testPortal, TestRealm, type User } from "../faults.ts";
import { assertNothingLeft } from "../raw_peer.ts";

/** The outcome of a login and some calls. */
interface Outcome {
  readonly settled: readonly PromiseSettledResult<unknown>[];
  readonly realm: TestRealm;
  readonly disconnects: number;
  readonly written: readonly [number, number];
}

/** Logs in, calls in both directions, and closes; the connection may be cut at any time. */
async function run(first: MemoryFaults, second: MemoryFaults): Promise<Outcome> {
  const realm = new TestRealm();
  const [here, there] = memoryPair({ first, second });
  const factory = new PBServerFactory(testPortal(realm), QUICK);
  const server = factory.buildBroker(there);
  const client = new PBClientFactory({ log: () => {} }).buildBroker(here);
  let disconnects = 0;
  for (const broker of [client, server]) broker.notifyOnDisconnect(() => disconnects++);
  const settled = await Promise.allSettled([client.ready, converse(client)]);
  await client.close();
  await Promise.all([client.closed, server.closed]);
  await factory.close();
  for (const broker of [client, server]) assertNothingLeft(broker);
  return {
    settled,
    realm,
    disconnects,
    written: [here.transport.written, there.transport.written],
  };
}

async function converse(client: Broker): Promise<unknown> {
  const avatar = await client.login<User>(new UsernamePassword("alice", "secret"), new Mind());
  const calls = await Promise.allSettled([
    avatar.callRemote("echo", ["some", new Uint8Array(20), null]),
    avatar.callRemote("callMind", { key: "value" }),
    avatar.callRemote("missing" as "echo", 1),
  ]);
  return calls.map(({ status }) => status);
}

Deno.test("Broker settles all promises and empties its tables when the connection is cut after any byte", async () => {
  const whole = await run({}, {});
  assertEquals(whole.settled.map(({ status }) => status), ["fulfilled", "fulfilled"]);
  const [toServer, toClient] = whole.written;
  assertGreater(toServer, 200);
  assertGreater(toClient, 200);
  const outcomes = { loggedIn: 0, neverIn: 0 };
  for (const direction of [0, 1] as const) {
    for (let cutAfter = 0; cutAfter < whole.written[direction]; cutAfter++) {
      const cut = { cutAfter };
      const { realm, disconnects } = direction === 0 ? await run(cut, {}) : await run({}, cut);
      assertEquals(disconnects, 2, `cut after ${cutAfter} bytes`);
      assertEquals(realm.logouts, realm.logins, `cut after ${cutAfter} bytes`);
      assert(realm.logins <= 1);
      if (realm.logins === 1) outcomes.loggedIn++;
      else outcomes.neverIn++;
    }
  }
  assertGreater(outcomes.loggedIn, 100);
  assertGreater(outcomes.neverIn, 100);
});

Deno.test("Broker empties its tables when a connection that delivers single bytes is cut", async () => {
  const realm = new TestRealm();
  for (let cutAfter = 0; cutAfter < 400; cutAfter += 7) {
    const [here, there] = memoryPair({ chunkSize: 1, highWaterMark: 3, second: { cutAfter } });
    const factory = new PBServerFactory(testPortal(realm), QUICK);
    factory.buildBroker(there);
    const client = new PBClientFactory({ log: () => {} }).buildBroker(here);
    await converse(client).catch(() => {});
    await client.close();
    await factory.close();
    assertNothingLeft(client);
    assertEquals(factory.stats.connections, 0);
  }
  assertEquals(realm.logouts, realm.logins);
});

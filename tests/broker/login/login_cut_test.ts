// Connections that are cut during a login, after any byte of either direction.

import { assert, assertEquals } from "@std/assert";
import {
  type Broker,
  type MemoryFaults,
  memoryPair,
  PBClientFactory,
  PBServerFactory,
  UsernamePassword,
} from "@perspective/broker";
import { type Member, testPortal } from "./login_realm.ts";
import { assertNothingLeft } from "../raw_peer.ts";

const alice = new UsernamePassword("alice", "secret");

/** The outcome of a login and a call over a connection with faults. */
interface Outcome {
  readonly events: string[];
  readonly result: unknown;
  /** Bytes that client and server have sent. */
  readonly sent: readonly [number, number];
}

async function attempt(
  mechanism: "MD5" | "PLAIN" | "SCRAM-SHA-256",
  faults: { first?: MemoryFaults; second?: MemoryFaults },
): Promise<Outcome> {
  const { realm, root } = testPortal();
  const [here, there] = memoryPair(faults);
  const log = () => {};
  const server = new PBServerFactory(root, { log }).buildBroker(there);
  const client = new PBClientFactory({ log }).buildBroker(here);
  const result = await use(client, mechanism).catch((error: unknown) => error);
  await client.close();
  await server.closed;
  // Lets the portal finish what it was doing.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  assertNothingLeft(client);
  assertNothingLeft(server);
  assertEquals(root.strangers, 0);
  return {
    events: realm.events,
    result,
    sent: [here.transport.written, there.transport.written],
  };
}

async function use(client: Broker, mechanism: "MD5" | "PLAIN" | "SCRAM-SHA-256"): Promise<string> {
  const avatar = await client.login<Member>(alice, null, { mechanisms: [mechanism] });
  return await avatar.callRemote("whoami");
}

for (const mechanism of ["MD5", "PLAIN", "SCRAM-SHA-256"] as const) {
  Deno.test(`Broker.login() by ${mechanism} settles when the connection is cut after any byte, and the user is logged out`, async () => {
    const whole = await attempt(mechanism, {});
    assertEquals(whole.result, "alice");
    assertEquals(whole.events, ["login alice", "logout alice"]);
    const outcomes: Promise<void>[] = [];
    const check = async (faults: { first?: MemoryFaults; second?: MemoryFaults }) => {
      const { events, result } = await attempt(mechanism, faults);
      assert(result instanceof Error || result === "alice");
      if (events.length !== 0) assertEquals(events, ["login alice", "logout alice"]);
    };
    for (let at = 0; at < whole.sent[0]; at++) outcomes.push(check({ first: { cutAfter: at } }));
    for (let at = 0; at < whole.sent[1]; at++) outcomes.push(check({ second: { cutAfter: at } }));
    await Promise.all(outcomes);
    assertEquals(await attempt(mechanism, {}), whole);
  });
}

/** Runs the same tests over every kind of transport. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  type Broker,
  GoingAwayError,
  PBConnectionLost,
  PeerGoneError,
  RemoteError,
  type RemoteReference,
} from "@perspective/broker/broker";
import { UsernamePassword } from "@perspective/broker/cred";
import { KINDS } from "../../transport/pairs.ts";
import { linked, Mind, type User } from "../faults.ts";

const ALICE = new UsernamePassword("alice", "secret");

function login(client: Broker): Promise<RemoteReference<User>> {
  return client.login<User>(ALICE, new Mind());
}

for (const kind of KINDS) {
  const { name } = kind;

  Deno.test(`Broker over ${name} logs in and calls in both directions`, async () => {
    await using link = await linked(kind);
    await assertRejects(
      () => link.client.login(new UsernamePassword("alice", "wrong")),
      RemoteError,
    );
    const avatar = await login(link.client);
    assertEquals(await avatar.callRemote("echo", [1, "two", null]), [1, "two", null]);
    assertEquals(await avatar.callRemote("callMind", { three: 3 }), { three: 3 });
    const many = Array.from({ length: 200 }, (_, i) => avatar.callRemote("echo", i));
    assertEquals(await Promise.all(many), many.map((_, i) => i));
  });

  Deno.test(`Broker over ${name} carries large values in both directions`, async () => {
    await using link = await linked(kind);
    const avatar = await login(link.client);
    const size = name.endsWith("byte by byte") ? 51_200 : 640 * 1024;
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const large = [
      new Uint8Array(size).fill(7),
      "ü".repeat(size / 4),
      bytes,
      Array(size / 64).fill(-1),
    ];
    assertEquals(await avatar.callRemote("echo", large), large);
    assertEquals(await avatar.callRemote("callMind", large), large);
  });

  Deno.test(`Broker over ${name} handles bytes that arrive one at a time`, async () => {
    await using link = await linked(kind, { most: 1 });
    const avatar = await login(link.client);
    const value = ["text", new Uint8Array(300), { key: 2 ** 40 }];
    assertEquals(await avatar.callRemote("callMind", value), value);
  });

  for (const end of ["client", "server"] as const) {
    Deno.test(`Broker over ${name} rejects calls and logs out when the ${end} closes`, async () => {
      await using link = await linked(kind);
      const avatar = await login(link.client);
      const disconnected = Promise.withResolvers<void>();
      avatar.notifyOnDisconnect(() => disconnected.resolve());
      const lost = assertRejects(() => avatar.callRemote("wait"), PBConnectionLost);
      await avatar.callRemote("echo", 1);
      await link[end].close();
      await Promise.all([lost, disconnected.promise, link.client.closed, link.server.closed]);
      assertEquals([link.realm.logins, link.realm.logouts], [1, 1]);
    });
  }

  Deno.test(`PBServerFactory.close() with graceful over ${name} answers every call that was started`, async () => {
    await using link = await linked(kind);
    const avatar = await login(link.client);
    await avatar.callRemote("echo", 0);
    const waited = avatar.callRemote("wait");
    let answered = 0;
    let refused = 0;
    // Calls again and again until a call is lost.
    const flood = async () => {
      for (;;) {
        try {
          await avatar.callRemote("echo", new Uint8Array(1000));
          answered++;
        } catch (error) {
          if (!(error instanceof GoingAwayError)) return;
          refused++;
          link.realm.gate.resolve();
        }
      }
    };
    const floods = Array.from({ length: 20 }, flood);
    await avatar.callRemote("echo", 0);
    await link.factory.close({ graceful: 60_000 });
    await Promise.all(floods);
    assertEquals(await waited, "waited");
    assertEquals(answered, link.realm.handled - 3);
    assert(refused > 0);
    const reason = `${await link.client.closed}`;
    // Deno.serve does not read on after it has closed: the calls that still arrive then may make the
    // system reset the connection, and with it drop the reason.
    const isReset = name.includes("Deno.serve") && reason.includes("reset");
    if (kind.tellsReason && !isReset) assertStringIncludes(reason, "server is closing");
  });

  Deno.test(`Broker over ${name} buffers a bounded amount for a client that does not read`, async () => {
    const limits = { highWaterMark: 100_000 };
    await using link = await linked(kind, { server: { limits } });
    const avatar = await login(link.client);
    link.clientEnd.stall();
    const size = name.endsWith("byte by byte") ? 10_000 : 400_000;
    const calls = Array.from({ length: 100 }, () => avatar.callRemote("large", size));
    // Waits until the server starts no more calls.
    for (let handled = -1; handled !== link.realm.handled;) {
      handled = link.realm.handled;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assertLess(link.server.counts.bufferedBytes, 2 * size + 100_000);
    link.clientEnd.resume();
    const answers = await Promise.all(calls);
    assertEquals(answers.filter(({ length }) => length === size).length, 100);
  });

  Deno.test(`keepAlive over ${name} closes both ends when the link drops all bytes`, async () => {
    const options = { keepAlive: 200 };
    await using link = await linked(kind, { client: options, server: options });
    const avatar = await login(link.client);
    const lost = assertRejects(() => avatar.callRemote("wait"), PBConnectionLost);
    await avatar.callRemote("echo", 1);
    link.clientEnd.swallow();
    assertInstanceOf(await link.client.closed, PeerGoneError);
    await lost;
    await link.server.closed;
    assertEquals(link.realm.logouts, 1);
  });

  Deno.test(`keepAlive over ${name} keeps a quiet connection open`, async () => {
    const options = { keepAlive: 400 };
    await using link = await linked(kind, { client: options, server: options });
    const avatar = await login(link.client);
    const { callsReceived } = link.server.traffic;
    while (link.server.traffic.callsReceived - callsReceived < 2) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assertEquals(await avatar.callRemote("echo", 1), 1);
  });
}

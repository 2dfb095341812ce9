// Garbage collection of references and caches; these tests force it.

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import {
  Avatar,
  connectPair,
  IPerspective,
  Referenceable,
  RemoteReference,
  Root,
} from "@perspective/broker/broker";
import {
  AllowAnonymousAccess,
  Anonymous,
  InMemoryUsernamePasswordDatabaseDontUse,
  Portal,
  UsernamePassword,
} from "@perspective/broker/cred";
import { flavorRegistry, Ledger, LedgerCache, Library } from "../flavor_classes.ts";
import { collectGarbage, collectUntil } from "../gc.ts";
import { settle, type TestPair, testPair } from "../pair.ts";
import { rawServer } from "../raw_peer.ts";

class Things extends Root {
  remote_thing(): Referenceable {
    return new Referenceable();
  }
  remote_things(count: number): Referenceable[] {
    return Array.from({ length: count }, () => new Referenceable());
  }
  remote_hold(things: unknown[]): number {
    return things.length;
  }
}

async function fetch(pair: TestPair): Promise<LedgerCache> {
  const ledger = await pair.client.root().callRemote("ledger");
  assertInstanceOf(ledger, LedgerCache);
  return ledger;
}

async function library(): Promise<{ pair: TestPair; library: Library }> {
  const root = new Library();
  return { library: root, pair: await testPair(root, { client: { registry: flavorRegistry() } }) };
}

Deno.test("[Broker refcount] RemoteReference is given back when it is garbage collected", async () => {
  await using pair = await testPair(new Things());
  const fetchAndForget = async () => {
    assertInstanceOf(await pair.client.root().callRemote("thing"), RemoteReference);
  };
  await fetchAndForget();
  assertEquals(pair.server.counts.localObjects, 2);
  assert(await collectUntil(() => pair.server.counts.localObjects === 1));
  assertEquals(pair.client.counts.remoteObjects, 0);
});

Deno.test("RemoteReference is not given back while a call of it waits for a result", async () => {
  await using raw = await rawServer();
  const root = raw.broker.root();
  const slow = root.pipeline("slow");
  const callAndForget = async () => {
    const thing = await root.callRemote("thing");
    // In an array, which is not awaited.
    return [(thing as RemoteReference).callRemote("take", slow)];
  };
  const called = callAndForget();
  for (let i = 0; i < 2; i++) await raw.peer.hear();
  await raw.peer.say(["answer", 2, ["remote", 7]]);
  const [call] = await called;
  for (let i = 0; i < 3; i++) await collectGarbage();
  assertEquals(raw.broker.counts.remoteObjects, 1);
  await raw.peer.say(["answer", 1, 5]);
  assertEquals((await raw.peer.hear() as unknown[]).slice(1, 4), [3, 7, "take"]);
  assert(await collectUntil(() => raw.broker.counts.remoteObjects === 0));
  assertEquals(await raw.peer.hear(), ["decref", 7]);
  await raw.peer.say(["answer", 3, ["None"]]);
  await Promise.all([slow, call]);
});

Deno.test("RemoteReference is given back only when unreachable, for thousands in both directions", async () => {
  const limits = { maxReferences: 100_000 };
  await using pair = await testPair(new Things(), { server: { limits }, client: { limits } });
  const root = pair.client.root();
  const kept: unknown[] = [];
  const fetchSome = async () => {
    const things = await root.callRemote("things", 1000) as unknown[];
    kept.push(things[500]);
    const ours = Array.from({ length: 1000 }, () => new Referenceable());
    assertEquals(await root.callRemote("hold", ours), 1000);
  };
  for (let round = 0; round < 5; round++) await fetchSome();
  const { client, server } = pair;
  assert(await collectUntil(() => server.counts.localObjects === 1 + kept.length));
  assert(await collectUntil(() => client.counts.localObjects === 0));
  assertEquals(client.counts.remoteObjects, kept.length);
  await root.callRemote("hold", kept);
});

Deno.test("RemoteReference that arrives again during garbage collection is valid", async () => {
  class Holder extends Things {
    readonly thing = new Referenceable();
    override remote_thing(): Referenceable {
      return this.thing;
    }
    remote_isThing(thing: unknown): boolean {
      return thing === this.thing;
    }
  }
  await using pair = await testPair(new Holder());
  const root = pair.client.root();
  const fetchAndCollect = async () => {
    const [thing] = await Promise.all([root.callRemote("thing"), collectGarbage()]);
    assertEquals(await root.callRemote("isThing", thing), true);
  };
  for (let round = 0; round < 2; round++) await fetchAndCollect();
  assert(await collectUntil(() => pair.server.counts.localObjects === 1));
});

Deno.test("RemoteReference that is garbage collected does not remove a newer one for the same object", async () => {
  class Holder extends Things {
    readonly thing = new Referenceable();
    override remote_thing(): Referenceable {
      return this.thing;
    }
  }
  await using pair = await testPair(new Holder());
  const root = pair.client.root();
  const fetchAndForget = async () => void await root.callRemote("thing");
  await fetchAndForget();
  await settle();
  // The old one is collected here, and its finalizer runs after the new one has arrived.
  const [thing] = await Promise.all([root.callRemote("thing"), collectGarbage()]);
  assertEquals(pair.client.counts.remoteObjects, 1);
  assertStrictEquals(await root.callRemote("thing"), thing);
});

Deno.test("[Broker logoutAfterDecref] garbage collection of the reference to an avatar logs out once", async () => {
  let logouts = 0;
  const portal = new Portal({
    requestAvatar: () => [IPerspective, new Avatar(), () => void logouts++],
  });
  portal.registerChecker(new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" }));
  await using pair = await testPair(portal);
  const loginAndForget = async () => {
    await pair.client.login(new UsernamePassword("alice", "secret"));
  };
  await loginAndForget();
  assertEquals(logouts, 0);
  assert(await collectUntil(() => logouts === 1));
  assertEquals(pair.client.isClosed, false);
  assertEquals(pair.server.counts.localObjects, 1);
});

Deno.test("[Broker cache] RemoteCache is given back with all its arrivals when it is garbage collected", async () => {
  const { pair, library: { ledger } } = await library();
  await using _pair = pair;
  const useAndForget = async () => {
    const cache = await fetch(pair);
    assertStrictEquals(await fetch(pair), cache);
    ledger.add("news");
    await settle();
    assertEquals(cache.entries, ["news"]);
  };
  await useAndForget();
  assert(await collectUntil(() => pair.server.counts.cachedObjects === 0));
  assertEquals(ledger.stopped.length, 1);
  await settle();
  assertEquals(pair.client.counts.caches, 0);
});

Deno.test("RemoteCache that is reachable is not given back by garbage collections", async () => {
  const { pair, library: { ledger } } = await library();
  await using _pair = pair;
  const cache = await fetch(pair);
  for (let round = 0; round < 2; round++) {
    await collectGarbage();
    ledger.add(round);
    await settle();
  }
  await collectGarbage();
  assertEquals(cache.entries, [0, 1]);
  assertEquals(ledger.stopped, []);
  assertStrictEquals(await fetch(pair), cache);
});

Deno.test("RemoteCache misses no update while it is collected, released and fetched at random", async () => {
  const { pair, library: { ledger } } = await library();
  await using _pair = pair;
  let next = 1;
  const random = (below: number) => {
    next = (next * 48271) % 0x7fffffff;
    return next % below;
  };
  const useFor = async (updates: number, release: boolean) => {
    const cache = await fetch(pair);
    for (let left = updates; left !== 0; left--) ledger.add(ledger.entries.length);
    if (random(2) === 0) await settle();
    if (release) cache.release();
  };
  const useTwice = async () => {
    await useFor(random(3), random(3) === 0);
    const [cache] = await Promise.all([fetch(pair), useFor(random(3), random(2) === 0)]);
    if (!cache.isLive) return;
    await settle();
    assertEquals(cache.entries, ledger.entries);
  };
  for (let round = 0; round < 100; round++) {
    await useTwice();
    if (round % 25 === 0) await collectGarbage();
  }
  assert(await collectUntil(() => pair.server.counts.cachedObjects === 0));
  await settle();
  assertEquals(pair.client.counts.caches, 0);
  assertEquals(ledger.observers, []);
});

Deno.test("Avatar that keeps a reference of its user is garbage collected after the logout", async () => {
  let avatars = 0;
  let collected = 0;
  const registry = new FinalizationRegistry(() => collected++);
  class User extends Avatar {
    kept: unknown;
    perspective_keep(reference: RemoteReference): void {
      this.kept = reference;
    }
  }
  const realm = {
    requestAvatar() {
      const user = new User();
      registry.register(user, ++avatars);
      return [IPerspective, user, () => {}] as const;
    },
  };
  const portal = new Portal(realm, [new AllowAnonymousAccess()]);
  await using pair = await connectPair(portal, {
    server: { login: { mechanisms: ["ANONYMOUS"] } },
  });
  for (let i = 0; i < 10; i++) {
    using user = await pair.client.login<User>(new Anonymous());
    await user.callRemote("keep", new Referenceable() as never);
  }
  assertEquals(avatars, 10);
  // The last one may still be reachable from a stack.
  assert(await collectUntil(() => collected >= 9));
  assert(await collectUntil(() => pair.server.counts.remoteObjects <= 1));
});

Deno.test("RemoteReference is collected soon enough for any number of arrivals, even with a large heap", async () => {
  // The garbage collector rarely runs on a large heap. Unless the broker asks for it, more than a
  // thousand references gather, which exceeds the default limit of the other end.
  const heap = Array.from({ length: 1_000_000 }, (_, id) => ({ id }));
  await using pair = await testPair(new Things());
  const root = pair.client.root();
  const work = async () => {
    for (let round = 0; round < 300; round++) {
      const thing = await root.callRemote("thing") as RemoteReference;
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
      assertEquals(thing.isReleased, false);
    }
  };
  await Promise.all(Array.from({ length: 10 }, work));
  assertEquals(heap.length, 1_000_000);
});

Deno.test("RemoteCache is collected soon enough for any number of arrivals, even with a large heap", async () => {
  const heap = Array.from({ length: 1_000_000 }, (_, id) => ({ id }));
  class Ledgers extends Root {
    remote_ledger(): Ledger {
      return new Ledger();
    }
  }
  const registry = flavorRegistry();
  await using pair = await testPair(new Ledgers(), { client: { registry }, server: { registry } });
  const root = pair.client.root();
  for (let count = 0; count < 1500; count++) {
    assertInstanceOf(await root.callRemote("ledger"), LedgerCache);
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
  assertEquals(heap.length, 1_000_000);
});

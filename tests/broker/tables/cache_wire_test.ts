// The life of a cache, message by message, with a peer that sends whatever a test wants.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { ProtocolError, Referenceable, type RemoteReference } from "@perspective/broker/broker";
import { JellyError } from "@perspective/broker/jelly";
import "../../proto.ts";
import { flavorRegistry, LedgerCache, Library } from "../flavor_classes.ts";
import { collectUntil } from "../gc.ts";
import { settle, testPair } from "../pair.ts";
import {
  failureIn,
  rawClient,
  type RawPair,
  type RawPeer,
  rawServer,
  type Said,
} from "../raw_peer.ts";

const NO_ARGS = [["tuple"], ["dictionary"]] as const;

/** The first arrival of a ledger. */
function state(luid: number, ...entries: number[]): Said {
  return ["interop.Ledger", luid, ["dictionary", [["unicode", "entries"], ["list", ...entries]]]];
}

/** An update. */
function added(id: number, luid: number | string, entry: number): Said {
  return ["cachemessage", id, luid, "added", 1, ["tuple", entry], ["dictionary"]];
}

function client(): Promise<RawPair> {
  return rawServer({ registry: flavorRegistry() });
}

/** Lets the client make a call, and sends the server's answer. */
async function fetch({ broker, peer }: RawPair, value: Said): Promise<unknown> {
  const call = broker.root().callRemote("ledger");
  const [, id] = await peer.hear() as unknown[];
  await peer.say(["answer", id, value]);
  return await call;
}

async function fetchCache(pair: RawPair, value: Said): Promise<LedgerCache> {
  const cache = await fetch(pair, value);
  assertInstanceOf(cache, LedgerCache);
  return cache;
}

// The broker under test has the cache.

Deno.test("RemoteCache.release() sends one decache for each arrival, and uncache removes the cache", async () => {
  await using pair = await client();
  const { peer, broker } = pair;
  const cache = await fetchCache(pair, state(5));
  for (let again = 0; again < 3; again++) {
    assertStrictEquals(await fetch(pair, ["cached", 5]), cache);
  }
  cache.release();
  for (let again = 0; again < 4; again++) assertEquals(await peer.hear(), ["decache", 5]);
  assertEquals(broker.counts.caches, 1);
  await peer.say(["uncache", 5]);
  await settle();
  assertEquals(broker.counts.caches, 0);
});

Deno.test("RemoteCache that arrives between decache and uncache is live again, with updates from in between", async () => {
  await using pair = await client();
  const { peer, broker } = pair;
  const cache = await fetchCache(pair, state(5, 1));
  cache.release();
  assertEquals(await peer.hear(), ["decache", 5]);
  assertEquals(await peer.ask(added(1, 5, 2)), ["answer", 1, 2]);
  assertStrictEquals(await fetch(pair, ["cached", 5]), cache);
  assert(cache.isLive);
  assertEquals(await peer.ask(added(2, 5, 3)), ["answer", 2, 3]);
  assertEquals(cache.entries, [1, 2, 3]);
  // The other end has counted two uses and got one decache, so it sends no uncache.
  cache.release();
  assertEquals(await peer.hear(), ["decache", 5]);
  await peer.say(["uncache", 5]);
  await settle();
  assertEquals(broker.counts.caches, 0);
  assert(!cache.isLive);
});

Deno.test("RemoteCache that arrives after uncache is a new object", async () => {
  await using pair = await client();
  const first = await fetchCache(pair, state(5));
  first.release();
  assertEquals(await pair.peer.hear(), ["decache", 5]);
  await pair.peer.say(["uncache", 5]);
  const second = await fetchCache(pair, state(6, 1));
  assert(first !== second);
  assertEquals(await pair.peer.ask(added(1, 6, 2)), ["answer", 1, 2]);
  assertEquals([first.entries, second.entries], [[], [1, 2]]);
});

/** Fetches a cache twice, lets it be garbage collected, and reads its two decaches. */
async function collected(pair: RawPair): Promise<void> {
  const fetchAndForget = async () => {
    const cache = await fetchCache(pair, state(5, 1));
    assertStrictEquals(await fetch(pair, ["cached", 5]), cache);
    Object.assign(cache, { note: "kept" });
  };
  await fetchAndForget();
  const heard: unknown[] = [];
  const hear = (async () => {
    for (let times = 0; times < 2; times++) heard.push(await pair.peer.hear());
  })();
  assert(await collectUntil(() => heard.length === 2));
  await hear;
  assertEquals(heard, [["decache", 5], ["decache", 5]]);
}

Deno.test("RemoteCache that is garbage collected sends decache, and uncache removes it", async () => {
  await using pair = await client();
  await collected(pair);
  assertEquals(pair.broker.counts.caches, 1);
  await pair.peer.say(["uncache", 5]);
  await settle();
  assertEquals(pair.broker.counts.caches, 0);
});

Deno.test("RemoteCache that arrives after it was garbage collected has its state, with updates from in between", async () => {
  await using pair = await client();
  const { peer } = pair;
  await collected(pair);
  assertEquals(await peer.ask(added(1, 5, 2)), ["answer", 1, 2]);
  const cache = await fetchCache(pair, ["cached", 5]);
  assertEquals(cache.entries, [1, 2]);
  assertEquals(Reflect.get(cache, "note"), "kept");
  assert(cache.isLive);
  assertEquals(await peer.ask(added(2, 5, 3)), ["answer", 2, 3]);
  assertEquals(cache.entries, [1, 2, 3]);
  cache.release();
  assertEquals(await peer.hear(), ["decache", 5]);
  await peer.say(["uncache", 5]);
});

Deno.test("RemoteCache that arrived after it was garbage collected can be collected again", async () => {
  await using pair = await client();
  await collected(pair);
  const takeUp = async () => {
    assertEquals((await fetchCache(pair, ["cached", 5])).entries, [1]);
  };
  await takeUp();
  let heard: unknown;
  const hear = pair.peer.hear().then((one) => heard = one);
  assert(await collectUntil(() => heard !== undefined));
  await hear;
  assertEquals(heard, ["decache", 5]);
});

Deno.test("RemoteCache.keepState() and restoreState() carry private fields over, and undefined prevents collection", async () => {
  class Private extends LedgerCache {
    #count = 0;
    onChange = () => this.#count;
    static keeps = true;
    override observe_added(entry: unknown): number {
      super.observe_added(entry);
      return this.#count += 100;
    }
    override keepState(): unknown {
      return Private.keeps ? [super.keepState(), this.#count] : undefined;
    }
    override restoreState(state: unknown): void {
      const [fields, count] = state as [unknown, number];
      super.restoreState(fields);
      this.#count = count;
    }
  }
  const registry = flavorRegistry();
  registry.setUnjellyableForClass("interop.Ledger", Private);
  await using pair = await rawServer({ registry });
  const { peer } = pair;
  const heard: unknown[] = [];
  const useAndForget = async () => {
    await fetch(pair, state(5));
    await peer.ask(added(1, 5, 1));
  };
  await useAndForget();
  const hear = peer.hear().then((one) => heard.push(one));
  assert(await collectUntil(() => heard.length === 1));
  await hear;
  const cache = await fetch(pair, ["cached", 5]) as Private;
  assertEquals(cache.onChange(), 100);
  assertEquals(await peer.ask(added(2, 5, 1)), ["answer", 2, 200]);

  Private.keeps = false;
  cache.release();
  assertEquals(await peer.hear(), ["decache", 5]);
  await peer.say(["uncache", 5]);
  await useAndForgetAnother(pair);
  assertEquals(pair.broker.counts.caches, 1);
});

/** Fetches a cache that must not be collected, and checks that no decache comes. */
async function useAndForgetAnother(pair: RawPair): Promise<void> {
  await fetch(pair, state(6));
  let collections = 3;
  await collectUntil(() => collections-- === 0);
  assertEquals(await pair.peer.ask(added(3, 6, 1)), ["answer", 3, 100]);
}

Deno.test("RemoteCache in use is no longer live after uncache", async () => {
  await using pair = await client();
  const cache = await fetchCache(pair, state(5, 1));
  await pair.peer.say(["uncache", 5]);
  await settle();
  assertEquals([cache.isLive, cache.entries, pair.broker.counts.caches], [false, [1], 0]);
  cache.release();
  await assertRejects(() => pair.broker.root().callRemote("x", cache), JellyError, "released");
  // It may even come again under its number.
  const again = await fetchCache(pair, state(5, 2));
  assert(again !== cache);
  cache.release();
  assert(again.isLive);
});

// Bad input to the broker that has the cache.

for (const luid of [5, 0, -1, "root", "x", 2 ** 40]) {
  Deno.test(`Broker closes only the one connection after uncache of the unknown number ${luid}`, async () => {
    await using other = await client();
    const cache = await fetchCache(other, state(5));
    await using pair = await client();
    await pair.peer.say(["uncache", luid]);
    assertInstanceOf(await pair.broker.closed, ProtocolError);
    assert(cache.isLive);
    assertEquals(await other.peer.ask(added(1, 5, 1)), ["answer", 1, 1]);
  });
}

Deno.test("Broker closes the connection after a second uncache", async () => {
  await using pair = await client();
  await fetchCache(pair, state(5));
  await pair.peer.say(["uncache", 5], ["uncache", 5]);
  assertInstanceOf(await pair.broker.closed, ProtocolError);
});

Deno.test("callRemote() rejects for a cached object with an unknown number, and gives it back", async () => {
  await using pair = await client();
  const error = await assertRejects(() => fetch(pair, ["cached", 7]), JellyError);
  assertEquals(error.message, "Cannot receive cache 7: nothing came under this number");
  assertEquals(await pair.peer.hear(), ["decache", 7]);
  for (const value of [["cached", "root"], ["cached", 1.5], ["cached"], ["cached", ["list"]]]) {
    await assertRejects(() => fetch(pair, value), JellyError);
  }
  assertEquals((await fetchCache(pair, state(5))).isLive, true);
});

Deno.test("callRemote() rejects for a first copy under a number in use, and the existing cache is unchanged", async () => {
  await using pair = await client();
  const cache = await fetchCache(pair, state(5, 1));
  await assertRejects(() => fetch(pair, state(5, 2)), JellyError, "in use");
  for (const luid of ["root", "5"]) {
    const bad = ["interop.Ledger", luid, ["dictionary"]];
    await assertRejects(() => fetch(pair, bad), JellyError, "no number");
  }
  assertEquals(await pair.peer.ask(added(1, 5, 2)), ["answer", 1, 2]);
  assertEquals(cache.entries, [1, 2]);
});

Deno.test("Broker gives back a first copy that cannot be read, and ignores its updates", async () => {
  await using pair = await client();
  const bad = ["interop.Ledger", 5, ["dictionary", [["unicode", "observe_added"], 1]]];
  await assertRejects(() => fetch(pair, bad), JellyError, "observe_added");
  assertEquals(await pair.peer.hear(), ["decache", 5]);
  assertEquals(await pair.peer.ask(added(1, 5, 1)), ["answer", 1, ["None"]]);
  await assertRejects(() => fetch(pair, ["cached", 5]), JellyError, "could not be read");
  assertEquals(await pair.peer.hear(), ["decache", 5]);
  await pair.peer.say(["uncache", 5]);
  await settle();
  assertEquals(pair.broker.counts.caches, 0);
});

Deno.test("Broker answers a cachemessage for a number that is not a cache of its connection with an error", async () => {
  await using other = await client();
  await fetchCache(other, state(8));
  await using pair = await client();
  const cache = await fetchCache(pair, state(5));
  // A local object has the number 1.
  const call = pair.broker.root().callRemote("take", new Referenceable());
  assertEquals(await pair.peer.hear(), [
    "message",
    2,
    "root",
    "take",
    1,
    ["tuple", ["remote", 1]],
    ["dictionary"],
  ]);
  await pair.peer.say(["answer", 2, ["None"]]);
  await call;
  for (const luid of [1, 8, 0, -5, "root", "5"]) {
    const fields = failureIn(await pair.peer.ask(added(1, luid, 1)));
    assertEquals([fields.type, fields.value], ["twisted.spread.pb.Error", "Invalid Object ID"]);
  }
  assertEquals(await pair.peer.ask(added(2, 5, 1)), ["answer", 2, 1]);
  assertEquals(cache.entries, [1]);
  assertEquals(pair.log, []);
});

Deno.test("Broker answers a message to a cache's number with an error", async () => {
  await using pair = await client();
  await fetchCache(pair, state(5));
  const fields = failureIn(await pair.peer.ask(["message", 1, 5, "added", 1, ...NO_ARGS]));
  assertEquals(fields.value, "Invalid Object ID");
});

Deno.test("Broker does not reach methods of Object.prototype by a cachemessage", async () => {
  const evil = "observe_evil";
  Object.defineProperty(Object.prototype, evil, { value: () => "reached", configurable: true });
  try {
    await using pair = await client();
    await fetchCache(pair, state(5));
    for (const name of ["evil", "toString", "__proto__", "constructor", "_", ""]) {
      const message: Said = ["cachemessage", 1, 5, name, 1, ...NO_ARGS];
      const fields = failureIn(await pair.peer.ask(message));
      assertEquals(fields.type, "twisted.spread.flavors.NoSuchMethod");
    }
  } finally {
    Reflect.deleteProperty(Object.prototype, evil);
  }
});

Deno.test("RemoteCache treats its state as data, and refuses to replace methods", async () => {
  await using pair = await client();
  const fields = ["__proto__", "constructor", "then", "toJSON"].map((
    name,
  ) => [["unicode", name], ["dictionary"]]);
  const cache = await fetchCache(pair, ["interop.Ledger", 5, ["dictionary", ...fields]]);
  const revived = new LedgerCache();
  revived.restoreState(cache.keepState());
  for (const one of [cache, revived]) {
    assertStrictEquals(Object.getPrototypeOf(one), LedgerCache.prototype);
    assertEquals(Object.getOwnPropertyDescriptor(one, "__proto__")?.value, {});
  }
  assertEquals(await pair.peer.ask(added(1, 5, 1)), ["answer", 1, 1]);
  for (const name of ["release", "observe_added", "isLive", "unjellyFor", "keepState"]) {
    const bad = ["interop.Ledger", 6, ["dictionary", [["unicode", name], 1]]];
    await assertRejects(() => fetch(pair, bad), JellyError, name);
    assertEquals(await pair.peer.hear(), ["decache", 6]);
    await pair.peer.say(["uncache", 6]);
  }
});

// The broker under test has the object.

/** Starts a library; `check` shows that another client can still use it. */
async function server(): Promise<{ library: Library; pair: RawPair; check: () => Promise<void> }> {
  const library = new Library();
  const pair = await rawClient(library, { registry: flavorRegistry() });
  return {
    library,
    pair,
    async check() {
      await using other = await testPair(library, { client: { registry: flavorRegistry() } });
      const cache = await other.client.root().callRemote("ledger") as LedgerCache;
      library.ledger.add("safe");
      await settle();
      assertEquals(cache.entries.at(-1), "safe");
    },
  };
}

function ask(peer: RawPeer, id: number, ...args: unknown[]): Promise<unknown> {
  const method = args.length === 0 ? "ledger" : "isLedger";
  return peer.ask(["message", id, "root", method, 1, ["tuple", ...args], ["dictionary"]]);
}

const first = (id: number, luid: number) => ["answer", id, state(luid)];

Deno.test("Cacheable is sent as state once, then as its number until all uses are given back", async () => {
  const { library, pair } = await server();
  await using _pair = pair;
  const { peer } = pair;
  assertEquals(await ask(peer, 1), first(1, 1));
  assertEquals(await ask(peer, 2), ["answer", 2, ["cached", 1]]);
  assertEquals(await ask(peer, 3, ["lcache", 1]), ["answer", 3, ["boolean", "true"]]);
  await peer.say(["decache", 1]);
  assertEquals(await ask(peer, 4), ["answer", 4, ["cached", 1]]);
  await peer.say(["decache", 1]);
  assertEquals(library.ledger.stopped.length, 0);
  assertEquals(await peer.ask(["decache", 1]), ["uncache", 1]);
  assertEquals(library.ledger.stopped.length, 1);
  assertEquals(await ask(peer, 5), first(5, 2));
  assertEquals(pair.broker.counts.cachedObjects, 1);
});

Deno.test("Cacheable keeps its number when it is fetched before the last decache, and gets a new one afterwards", async () => {
  const { library, pair } = await server();
  await using _pair = pair;
  const { peer } = pair;
  const call = (id: number) => ["message", id, "root", "ledger", 1, ...NO_ARGS];
  assertEquals(await ask(peer, 1), first(1, 1));
  // Both messages in one packet, in either order.
  await peer.say(call(2), ["decache", 1]);
  assertEquals(await peer.hear(), ["answer", 2, ["cached", 1]]);
  assertEquals(library.ledger.stopped, []);
  await peer.say(["decache", 1], call(3));
  assertEquals(await peer.hear(), ["uncache", 1]);
  assertEquals(await peer.hear(), first(3, 2));
  assertEquals(library.ledger.stopped.length, 1);
  // An update uses the current number.
  library.ledger.add("news");
  const [word, , luid] = await peer.hear() as unknown[];
  assertEquals([word, luid], ["cachemessage", 2]);
});

for (const luid of [1, 99, 0, -1, "root"]) {
  Deno.test(`Broker closes only the one connection after decache of ${luid}, which is not a cache of the peer`, async () => {
    const { library, pair, check } = await server();
    await using _pair = pair;
    // Number 1 is a reference.
    library.remote_ledger = () => new Referenceable();
    assertEquals(await ask(pair.peer, 1), ["answer", 1, ["remote", 1]]);
    await pair.peer.say(["decache", luid]);
    assertInstanceOf(await pair.broker.closed, ProtocolError);
    library.remote_ledger = () => library.ledger;
    await check();
  });
}

Deno.test("Broker closes the connection after one decache too many, and stoppedObserving() was called once", async () => {
  const { library, pair, check } = await server();
  await using _pair = pair;
  await ask(pair.peer, 1);
  await pair.peer.say(["decache", 1], ["decache", 1]);
  assertInstanceOf(await pair.broker.closed, ProtocolError);
  assertEquals(library.ledger.stopped.length, 1);
  await check();
});

Deno.test("Broker answers an lcache of a number that is not a cache of its connection with an error", async () => {
  const { library, pair, check } = await server();
  await using _pair = pair;
  await using other = await rawClient(library, { registry: flavorRegistry() });
  await ask(other.peer, 1);
  await ask(other.peer, 2);
  for (const luid of [1, 99, 0, -1, "root", 1.5]) {
    const fields = failureIn(await ask(pair.peer, 1, ["lcache", luid]));
    assert(String(fields.value).startsWith("Cannot re"), String(fields.value));
  }
  assertEquals(await ask(pair.peer, 2), first(2, 1));
  await check();
});

Deno.test("Broker does not accept a cache's number in message, local and decref", async () => {
  const { pair, check } = await server();
  await using _pair = pair;
  await ask(pair.peer, 1);
  const call: Said = ["message", 2, 1, "add", 1, ["tuple", 1], ["dictionary"]];
  assertEquals(failureIn(await pair.peer.ask(call)).value, "Invalid Object ID");
  const local = failureIn(await ask(pair.peer, 3, ["local", 1]));
  assert(String(local.value).startsWith("Cannot receive local object 1"));
  await pair.peer.say(["decref", 1]);
  assertInstanceOf(await pair.broker.closed, ProtocolError);
  await check();
});

for (
  const { name, luid } of [
    { name: "an unknown number", luid: 99 },
    { name: "the root", luid: "root" },
    { name: "a reference one time too many", luid: 1 },
  ]
) {
  Deno.test(`Broker closes only the one connection after decref of ${name}`, async () => {
    const { library, pair, check } = await server();
    await using _pair = pair;
    library.remote_ledger = () => new Referenceable();
    await ask(pair.peer, 1);
    if (luid === 1) await pair.peer.say(["decref", 1]);
    await pair.peer.say(["decref", luid]);
    assertInstanceOf(await pair.broker.closed, ProtocolError);
    library.remote_ledger = () => library.ledger;
    await check();
  });
}

Deno.test("Broker ends the observation after a decache that was sent before the first copy arrived", async () => {
  const { library, pair } = await server();
  await using _pair = pair;
  const call: Said = ["message", 1, "root", "ledger", 1, ...NO_ARGS];
  await pair.peer.say(call, ["decache", 1]);
  assertEquals(await pair.peer.hear(), first(1, 1));
  assertEquals(await pair.peer.hear(), ["uncache", 1]);
  assertEquals(library.ledger.stopped.length, 1);
  library.ledger.add("nobody hears");
});

Deno.test("RemoteReference in an update of a cache can be released", async () => {
  await using pair = await client();
  const cache = await fetchCache(pair, state(5));
  const message = ["cachemessage", 1, 5, "added", 0, ["tuple", ["remote", 3]], ["dictionary"]];
  await pair.peer.say(message);
  await settle();
  (cache.entries[0] as RemoteReference).release();
  assertEquals(await pair.peer.hear(), ["decref", 3]);
});

Deno.test("RemoteCache whose first copy came behind a part that could not be read is given back, and may come again", async () => {
  await using pair = await client();
  const { peer, broker } = pair;
  const unread: Said = ["list", ["local", 55], state(5, 1), ["list", state(6)]];
  await assertRejects(() => fetch(pair, unread), JellyError);
  assertEquals([await peer.hear(), await peer.hear()], [["decache", 5], ["decache", 6]]);
  // Until the peer has learned of this, it may still send updates and mention it.
  assertEquals(await peer.ask(added(3, 5, 2)), ["answer", 3, ["None"]]);
  await assertRejects(() => fetch(pair, ["cached", 5]), JellyError, "state could not be read");
  assertEquals(await peer.hear(), ["decache", 5]);
  await peer.say(["uncache", 5], ["uncache", 6]);
  const cache = await fetchCache(pair, state(7, 1));
  assertEquals([cache.entries, broker.counts.caches], [[1], 1]);
  // A number that is in use is not taken away.
  await assertRejects(() => fetch(pair, ["list", ["local", 55], state(7)]), JellyError);
  assertEquals([cache.isLive, broker.counts.caches], [true, 1]);
});

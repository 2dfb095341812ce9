import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  Cacheable,
  DeadReferenceError,
  LimitError,
  NoSuchMethod,
  Referenceable,
  RemoteCache,
  RemoteCacheObserver,
  RemoteError,
  type RemoteReference,
  Root,
} from "@perspective/broker/broker";
import { JellyError } from "@perspective/broker/jelly";
import { flavorRegistry, Ledger, LedgerCache, Library } from "../flavor_classes.ts";
import { settle, type TestPair, testPair } from "../pair.ts";

/** Connects a library and a client that knows its classes. */
async function connected(
  library: Root = new Library(),
  limits: { server?: object; client?: object } = {},
): Promise<TestPair> {
  return await testPair(library, {
    server: { registry: flavorRegistry(), limits: limits.server ?? {} },
    client: { registry: flavorRegistry(), limits: limits.client ?? {} },
  });
}

async function fetch(pair: TestPair): Promise<LedgerCache> {
  const ledger = await pair.client.root().callRemote("ledger");
  assertInstanceOf(ledger, LedgerCache);
  return ledger;
}

Deno.test("[Broker cache] RemoteCache gets state and updates, is sent back as the object, and leaves empty tables when released", async () => {
  const library = new Library();
  library.ledger.add("first");
  await using pair = await connected(library);
  const root = pair.client.root();
  const ledger = await fetch(pair);
  assertEquals(ledger.entries, ["first"]);
  library.ledger.add("second");
  await settle();
  assertEquals(ledger.entries, ["first", "second"]);
  assertStrictEquals(await root.callRemote("ledger"), ledger);
  assertEquals(await root.callRemote("isLedger", ledger), true);
  assertEquals([pair.server.counts.cachedObjects, pair.client.counts.caches], [1, 1]);
  const [observer] = library.ledger.observers;

  ledger.release();
  await settle();
  assertEquals([pair.server.counts.cachedObjects, pair.client.counts.caches], [0, 0]);
  assertStrictEquals(library.ledger.stopped[0], observer);
  assertEquals(library.ledger.stopped.length, 1);
  library.ledger.add("unseen");
  await settle();
  assertEquals(ledger.entries.length, 2);
});

Deno.test("[Broker NewStyleCached.newStyleCache] RemoteCache that is fetched twice is one live object", async () => {
  await using pair = await connected();
  const first = await fetch(pair);
  const second = await fetch(pair);
  assertStrictEquals(first, second);
  assert(first.isLive);
});

Deno.test("RemoteCache that occurs several times in one message is one object, and is released once per place", async () => {
  class Pairs extends Library {
    remote_both(): unknown[] {
      return [this.ledger, this.ledger, { again: this.ledger }];
    }
  }
  const library = new Pairs();
  await using pair = await connected(library);
  const [first, second, { again }] = await pair.client.root().callRemote("both") as [
    LedgerCache,
    LedgerCache,
    { again: LedgerCache },
  ];
  assertStrictEquals(first, second);
  assertStrictEquals(first, again);
  const more = await pair.client.root().callRemote("both") as LedgerCache[];
  assertStrictEquals(more[1], first);
  first.release();
  await settle();
  assertEquals(library.ledger.stopped.length, 1);
});

Deno.test("RemoteCache may contain itself", async () => {
  class Circle extends Cacheable {
    static readonly jellyName = "interop.Ledger";
    readonly entries: unknown[] = [this];
  }
  class Circles extends Root {
    remote_ledger(): unknown {
      return new Circle();
    }
  }
  await using pair = await connected(new Circles());
  const circle = await fetch(pair);
  assertStrictEquals(circle.entries[0], circle);
});

// Observers.

Deno.test("RemoteCacheObserver.equals() is true for another observer of the same observation", async () => {
  const library = new Library();
  await using pair = await connected(library);
  await fetch(pair);
  const [observer] = library.ledger.observers;
  const same = new RemoteCacheObserver(pair.server, library.ledger, null);
  assert(observer!.equals(same));
  assert(!observer!.equals(new RemoteCacheObserver(pair.server, new Ledger(), null)));
  assert(!observer!.equals(library.ledger));
  assertEquals(await same.callRemote("added", "by hand"), 1);
  assert(observer!.remoteMethod("added").equals(same.remoteMethod("added")));
  assertEquals(await observer!.remoteMethod("added").call("by method"), 2);
});

Deno.test("RemoteCacheObserver.callRemote() resolves with the cache's answer, or rejects with the reason", async () => {
  const library = new Library();
  const pair = await connected(library);
  const ledger = await fetch(pair);
  const observer = library.ledger.observers[0]!;
  assertEquals(await observer.callRemote("added", 1), 1);
  for (const name of ["nothing", "constructor", "toString", "__proto__", ""]) {
    await assertRejects(() => observer.callRemote(name), NoSuchMethod);
  }
  await assertRejects(() => observer.callRemote("added", () => {}), JellyError, "args[0]");
  assertEquals(ledger.entries, [1]);
  ledger.release();
  await settle();
  await assertRejects(
    () => observer.callRemote("added", 2),
    DeadReferenceError,
    "has no cache of it",
  );
  assertEquals(pair.serverLog.length, 6);
  await pair[Symbol.asyncDispose]();
  await assertRejects(() => observer.callRemote("added", 3), DeadReferenceError, "closed");
});

Deno.test("RemoteCacheObserver.callRemote() causes no unhandled rejection when the connection is lost", async () => {
  const library = new Library();
  const pair = await connected(library);
  await fetch(pair);
  const observer = library.ledger.observers[0]!;
  observer.callRemote("added", 1);
  await pair[Symbol.asyncDispose]();
  observer.callRemote("added", 2);
  await settle();
  assertEquals(pair.serverLog, []);
});

Deno.test("RemoteCacheObserver.callRemote() while the state is written sends its update after the state", async () => {
  class Busy extends Ledger {
    static override readonly jellyName = Ledger.jellyName;
    override getStateToCacheAndObserveFor(who: object | null, observer: RemoteCacheObserver) {
      const state = super.getStateToCacheAndObserveFor(who, observer);
      this.add("meanwhile");
      return state;
    }
  }
  class Busies extends Library {
    override readonly ledger = new Busy();
  }
  await using pair = await connected(new Busies());
  const ledger = await fetch(pair);
  await settle();
  assertEquals(ledger.entries, ["meanwhile"]);
});

Deno.test("Cacheable has an observer for each connection, and updates all of them", async () => {
  const library = new Library();
  await using first = await connected(library);
  await using second = await connected(library);
  const ledgers = [await fetch(first), await fetch(second)];
  assertEquals(library.ledger.observers.length, 2);
  library.ledger.add("news");
  await settle();
  assertEquals(ledgers.map(({ entries }) => entries), [["news"], ["news"]]);
  ledgers[0]!.release();
  await settle();
  assertStrictEquals(library.ledger.observers[0]!.broker, second.server);
});

Deno.test("Cacheable has a cache with a state of its own for each perspective of one connection", async () => {
  const shown = new Map<object | null, string>();
  class Secret extends Cacheable {
    static readonly jellyName = "interop.Ledger";
    readonly stopped: (object | null)[] = [];
    override getStateToCopyFor(perspective: object | null): unknown {
      return { entries: [shown.get(perspective)] };
    }
    override stoppedObserving(perspective: object | null): void {
      this.stopped.push(perspective);
    }
  }
  const secret = new Secret();
  class Viewer extends Root {
    override readonly perspective = this;
    remote_ledger(): unknown {
      return secret;
    }
    remote_isLedger(other: unknown): boolean {
      return other === secret;
    }
  }
  const viewers = [new Viewer(), new Viewer()];
  class Viewers extends Root {
    remote_viewers(): unknown {
      return viewers;
    }
    remote_send(to: RemoteReference): Promise<unknown> {
      return to.callRemote("take", secret);
    }
  }
  shown.set(viewers[0]!, "for one").set(viewers[1]!, "for two");
  await using pair = await connected(new Viewers());
  const references = await pair.client.root().callRemote("viewers") as RemoteReference[];
  const caches: LedgerCache[] = [];
  for (const reference of references) {
    caches.push(await reference.callRemote("ledger") as LedgerCache);
  }
  assertEquals(caches.map(({ entries }) => entries), [["for one"], ["for two"]]);
  assert(caches[0] !== caches[1]);
  assertStrictEquals(await references[1]!.callRemote("ledger"), caches[1]);
  for (const cache of caches) {
    assertEquals(await references[0]!.callRemote("isLedger", cache), true);
  }
  // Without a perspective, the existing cache is sent again.
  class Nobody extends Referenceable {
    got: unknown;
    remote_take(value: unknown): void {
      this.got = value;
    }
  }
  const nobody = new Nobody();
  await pair.client.root().callRemote("send", nobody);
  assertStrictEquals(nobody.got, caches[0]);
  caches[1]!.release();
  await settle();
  assertEquals(secret.stopped, viewers.slice(1));
  assertEquals(pair.server.counts.cachedObjects, 1);
});

// All ways in which an observation can end.

Deno.test("stoppedObserving() is called once for each observer when its connection is lost", async () => {
  const library = new Library();
  const pair = await connected(library);
  const other = await connected(library);
  await fetch(pair);
  await fetch(other);
  const [first] = library.ledger.observers;
  await pair.client.close();
  await pair.server.closed;
  assertEquals(library.ledger.stopped, [first]);
  await pair[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  assertEquals(library.ledger.stopped.length, 2);
});

Deno.test("stoppedObserving() is called once when the message with the first copy cannot be sent", async () => {
  class Sealed extends Library {
    remote_sealed(): unknown {
      return [this.ledger, { open: () => {} }];
    }
    remote_twice(): unknown {
      return [this.ledger, this.ledger, Symbol("not sendable")];
    }
  }
  const library = new Sealed();
  await using pair = await connected(library);
  const root = pair.client.root();
  await assertRejects(() => root.callRemote("sealed"), RemoteError, "result[1].open");
  assertEquals(library.ledger.stopped.length, 1);
  assertEquals(pair.server.counts.cachedObjects, 0);
  await assertRejects(() => library.ledger.stopped[0]!.callRemote("added"), DeadReferenceError);

  // An object that the peer already has keeps its count.
  const ledger = await fetch(pair);
  await assertRejects(() => root.callRemote("twice"), RemoteError, "result[2]");
  assertEquals(library.ledger.stopped.length, 1);
  ledger.release();
  await settle();
  assertEquals(library.ledger.stopped.length, 2);
  assertEquals(pair.server.counts.cachedObjects, 0);
});

Deno.test("stoppedObserving() is not called when getStateToCacheAndObserveFor() throws", async () => {
  class Private extends Ledger {
    static override readonly jellyName = Ledger.jellyName;
    override getStateToCacheAndObserveFor(): never {
      throw new Error("not for you");
    }
  }
  class Privates extends Library {
    override readonly ledger = new Private();
  }
  const library = new Privates();
  await using pair = await connected(library);
  await assertRejects(() => fetch(pair), RemoteError, "not for you");
  assertEquals(library.ledger.stopped, []);
  // A ledger throws in stoppedObserving() for an observer that it does not know.
  assertEquals(pair.serverLog.filter(({ event }) => event === "callbackFailed"), []);
  assertEquals(pair.server.counts.cachedObjects, 0);
});

Deno.test("stoppedObserving() that throws is logged, and the others are still called", async () => {
  class Bad extends Ledger {
    static override readonly jellyName = Ledger.jellyName;
    override stoppedObserving(): never {
      throw new Error("on purpose");
    }
  }
  class Both extends Library {
    remote_both(): unknown {
      return [new Bad(), this.ledger];
    }
  }
  const library = new Both();
  const pair = await connected(library);
  await pair.client.root().callRemote("both");
  await pair[Symbol.asyncDispose]();
  assertEquals(library.ledger.stopped.length, 1);
  assertEquals(pair.serverLog.length, 1);
});

Deno.test("Cacheable gets a new observer when it is fetched again after a release", async () => {
  const library = new Library();
  await using pair = await connected(library);
  for (let round = 1; round <= 3; round++) {
    using ledger = await fetch(pair);
    assertEquals(ledger.entries.length, round - 1);
    library.ledger.add(round);
    await settle();
    assertEquals(ledger.entries.length, round);
  }
  await settle();
  assertEquals(new Set(library.ledger.stopped).size, 3);
});

// Releases that cross with new arrivals and updates.

Deno.test("RemoteCache is live again when an arrival was on its way at its release", async () => {
  const library = new Library();
  await using pair = await connected(library);
  const ledger = await fetch(pair);
  const again = pair.client.root().callRemote("ledger");
  ledger.release();
  assert(!ledger.isLive);
  // The server counts the new use before the release arrives, and keeps sending updates.
  assertStrictEquals(await again, ledger);
  assert(ledger.isLive);
  library.ledger.add("after");
  await settle();
  assertEquals(ledger.entries, ["after"]);
  assertEquals(library.ledger.stopped, []);
  ledger.release();
  await settle();
  assertEquals(library.ledger.stopped.length, 1);
  assertEquals(pair.client.counts.caches, 0);
});

Deno.test("RemoteCache keeps an update that was on its way at its release if it arrives again", async () => {
  const library = new Library();
  await using pair = await connected(library);
  const ledger = await fetch(pair);
  library.ledger.add("on its way");
  const again = pair.client.root().callRemote("ledger");
  ledger.release();
  assertStrictEquals(await again, ledger);
  assertEquals(ledger.entries, ["on its way"]);
});

Deno.test("RemoteCache is a new object when it is fetched after the release arrived", async () => {
  const library = new Library();
  await using pair = await connected(library);
  const ledger = await fetch(pair);
  ledger.release();
  const again = await fetch(pair);
  assert(again !== ledger);
  library.ledger.add("new");
  await settle();
  assertEquals([ledger.entries, again.entries], [[], ["new"]]);
});

Deno.test("RemoteCache cannot be sent after release(), over another connection, or without one", async () => {
  const library = new Library();
  await using pair = await connected(library);
  await using other = await connected(library);
  const ledger = await fetch(pair);
  await assertRejects(() => other.client.root().callRemote("echo", ledger), JellyError, "args[0]");
  await assertRejects(
    () => pair.client.root().callRemote("echo", new LedgerCache()),
    JellyError,
    "only over the connection",
  );
  ledger.release();
  ledger.release();
  await assertRejects(() => pair.client.root().callRemote("echo", ledger), JellyError, "released");
});

Deno.test("RemoteCache.updatesEnded() is called once on release and on a normal close, without a reason", async () => {
  const ends: unknown[] = [];
  class Told extends LedgerCache {
    override updatesEnded(reason: Error | undefined): void {
      ends.push(reason);
    }
  }
  const library = new Library();
  const pair = await connected(library);
  pair.client.settings.registry.setUnjellyableForClass(Ledger, Told);
  (await fetch(pair)).release();
  assertEquals(ends, [undefined]);
  await fetch(pair);
  await pair[Symbol.asyncDispose]();
  assertEquals(ends, [undefined, undefined]);
});

// Limits.

Deno.test("[Broker tooManyRefs] maxReferences limits caches too, and the fourth failure closes the connection", async () => {
  class Many extends Library {
    remote_new(): unknown {
      return new Ledger();
    }
    remote_object(): unknown {
      return new Root();
    }
  }
  const pair = await connected(new Many(), { server: { maxReferences: 3 } });
  const root = pair.client.root();
  const held: unknown[] = [];
  for (let i = 0; i <= 3; i++) held.push(await root.callRemote("new"));
  for (let i = 0; i < 3; i++) held.push(await root.callRemote("object"));
  for (const method of ["new", "object", "new"]) {
    const error = await assertRejects(() => root.callRemote(method), RemoteError);
    assert(error.message.startsWith("Maximum PB"));
  }
  assertEquals(pair.client.isClosed, false);
  await assertRejects(() => root.callRemote("object"));
  const reason = await pair.server.closed;
  assertInstanceOf(reason, LimitError);
  assertEquals(reason.limit, "maxReferences");
  assertEquals(held.length, 7);
  await pair[Symbol.asyncDispose]();
});

Deno.test("maxCaches refuses further caches and gives them back, and the fourth one closes the connection", async () => {
  const made: Ledger[] = [];
  class Many extends Library {
    remote_new(): unknown {
      made.push(new Ledger());
      return made.at(-1);
    }
  }
  const pair = await connected(new Many(), { client: { maxCaches: 2 } });
  const root = pair.client.root();
  const first = await root.callRemote("new") as LedgerCache;
  await root.callRemote("new");
  for (let strike = 1; strike <= 3; strike++) {
    const error = await assertRejects(() => root.callRemote("new"), LimitError);
    assertEquals(error.limit, "maxCaches");
    await settle();
    assertEquals([pair.server.counts.cachedObjects, pair.client.counts.caches], [2, 2]);
    assertEquals(made.at(-1)!.stopped.length, 1);
  }
  first.release();
  await settle();
  await root.callRemote("new");
  await assertRejects(() => root.callRemote("new"), LimitError, "Goodbye");
  assertInstanceOf(await pair.client.closed, LimitError);
  await pair[Symbol.asyncDispose]();
});

Deno.test("RemoteCache whose state is refused fails its call, and is given back", async () => {
  class Strange extends Cacheable {
    static readonly jellyName = "interop.Ledger";
    stops = 0;
    override getStateToCopy(): unknown {
      return { observe_added: "no function" };
    }
    override stoppedObserving(): void {
      this.stops++;
    }
  }
  const strange = new Strange();
  class Stranges extends Root {
    remote_ledger(): unknown {
      return strange;
    }
  }
  await using pair = await connected(new Stranges());
  await assertRejects(() => fetch(pair), JellyError, "observe_added");
  await settle();
  assertEquals(strange.stops, 1);
  assertEquals([pair.server.counts.cachedObjects, pair.client.counts.caches], [0, 0]);
});

Deno.test("RemoteCache without a connection is not live, and can be released", () => {
  const cache = new LedgerCache();
  assertEquals(cache.isLive, false);
  cache.release();
  assertInstanceOf(cache, RemoteCache);
});

Deno.test("RemoteCacheObserver.callRemote() while an argument is written makes a call of its own after the first", async () => {
  const replies: unknown[] = [];
  class Busy extends Ledger {
    static override readonly jellyName = Ledger.jellyName;
    override getStateToCacheAndObserveFor(who: object | null, observer: RemoteCacheObserver) {
      const state = super.getStateToCacheAndObserveFor(who, observer);
      const call = observer.callRemote("added", "meanwhile");
      call.then((reply) => replies.push(reply), (error) => replies.push(error.name));
      return state;
    }
  }
  const library = new Library();
  await using pair = await connected(library);
  const root = pair.client.root();
  assertEquals(await root.callRemote("take", new Busy()), null);
  await settle();
  assertEquals([replies, (library.sent as LedgerCache).entries], [[1], ["meanwhile"]]);
  assertEquals(pair.client.counts.callsOut, 0);
  await assertRejects(() => root.callRemote("take", new Busy(), () => {}), JellyError, "args[1]");
  await settle();
  assertEquals(replies, [1, "DeadReferenceError"]);
  assertEquals(pair.client.counts.callsOut, 0);
});

// Replays recorded conversations about copies and caches with our broker at either end.

import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  Cacheable,
  Copyable,
  RemoteCache,
  type RemoteCacheObserver,
  RemoteCopy,
  Root,
} from "@perspective/broker/broker";
import { InsecureJelly, JellyRegistry } from "@perspective/broker/jelly";
import { settle } from "../pair.ts";
import { rawClient, rawServer } from "../raw_peer.ts";
import { play } from "../scenarios.ts";

class Point extends Copyable {
  static readonly jellyName = "scenarios.Point";
  constructor(public x: unknown = undefined, public y: unknown = undefined) {
    super();
  }
}

class Tagged extends Copyable {
  readonly name = "name";
  readonly secret = "secret";
  override getTypeToCopy(): string {
    return "tagged";
  }
  override getStateToCopy(): unknown {
    return { name: this.name };
  }
}

class TaggedCopy extends RemoteCopy {
  declare name: string;
}

class Unregistered extends Copyable {
  static readonly jellyName = "scenarios.Unregistered";
}

class Ledger extends Cacheable {
  static readonly jellyName = "scenarios.Ledger";
  readonly #observers = new Set<RemoteCacheObserver>();
  readonly entries = ["first"];

  override getStateToCacheAndObserveFor(_who: object | null, observer: RemoteCacheObserver) {
    this.#observers.add(observer);
    return { entries: [...this.entries] };
  }
  override stoppedObserving(_who: object | null, observer: RemoteCacheObserver): void {
    this.#observers.delete(observer);
  }
  add(entry: string): Promise<unknown> {
    this.entries.push(entry);
    return Promise.all(Array.from(this.#observers, (one) => one.callRemote("added", entry)));
  }
}

class LedgerCache extends RemoteCache {
  entries: string[] = [];
  observe_added(entry: string): number {
    return this.entries.push(entry);
  }
}

const registry = new JellyRegistry();
registry.setUnjellyableForClass(Point, Point);
registry.setUnjellyableForClass("tagged", TaggedCopy);
registry.setUnjellyableForClass(Ledger, LedgerCache);

class Service extends Root {
  readonly ledger = new Ledger();
  #fetches = 0;

  remote_copy(): Point {
    return new Point(1, "two");
  }
  remote_copies(): unknown {
    const point = new Point(1, 2);
    return [point, point, new Point(point, null)];
  }
  remote_circle(): Point {
    const point = new Point(1);
    point.y = point;
    return point;
  }
  remote_tagged(): Tagged {
    return new Tagged();
  }
  remote_echo(value: unknown): unknown {
    return value;
  }
  remote_unregistered(): Unregistered {
    return new Unregistered();
  }
  remote_ledger(): Ledger {
    if (++this.#fetches === 2) this.#addLater();
    return this.ledger;
  }
  remote_isLedger(ledger: unknown): boolean {
    return ledger === this.ledger;
  }
  async #addLater(): Promise<void> {
    await settle();
    for (const entry of ["second", "third"]) await this.ledger.add(entry);
  }
}

for (const name of ["copyable", "cacheable"]) {
  Deno.test(`Broker of a server sends the same bytes as Twisted's server in conversation ${name}`, async () => {
    await using pair = await rawClient(new Service(), { hello: false, registry });
    await pair.peer.hear();
    await play(name, "client", pair.peer);
    assertEquals(pair.broker.counts.cachedObjects, 0);
  });
}

Deno.test("Broker of a client sends the same bytes as Twisted's client in conversation copyable", async () => {
  await using pair = await rawServer({ hello: false, registry });
  const played = play("copyable", "server", pair.peer);
  const root = pair.broker.root();
  const copy = await root.callRemote("copy");
  assertInstanceOf(copy, Point);
  assertEquals([copy.x, copy.y], [1, "two"]);
  const [first, second, third] = await root.callRemote("copies") as Point[];
  assertStrictEquals(first, second);
  assertStrictEquals(third!.x, first);
  const circle = await root.callRemote("circle") as Point;
  assertStrictEquals(circle.y, circle);
  const tagged = await root.callRemote("tagged");
  assertInstanceOf(tagged, TaggedCopy);
  assertEquals(Object.entries(tagged), [["name", "name"]]);
  assertEquals(await root.callRemote("echo", new Point(3, 4)), new Point(3, 4));
  await played;
});

Deno.test("Broker of a client sends the same bytes as Twisted's client in conversation cacheable", async () => {
  await using pair = await rawServer({ hello: false, registry });
  const played = play("cacheable", "server", pair.peer);
  const root = pair.broker.root();
  const ledger = await root.callRemote("ledger") as LedgerCache;
  assertStrictEquals(await root.callRemote("ledger"), ledger);
  while (ledger.entries.length < 3) await settle();
  assertEquals(ledger.entries, ["first", "second", "third"]);
  assertEquals(await root.callRemote("isLedger", ledger), true);
  ledger.release();
  await played;
  await settle();
  assertEquals(pair.broker.counts.caches, 0);
});

Deno.test("Broker of a client rejects only the call in conversation copyable_not_registered, where Twisted closes", async () => {
  await using pair = await rawServer({ hello: false, registry });
  const played = play("copyable_not_registered", "server", pair.peer);
  await assertRejects(() => pair.broker.root().callRemote("unregistered"), InsecureJelly);
  await played;
  assertEquals(pair.broker.isClosed, false);
});

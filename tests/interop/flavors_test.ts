// Every flavor between us and real Twisted, in both directions.

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import {
  type Broker,
  connect,
  Copyable,
  LiveCache,
  LiveCacheable,
  Referenceable,
  RemoteCopy,
  RemoteReference,
  Root,
  serve,
} from "@perspective/broker/broker";
import { UsernamePassword } from "@perspective/broker/cred";
import { flavorRegistry, Ledger, type LedgerCache, Point } from "../broker/flavor_classes.ts";
import { collectUntil } from "../broker/gc.ts";
import { Counter, serveQuietly } from "./echo_root.ts";
import { type PythonPeer, runPython, startPython, twistedTest } from "./peer.ts";

class Document extends LiveCacheable {
  static readonly jellyName = "interop.Document";
  title: unknown = "Draft";
  lines?: unknown = [];
}

class DocumentCache extends LiveCache {
  title: unknown;
  lines?: unknown;
}

class Secret extends RemoteCopy {
  seenBy: unknown;
}

const registry = flavorRegistry();
registry.setUnjellyableForClass(Document, DocumentCache);
registry.setUnjellyableForClass("interop.Secret", Secret);

async function connected(python: PythonPeer): Promise<Broker> {
  return await connect(`pb://127.0.0.1:${python.port}`, { registry });
}

/** Asks until the expected answer comes; a peer learns of collected objects with some delay. */
async function eventually(ask: () => Promise<unknown>, expected: unknown): Promise<void> {
  for (let left = 50; left !== 0; left--) {
    if (JSON.stringify(await ask()) === JSON.stringify(expected)) return;
  }
  assertEquals(await ask(), expected);
}

// With a Twisted server.

twistedTest("Copyable objects go to a Twisted server and back, even in cycles", async () => {
  await using python = await startPython("flavors_server.py");
  await using broker = await connected(python);
  const root = broker.root();
  const point = await root.callRemote("move", new Point(1, 2), 10, 20);
  assertInstanceOf(point, Point);
  assertEquals([point.x, point.y], [11, 22]);
  const circle = await root.callRemote("circle") as Point;
  assertStrictEquals(circle.x, circle);
  assertStrictEquals((circle.y as unknown[])[0], circle);
  const shared = new Point(1);
  const echo = await root.callRemote("echo", [shared, shared]) as Point[];
  assertStrictEquals(echo[0], echo[1]);
  assertInstanceOf(await root.callRemote("secret"), Secret);
});

twistedTest(
  "RemoteCache on several connections follows one Cacheable of a Twisted server",
  async () => {
    await using python = await startPython("flavors_server.py");
    await using first = await connected(python);
    await using second = await connected(python);
    const caches: LedgerCache[] = [];
    for (const broker of [first, second, first]) {
      caches.push(await broker.root().callRemote("ledger") as LedgerCache);
    }
    assertStrictEquals(caches[0], caches[2]);
    assertEquals(await first.root().callRemote("observers"), 2);
    await first.root().callRemote("ledgerAdd", "one");
    await second.root().callRemote("ledgerAdd", "two");
    await first.root().callRemote("echo", null);
    assertEquals(caches.map(({ entries }) => entries.join()), ["one,two", "one,two", "one,two"]);
    assertEquals(await first.root().callRemote("isLedger", caches[0]), true);
    assertEquals(await second.root().callRemote("isLedger", [caches[1]]), false);

    caches[0]!.release();
    await eventually(() => first.root().callRemote("observers"), 1);
    assertEquals(first.counts.caches, 0);
    await second.close();
    await eventually(() => first.root().callRemote("observers"), 0);
  },
);

twistedTest(
  "RemoteCache misses no update from Twisted when it is released while it arrives again",
  async () => {
    await using python = await startPython("flavors_server.py");
    await using broker = await connected(python);
    const root = broker.root();
    let added = 0;
    const useAndFetch = async (round: number) => {
      const cache = await root.callRemote("ledger") as LedgerCache;
      const calls = [root.callRemote("ledgerAdd", added++), root.callRemote("ledger")];
      if (round % 3 === 0) calls.reverse();
      cache.release();
      const again = (await Promise.all(calls))[round % 3 === 0 ? 0 : 1] as LedgerCache;
      await root.callRemote("ledgerAdd", added++);
      await root.callRemote("echo", null);
      assertEquals(again.entries.length, added);
      if (round % 2 === 0) again.release();
    };
    for (let round = 0; round < 40; round++) await useAndFetch(round);
    assert(await collectUntil(() => broker.counts.caches === 0));
    assertEquals(await root.callRemote("observers"), 0);
    assertEquals(await root.callRemote("counts"), { local: 1, cached: 0, caches: 0 });
  },
);

twistedTest(
  "RemoteCache from a Twisted server is given back when it is garbage collected",
  async () => {
    await using python = await startPython("flavors_server.py");
    await using broker = await connected(python);
    const fetchAndForget = async () => {
      assertEquals((await broker.root().callRemote("newLedgers", 300) as unknown[]).length, 300);
      await broker.root().callRemote("ledger");
    };
    await fetchAndForget();
    assertEquals(broker.counts.caches, 301);
    assert(await collectUntil(() => broker.counts.caches === 0));
    assertEquals(await broker.root().callRemote("counts"), { local: 1, cached: 0, caches: 0 });
  },
);

twistedTest("LiveCache follows an object of a Twisted server", async () => {
  await using python = await startPython("flavors_server.py");
  await using broker = await connected(python);
  const root = broker.root();
  const document = await root.callRemote("document");
  assertInstanceOf(document, DocumentCache);
  const changes = document.changes();
  await root.callRemote("update", { title: "Report", more: 1 });
  await root.callRemote("remove", ["lines"]);
  const { value } = await changes.next();
  assertStrictEquals(value, document);
  await root.callRemote("echo", null);
  assertEquals(Object.entries(document), [["title", "Report"], ["more", 1]]);
});

twistedTest(
  "a Twisted server caches our live objects, follows them, and releases them",
  async () => {
    await using python = await startPython("flavors_server.py");
    await using broker = await connected(python);
    const root = broker.root();
    const [document, other] = [new Document(), new Document()];
    await root.callRemote("keep", document, other);
    await root.callRemote("keep", document);
    assertEquals(broker.counts.cachedObjects, 2);
    document.title = "Report";
    other.title = "Other";
    delete document.lines;
    await eventually(() => root.callRemote("kept"), [
      { title: "Report" },
      { lines: [], title: "Other" },
      { title: "Report" },
    ]);
    const home = await root.callRemote("backHome") as unknown[];
    assertStrictEquals(home[0], document);
    assertStrictEquals(home[1], other);
    await root.callRemote("letGo", 2);
    await root.callRemote("echo", null);
    assertEquals(broker.counts.cachedObjects, 1);
    document.title = "again";
    await eventually(() => root.callRemote("kept"), [{ title: "again" }]);
    await root.callRemote("letGo", 1);
    assertEquals(await root.callRemote("counts"), { local: 1, cached: 0, caches: 0 });
    assertEquals(broker.counts.cachedObjects, 0);
  },
);

twistedTest(
  "callRemote() on a view of a Twisted server passes the user's perspective",
  async () => {
    await using python = await startPython("login_server.py");
    await using broker = await connected(python);
    const user = await broker.login(new UsernamePassword("alice", "secret"));
    const view = await user.callRemote("document");
    assertInstanceOf(view, RemoteReference);
    assertEquals(await view.callRemote("read"), ["alice", "text"]);
  },
);

twistedTest(
  "thousands of references leave both tables empty, at a Twisted server and here",
  async () => {
    await using python = await startPython("flavors_server.py");
    await using broker = await connected(python);
    const root = broker.root();
    const useSome = async () => {
      const counters = await root.callRemote("newCounters", 500) as RemoteReference[];
      assertEquals(await counters[499]!.callRemote("add", 1), 500);
      await root.callRemote("keep", ...Array.from({ length: 500 }, () => new Referenceable()));
      await root.callRemote("letGo", 500);
    };
    for (let round = 0; round < 10; round++) {
      await useSome();
      assert(await collectUntil(() => broker.counts.remoteObjects === 0));
    }
    assertEquals(await root.callRemote("counts"), { local: 1, cached: 0, caches: 0 });
    assertEquals(broker.counts.localObjects, 0);
  },
);

// With a Twisted client.

class Flavors extends Root {
  readonly ledger = new Ledger();
  readonly document = new Document();
  kept: unknown[] = [];
  broker: Broker | undefined;

  override rootObject(broker: Broker): this {
    this.broker = broker;
    return this;
  }
  remote_echo(value: unknown): unknown {
    return value;
  }
  remote_move(point: Point, x: number, y: number): Point {
    return new Point(point.x as number + x, point.y as number + y);
  }
  remote_circle(): Point {
    const point = new Point();
    point.x = point;
    point.y = [point];
    return point;
  }
  remote_ledger(): Ledger {
    return this.ledger;
  }
  remote_isLedger(ledger: unknown): boolean {
    return ledger === this.ledger;
  }
  remote_add(entry: unknown): void {
    this.ledger.add(entry);
  }
  remote_observers(): number {
    return this.ledger.observers.length;
  }
  remote_document(): Document {
    return this.document;
  }
  remote_set(fields: object): void {
    Object.assign(this.document, fields);
  }
  remote_remove(names: string[]): void {
    for (const name of names) Reflect.deleteProperty(this.document, name);
  }
  remote_newCounters(count: number): Counter[] {
    return Array.from({ length: count }, (_, n) => new Counter(n));
  }
  remote_keep(things: unknown[]): void {
    this.kept.push(...things);
  }
  remote_letGo(): void {
    for (const thing of this.kept.splice(0)) (thing as RemoteReference).release();
  }
  remote_counts(): unknown {
    const { localObjects, remoteObjects, cachedObjects } = this.broker!.counts;
    return { localObjects, remoteObjects, cachedObjects };
  }
}

twistedTest("a Twisted client uses our copies, caches, live objects and references", async () => {
  const flavors = new Flavors();
  const settings = { hostname: "127.0.0.1", port: 0, registry, log: () => {} };
  await using server = serve(flavors, settings);
  const { code, lines, errors } = await runPython("flavors_client.py", [
    "--port",
    new URL(server.url).port,
  ]);
  assertEquals(lines, [
    { copies: ["Point(11, 22)", true] },
    { entries: [["one"], ["one"]], home: true },
    { entries: ["one", "two"], observers: 1 },
    { observers: 0, counts: { local: 0, cached: 0, caches: 0 } },
    { fields: { lines: [], title: "Draft" } },
    { fields: "{'lines': [1, (2, b'3')], 'title': 'Report'}" },
    { fields: { title: "Report" } },
    {
      references: { localObjects: 1, remoteObjects: 0, cachedObjects: 0 },
      counts: { local: 0, cached: 0, caches: 0 },
    },
  ], errors);
  assertEquals([code, errors], [0, ""]);
  assertEquals(flavors.ledger.stopped.length, 1);
});

twistedTest(
  "Copyable.getStateToCopyFor() gets the root's perspective when a Twisted client calls",
  async () => {
    class Salary extends Copyable {
      override getTypeToCopy(): string {
        return "interop.Point";
      }
      override getStateToCopyFor(perspective: object | null): unknown {
        return { x: perspective === null ? "secret" : 100, y: 0 };
      }
    }
    class Company extends Root {
      override readonly perspective: object | null = null;
      remote_salary(): Salary {
        return new Salary();
      }
    }
    class Boss extends Company {
      override readonly perspective = this;
    }
    for (const [root, seen] of [[new Company(), "'secret'"], [new Boss(), "100"]] as const) {
      await using server = serveQuietly(root);
      await using python = await startPython("console.py", ["--port", new URL(server.url).port]);
      assertEquals((await python.ask('root.callRemote("salary")')).repr, `Point(${seen}, 0)`);
    }
  },
);

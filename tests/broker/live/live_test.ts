import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  type CacheChange,
  callOptions,
  LiveCache,
  LiveCacheable,
  PBConnectionLost,
  Root,
} from "@perspective/broker/broker";
import { JellyRegistry } from "@perspective/broker/jelly";
import { collectGarbage, collectUntil } from "../gc.ts";
import { settle, type TestPair, testPair } from "../pair.ts";
import { rawServer, type Said } from "../raw_peer.ts";

class Document extends LiveCacheable {
  static readonly jellyName = "wiki.Document";
  #secret = 1;
  title: unknown = "Draft";
  lines: unknown[] = ["one"];
  note?: unknown;

  get secret(): number {
    return this.#secret;
  }
  set secret(secret: number) {
    this.#secret = secret;
  }
}

class DocumentCache extends LiveCache {
  title: unknown;
  lines: unknown[] = [];
  declare note?: unknown;
}

class Wiki extends Root {
  readonly document = new Document();
  remote_document(): Document {
    return this.document;
  }
  remote_entitle(title: string): void {
    this.document.title = title;
  }
  async remote_entitleLater(title: string): Promise<void> {
    await undefined;
    this.document.title = title;
  }
}

const registry = new JellyRegistry();
registry.setUnjellyableForClass(Document, DocumentCache);

async function connected(wiki: Root = new Wiki()): Promise<TestPair> {
  return await testPair(wiki, { client: { registry }, server: { registry } });
}

async function fetch(pair: TestPair): Promise<DocumentCache> {
  const document = await pair.client.root().callRemote("document");
  assertInstanceOf(document, DocumentCache);
  return document;
}

/** Records the changes of a cache. */
function noted(document: DocumentCache): CacheChange[] {
  const changes: CacheChange[] = [];
  document.notifyOnChange((change) => changes.push(change));
  return changes;
}

Deno.test("LiveCacheable sends the fields that were set, added and deleted in one turn once", async () => {
  const wiki = new Wiki();
  await using pair = await connected(wiki);
  const document = await fetch(pair);
  assertEquals([document.title, document.lines], ["Draft", ["one"]]);
  const changes = noted(document);
  wiki.document.title = "never seen";
  wiki.document.title = "Report";
  Object.assign(wiki.document, { note: 1, more: [2] });
  await settle();
  assertEquals(changes.map(({ name, args }) => [name, ...args]), [
    ["update", { title: "Report", note: 1, more: [2] }],
  ]);
  assertEquals([document.title, document.note], ["Report", 1]);
  delete wiki.document.note;
  wiki.document.title = "Report 2";
  await settle();
  assertEquals(changes.slice(1).map(({ name, args }) => [name, ...args]), [
    ["update", { title: "Report 2" }],
    ["remove", ["note"]],
  ]);
  assert(!("note" in document));
});

Deno.test("LiveCacheable sends a change before the answer to the call that made it", async () => {
  await using pair = await connected();
  const document = await fetch(pair);
  const root = pair.client.root<Wiki>();
  for (const method of ["entitle", "entitleLater"] as const) {
    await root.callRemote(method, method);
    assertEquals(document.title, method);
  }
  // The same for several calls at once, in order.
  const seen: unknown[] = [];
  await Promise.all(["a", "b", "c"].map(async (title) => {
    await root.callRemote("entitle", title);
    seen.push(document.title);
  }));
  assertEquals(seen, ["a", "b", "c"]);
});

Deno.test("LiveCacheable logs a change whose state cannot be made, and sends the next one", async () => {
  class Moody extends Document {
    static override readonly jellyName = "wiki.Document";
    #fails = false;
    set fails(fails: boolean) {
      this.#fails = fails;
      this.changed();
    }
    override getStateToCopyFor(perspective: object | null) {
      if (this.#fails) throw new Error("not today");
      return super.getStateToCopyFor(perspective);
    }
  }
  const moody = new Moody();
  class Server extends Root {
    remote_document(): Document {
      return moody;
    }
  }
  await using pair = await connected(new Server());
  const document = await fetch(pair);
  for (let i = 0; i < 2; i++) {
    moody.fails = true;
    await settle();
    moody.fails = false;
    moody.title = i;
    await settle();
    assertEquals(document.title, i);
  }
  assertEquals(pair.serverLog.splice(0).map(({ message }) => message), [
    "Cannot tell a cache of Moody what has changed",
    "Cannot tell a cache of Moody what has changed",
  ]);
});

Deno.test("LiveCacheable sends nothing if no field differs, except fields named by changed()", async () => {
  const wiki = new Wiki();
  await using pair = await connected(wiki);
  const document = await fetch(pair);
  const changes = noted(document);
  wiki.document.title = "other";
  wiki.document.title = "Draft";
  wiki.document.secret = 7;
  wiki.document.lines.push("two");
  await settle();
  assertEquals(changes, []);
  wiki.document.changed("lines");
  await settle();
  assertEquals(document.lines, ["one", "two"]);
  wiki.document.changed();
  wiki.document.changed("nothing");
  await settle();
  assertEquals(changes.length, 1);
});

Deno.test("LiveCacheable keeps its class, private fields and accessors despite its proxy", () => {
  const document = new Document();
  assertInstanceOf(document, Document);
  assertStrictEquals(document.processUniqueID(), document);
  document.secret = 5;
  assertEquals(document.secret, 5);
  assertEquals(Object.keys(document), ["title", "lines", "note"]);
});

Deno.test("LiveCacheable sends changes to all connections, but not to closed ones or after a release", async () => {
  const wiki = new Wiki();
  const first = await connected(wiki);
  await using second = await connected(wiki);
  const documents = [await fetch(first), await fetch(second)];
  wiki.document.title = "both";
  await settle();
  assertEquals(documents.map(({ title }) => title), ["both", "both"]);
  await first[Symbol.asyncDispose]();
  wiki.document.title = "one";
  await settle();
  assertEquals(documents.map(({ title }) => title), ["both", "one"]);
  documents[1]!.release();
  await settle();
  wiki.document.title = "none";
  await settle();
  assertEquals([first.serverLog, second.serverLog], [[], []]);
});

Deno.test("LiveCacheable sends each viewer only the fields it may see, including computed ones", async () => {
  class Salary extends LiveCacheable {
    static readonly jellyName = "wiki.Document";
    amount = 100;
    title = "engineer";
    override getStateToCopyFor(perspective: object | null): Record<string, unknown> {
      const isBoss = perspective !== null;
      return {
        title: this.title,
        ...(isBoss ? { amount: this.amount } : { about: [this.amount > 150] }),
      };
    }
  }
  const salary = new Salary();
  class Viewer extends Root {
    constructor(override readonly perspective: object | null) {
      super();
    }
    remote_document(): unknown {
      return salary;
    }
  }
  await using boss = await connected(new Viewer({}));
  await using other = await connected(new Viewer(null));
  const seen = [await fetch(boss), await fetch(other)];
  salary.amount = 200;
  await settle();
  assertEquals(seen.map((cache) => Object.fromEntries(Object.entries(cache))), [
    { title: "engineer", lines: [], amount: 200 },
    { title: "engineer", lines: [], about: [true] },
  ]);
});

Deno.test("LiveCacheable skips intermediate states for a slow viewer", async () => {
  await using raw = await rawServer({ limits: { highWaterMark: 1000 } });
  // The client owns the object, and the peer reads slowly.
  const document = new Document();
  const call = raw.broker.root().callRemote("take", document);
  assertEquals((await raw.peer.hear() as unknown[])[3], "take");
  await raw.peer.say(["answer", 1, ["None"]]);
  await call;
  document.title = "x".repeat(100_000);
  await settle();
  for (let version = 0; version < 100; version++) {
    document.title = `version ${version}`;
    await settle();
  }
  const titles: unknown[] = [];
  for (let title = ""; title !== "version 99";) {
    const [word, , , name, answer, [, [, [, [, text]]]]] = await raw.peer.hear() as [
      string,
      number,
      number,
      string,
      number,
      [string, [string, [unknown, [string, string]]]],
    ];
    assertEquals([word, name, answer], ["cachemessage", "update", 0]);
    titles.push(title = text);
  }
  assert(titles.length < 10, `${titles.length}`);
});

Deno.test("LiveCacheable logs a field that cannot be sent as a warning, and a state that throws as an error", async () => {
  const wiki = new Wiki();
  await using pair = await connected(wiki);
  const document = await fetch(pair);
  wiki.document.title = () => {};
  await settle();
  wiki.document.title = "good again";
  await settle();
  assertEquals(document.title, "good again");
  assertEquals(pair.serverLog.map(({ level }) => level), ["warning"]);

  wiki.document.getStateToCopy = () => {
    throw new Error("on purpose");
  };
  await settle();
  assertEquals(pair.serverLog.map(({ level }) => level), ["warning", "error"]);
});

Deno.test("LiveCacheable sends the other fields if one cannot be sent, and that one once it can", async () => {
  const wiki = new Wiki();
  await using pair = await connected(wiki);
  const document = await fetch(pair);
  wiki.document.title = "sent";
  wiki.document.note = () => {};
  await settle();
  assertEquals([document.title, document.note], ["sent", null]);
  wiki.document.note = "mended";
  await settle();
  assertEquals([document.title, document.note], ["sent", "mended"]);
});

for (const highWaterMark of [1000, 1_000_000]) {
  Deno.test(`LiveCacheable sends changes once a full connection has room again, with highWaterMark ${highWaterMark}`, async () => {
    const limits = { maxBufferedBytes: 50_000, highWaterMark };
    await using raw = await rawServer({ limits });
    const document = new Document();
    document.note = "to go";
    const root = raw.broker.root();
    const call = root.callRemote("take", document);
    assertEquals((await raw.peer.hear() as unknown[])[3], "take");
    await raw.peer.say(["answer", 1, ["None"]]);
    await call;
    const noise = callOptions({ answer: false });
    for (let i = 0; i < 2; i++) void root.callRemote("noise", new Uint8Array(40_000), noise);
    document.title = "changed";
    delete document.note;
    await settle();
    const heard: unknown[] = [];
    while (heard.length < 4) heard.push((await raw.peer.hear() as unknown[])[3]);
    assertEquals(heard.slice(0, 2), ["noise", "noise"]);
    assertEquals(heard.slice(2).toSorted(), ["remove", "update"]);
  });
}

Deno.test("LiveCacheable.changed() sends the named field once a full connection has room again", async () => {
  await using raw = await rawServer({ limits: { maxBufferedBytes: 50_000, highWaterMark: 1000 } });
  const document = new Document();
  const lines = document.lines = ["one"];
  const root = raw.broker.root();
  const call = root.callRemote("take", document);
  await raw.peer.hear();
  await raw.peer.say(["answer", 1, ["None"]]);
  await call;
  const noise = callOptions({ answer: false });
  for (let i = 0; i < 2; i++) void root.callRemote("noise", new Uint8Array(40_000), noise);
  lines.push("two");
  document.changed("lines");
  await settle();
  const heard: unknown[] = [];
  for (let i = 0; i < 3; i++) heard.push((await raw.peer.hear() as unknown[])[3]);
  assertEquals(heard, ["noise", "noise", "update"]);
});

// The receiving end.

Deno.test("LiveCache.changes() yields the cache after each change, and ends when the cache is released", async () => {
  const wiki = new Wiki();
  await using pair = await connected(wiki);
  const document = await fetch(pair);
  const titles: unknown[] = [];
  const changes = document.changes();
  wiki.document.title = 1;
  await settle();
  for await (const { title } of changes) {
    titles.push(title);
    if (titles.length === 3) document.release();
    else wiki.document.title = titles.length + 1;
  }
  assertEquals(titles, [1, 2, 3]);
  assertEquals(await document.changes().next(), { done: true, value: undefined });
});

Deno.test("LiveCache.changes() yields only the latest state to a slow reader", async () => {
  const wiki = new Wiki();
  await using pair = await connected(wiki);
  const changes = (await fetch(pair)).changes();
  for (let version = 1; version <= 5; version++) {
    wiki.document.title = version;
    await settle();
  }
  const { value } = await changes.next();
  assertEquals((value as DocumentCache).title, 5);
  const next = changes.next();
  wiki.document.title = 6;
  assertEquals(((await next).value as DocumentCache).title, 6);
});

Deno.test("LiveCache.changes() ends when the connection closes, and rejects on an error or an aborted signal", async () => {
  const wiki = new Wiki();
  const pair = await connected(wiki);
  const document = await fetch(pair);
  const next = document.changes().next();
  const controller = new AbortController();
  const aborted = document.changes({ signal: controller.signal });
  const waiting = assertRejects(() => aborted.next(), Error, "enough");
  await settle();
  controller.abort(new Error("enough"));
  await waiting;
  await assertRejects(
    () => document.changes({ signal: AbortSignal.abort(new Error("before")) }).next(),
    Error,
    "before",
  );
  await pair[Symbol.asyncDispose]();
  assertEquals(await next, { done: true, value: undefined });

  const other = await connected(wiki);
  const broken = (await fetch(other)).changes().next();
  other.client.close(new PBConnectionLost("pulled the plug"));
  await assertRejects(() => broken, PBConnectionLost, "pulled the plug");
  await other[Symbol.asyncDispose]();
});

Deno.test("LiveCache.changes() rejects when its signal is aborted while changes keep coming", async () => {
  const wiki = new Wiki();
  await using pair = await connected(wiki);
  const document = await fetch(pair);
  const controller = new AbortController();
  let seen = 0;
  const watch = async () => {
    for await (const _ of document.changes({ signal: controller.signal })) {
      if (++seen === 3) controller.abort(new Error("enough"));
      wiki.document.title = seen;
      await settle();
    }
  };
  wiki.document.title = "first";
  await settle();
  const watching = assertRejects(watch, Error, "enough");
  await settle();
  wiki.document.title = "second";
  await watching;
  assertEquals(seen, 3);
});

Deno.test("LiveCache accepts updates with arguments by name, as a Python cache does", async () => {
  await using pair = await rawServer({ registry });
  const call = pair.broker.root().callRemote("document");
  await pair.peer.hear();
  await pair.peer.say(["answer", 1, ["wiki.Document", 3, ["dictionary"]]]);
  const document = await call as DocumentCache;
  const named = (name: string, value: Said) => ["dictionary", [["unicode", name], value]];
  const title = ["dictionary", [["unicode", "title"], ["unicode", "Report"]]];
  const update = ["cachemessage", 1, 3, "update", 0, ["tuple"], named("changes", title)];
  await pair.peer.say(update);
  await settle();
  assertEquals(document.title, "Report");
  const names = ["list", ["unicode", "title"]];
  await pair.peer.say(["cachemessage", 2, 3, "remove", 0, ["tuple"], named("names", names)]);
  await settle();
  assert(!("title" in document));
});

Deno.test("LiveCache.notifyOnChange() reports calls of own observe_ methods with their arguments, unless they fail", async () => {
  const done = Promise.withResolvers<void>();
  class Board extends DocumentCache {
    async observe_later(line: unknown): Promise<void> {
      await done.promise;
      this.lines.push(line);
    }
    observe_fail(): void {
      throw new Error("on purpose");
    }
    observe_note(_keywords: unknown): void {}
  }
  const boards = new JellyRegistry();
  boards.setUnjellyableForClass(Document, Board);
  await using pair = await rawServer({ registry: boards });
  const call = pair.broker.root().callRemote("board");
  await pair.peer.hear();
  await pair.peer.say(["answer", 1, ["wiki.Document", 3, ["dictionary"]]]);
  const board = await call as Board;
  const changes = noted(board);
  const unwanted = () => {
    throw new Error("taken back");
  };
  board.notifyOnChange(unwanted);
  board.dontNotifyOnChange(unwanted);
  const kw = ["dictionary", [["unicode", "by"], ["unicode", "Ada"]]];
  await pair.peer.say(["cachemessage", 1, 3, "later", 1, ["tuple", 7], ["dictionary"]]);
  await pair.peer.say(["cachemessage", 2, 3, "fail", 0, ["tuple"], ["dictionary"]]);
  await pair.peer.say(["cachemessage", 3, 3, "note", 0, ["tuple"], kw]);
  await settle();
  assertEquals(changes.map(({ name, kw }) => [name, kw?.by]), [["note", "Ada"]]);
  done.resolve();
  assertEquals(await pair.peer.hear(), ["answer", 1, ["None"]]);
  assertEquals(changes.map(({ name, args }) => [name, ...args]).at(-1), ["later", 7]);
  assertEquals(board.lines, [7]);
});

Deno.test("LiveCache.observe_update() and observe_remove() cannot replace or remove methods", async () => {
  await using pair = await rawServer({ registry });
  const call = pair.broker.root().callRemote("document");
  await pair.peer.hear();
  await pair.peer.say(["answer", 1, ["wiki.Document", 3, ["dictionary"]]]);
  const document = await call as DocumentCache;
  for (const name of ["changes", "release", "observe_update", "isLive"]) {
    const changes = ["dictionary", [["unicode", name], 1]];
    const message = ["cachemessage", 1, 3, "update", 1, ["tuple", changes], ["dictionary"]];
    assertEquals((await pair.peer.ask(message) as unknown[])[0], "error");
    const names = ["list", ["unicode", name], ["unicode", "__proto__"], 1];
    const remove = ["cachemessage", 2, 3, "remove", 1, ["tuple", names], ["dictionary"]];
    assertEquals(await pair.peer.ask(remove), ["answer", 2, ["None"]]);
  }
  assertEquals(typeof document.release, "function");
  assertStrictEquals(Object.getPrototypeOf(document), DocumentCache.prototype);
});

// Collection.

Deno.test("LiveCache is not garbage collected while changes() is iterated, and is afterwards", async () => {
  const wiki = new Wiki();
  await using pair = await connected(wiki);
  const titles: unknown[] = [];
  const follow = async () => {
    for await (const { title } of (await fetch(pair)).changes()) {
      titles.push(title);
      if (title === "last") break;
    }
  };
  const done = follow();
  await settle();
  await collectGarbage();
  wiki.document.title = "kept";
  await settle();
  await collectGarbage();
  wiki.document.title = "last";
  await done;
  assertEquals(titles, ["kept", "last"]);
  assert(await collectUntil(() => pair.server.counts.cachedObjects === 0));
});

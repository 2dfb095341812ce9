import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type ChunkPagerOptions,
  DeadReferenceError,
  getAllPages,
  LimitError,
  Pager,
  type PagerOptions,
  PagingError,
  PBConnectionLost,
  PBError,
  Referenceable,
  RemoteError,
  type RemoteReference,
  Root,
  StringPager,
} from "@perspective/broker/broker";
import { JellyError } from "@perspective/broker/jelly";
import { settle, settled, testPair } from "../pair.ts";
import { rawClient, rawServer } from "../raw_peer.ts";
import { play } from "../scenarios.ts";

const BYTES = Uint8Array.from({ length: 500 }, (_, index) => index);

/** Records pages, and answers at once or when a test says so. */
class Collector extends Referenceable {
  readonly pages: unknown[] = [];
  readonly ended = Promise.withResolvers<void>();
  /** Settles the answers of the pages. */
  readonly answers: PromiseWithResolvers<void>[] = [];
  waits = false;
  remote_gotPage(page: unknown): Promise<void> | void {
    this.pages.push(page);
    if (!this.waits) return;
    const answer = Promise.withResolvers<void>();
    this.answers.push(answer);
    return answer.promise;
  }
  remote_endedPaging(): void {
    this.ended.resolve();
  }
}

/** Makes pagers with a function of the test. */
class Server<Args extends readonly unknown[] = []> extends Root {
  readonly pagers: Pager<Args>[] = [];
  constructor(readonly makePager: (collector: RemoteReference) => Pager<Args>) {
    super();
  }
  remote_getPages(collector: RemoteReference): void {
    this.pagers.push(this.makePager(collector));
  }
  remote_ping(): string {
    return "pong";
  }
}

/** Sends strings with the number of the pager in them. */
class Numbered extends Pager {
  #count = 0;
  constructor(collector: RemoteReference, readonly name: string, readonly size: number) {
    super(collector);
  }
  override nextPage(): string | undefined {
    return this.#count === 3 ? undefined : (this.name + this.#count++).padEnd(this.size);
  }
}

function stringPager(options: ChunkPagerOptions = {}): (collector: RemoteReference) => Pager {
  return (collector) => new StringPager(collector, BYTES, { chunkSize: 100, ...options });
}

function joined(pages: unknown[]): Uint8Array {
  return Uint8Array.from(pages.flatMap((page) => [...page as Uint8Array]));
}

Deno.test("[Broker pagingWithCallback] StringPager sends pages of 100 bytes, then calls back with its arguments", async () => {
  const called = Promise.withResolvers<unknown[]>();
  const server = new Server<[string, number]>((collector) =>
    new StringPager(collector, BYTES, {
      chunkSize: 100,
      callback: (...args) => called.resolve(args),
      args: ["hello", 10],
    })
  );
  await using pair = await testPair(server);
  const pages = await getAllPages(pair.client.root(), "getPages");
  assertEquals(pages.map((page) => (page as Uint8Array).length), [100, 100, 100, 100, 100]);
  assertEquals(joined(pages), BYTES);
  assertEquals(await called.promise, ["hello", 10]);
});

Deno.test("[Broker pagingWithoutCallback] StringPager sends its pages without a callback", async () => {
  await using pair = await testPair(new Server(stringPager()));
  assertEquals(joined(await getAllPages(pair.client.root(), "getPages")), BYTES);
});

Deno.test("StringPager sends the same bytes as Twisted's, and releases the collector", async () => {
  class Recorded extends Root {
    remote_pages(collector: RemoteReference): void {
      new StringPager(collector, new Uint8Array(250).fill(0x78), { chunkSize: 100 });
    }
  }
  await using pair = await rawClient(new Recorded(), { hello: false });
  await pair.peer.hear();
  await play("pager", "client", pair.peer);
});

Deno.test("Pager sends its first page before later calls of the same turn", async () => {
  class Busy extends Root {
    remote_pages(collector: RemoteReference): string {
      // Both pages want answers, so that the numbers of the calls matter.
      for (const name of ["a", "b"]) new Windowed(collector, name, 1);
      void collector.callRemote("note", "behind").catch(() => {});
      return "answer";
    }
  }
  class Windowed extends Pager {
    #left = 2;
    constructor(collector: RemoteReference, readonly name: string, window: number) {
      super(collector, { window });
    }
    override nextPage(): string | undefined {
      return this.#left-- > 0 ? this.name : undefined;
    }
  }
  await using pair = await rawClient(new Busy());
  await pair.peer.say(["message", 1, "root", "pages", 1, ["tuple", ["remote", 1]], ["dictionary"]]);
  const said: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    const [word, id, , name] = await pair.peer.hear() as unknown[];
    said.push([word, id, name]);
  }
  assertEquals(said, [
    ["message", 1, "gotPage"],
    ["message", 2, "gotPage"],
    ["message", 3, "note"],
    ["answer", 1, undefined],
  ]);
  for (let id = 1; id <= 3; id++) await pair.peer.say(["answer", id, ["None"]]);
});

Deno.test("getAllPages() sends the same bytes as Twisted's", async () => {
  await using pair = await rawServer({ hello: false });
  const played = play("pager", "server", pair.peer);
  const pages = await getAllPages(pair.broker.root(), "pages") as Uint8Array[];
  assertEquals(pages.map((page) => page.length), [100, 100, 50]);
  await played;
});

for (
  const { length, chunkSize, expected } of [
    { length: 0, chunkSize: 10, expected: [0] },
    { length: 10, chunkSize: 10, expected: [10] },
    { length: 11, chunkSize: 10, expected: [10, 1] },
    { length: 8193, chunkSize: undefined, expected: [8192, 1] },
  ]
) {
  Deno.test(`StringPager cuts ${length} bytes into pages of ${chunkSize ?? "8,192"}`, async () => {
    const server = new Server((collector) =>
      new StringPager(
        collector,
        new Uint8Array(length),
        chunkSize === undefined ? {} : { chunkSize },
      )
    );
    await using pair = await testPair(server);
    const pages = await getAllPages(pair.client.root(), "getPages") as Uint8Array[];
    assertEquals(pages.map((page) => page.length), expected);
  });
}

for (
  const { text, expected } of [
    { text: "", expected: [""] },
    { text: "abcdef", expected: ["abc", "def"] },
    { text: "a\u20ac\u{1f600}b\u{1f600}", expected: ["a\u20ac\u{1f600}", "b\u{1f600}"] },
  ]
) {
  Deno.test(`StringPager cuts the text ${JSON.stringify(text)} into pages of 3 characters`, async () => {
    const server = new Server((collector) => new StringPager(collector, text, { chunkSize: 3 }));
    await using pair = await testPair(server);
    assertEquals(await getAllPages(pair.client.root(), "getPages"), expected);
  });
}

Deno.test("Pager() refuses a collector that is not a reference, and invalid options", async () => {
  const server = new Server((collector) => new StringPager(collector, BYTES));
  await using pair = await testPair(server);
  for (const collector of [null, 5, { gotPage: 1 }]) {
    await assertRejects(
      () => pair.client.root().callRemote("getPages", collector),
      Error,
      "not a reference",
    );
  }
  const reference = pair.client.root();
  assertThrows(() => new StringPager(reference, BYTES, { chunkSize: 0 }), RangeError, "chunkSize");
  assertThrows(() => new StringPager(reference, BYTES, { window: 1.5 }), RangeError, "window");
  assertThrows(() => new StringPager(reference, [1] as never), TypeError, "bytes or text");
});

Deno.test("Pager takes turns with other pagers of the connection, and calls are answered in between", async () => {
  const names = ["a", "b", "c"];
  const server = new Server((collector) => new Numbered(collector, names.shift()!, 200_000));
  // The mark is so low that each page waits for the one before it.
  await using pair = await testPair(server, { server: { limits: { highWaterMark: 1024 } } });
  const collector = new Collector();
  const root = pair.client.root();
  for (let i = 0; i < 3; i++) root.callRemote("getPages", collector);
  assertEquals(await root.callRemote("ping"), "pong");
  assert(collector.pages.length < 9);
  await Promise.all(server.pagers.map((pager) => pager.finished));
  await settle();
  assertEquals(
    collector.pages.map((page) => (page as string).trim()),
    ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"],
  );
});

Deno.test("Pager produces pages only as fast as the connection sends them", async () => {
  let produced = 0;
  class Endless extends Pager {
    override nextPage(): Uint8Array {
      produced++;
      return new Uint8Array(1000);
    }
  }
  const server = new Server((collector) => new Endless(collector));
  const limits = { highWaterMark: 40_000 };
  await using pair = await testPair(server, {
    server: { limits },
    client: { limits: { maxCallsIn: 10 } },
  });
  const collector = new Collector();
  collector.waits = true;
  await pair.client.root().callRemote("getPages", collector);
  const before = await settled(() => produced);
  assert(before < 500, `${before} pages were produced`);
  assert(pair.server.counts.bufferedBytes < 20_000);
  collector.waits = false;
  for (const { resolve } of collector.answers) resolve();
  await settle();
  assert(produced > before);
  server.pagers[0]!.stopPaging();
  await collector.ended.promise;
});

Deno.test("Pager.stopPaging() sends the page in progress, then the end", async () => {
  const server = new Server((collector) => new Numbered(collector, "a", 2));
  await using pair = await testPair(server);
  const collector = new Collector();
  const { makePager } = server;
  Object.assign(server, {
    makePager: (collector: RemoteReference) => {
      const pager = makePager(collector);
      assertEquals(pager.stillPaging, true);
      queueMicrotask(() => pager.stopPaging());
      return pager;
    },
  });
  await pair.client.root().callRemote("getPages", collector);
  await collector.ended.promise;
  assertEquals(collector.pages, ["a0"]);
  assertEquals(server.pagers[0]!.stillPaging, false);
});

Deno.test("Pager with a window waits for the collector's answers", async () => {
  const server = new Server(stringPager({ window: 2 }));
  await using pair = await testPair(server);
  const collector = new Collector();
  collector.waits = true;
  await pair.client.root().callRemote("getPages", collector);
  for (let answered = 0; answered < 5; answered++) {
    await settle();
    assertEquals(collector.pages.length, Math.min(answered + 2, 5));
    collector.answers[answered]!.resolve();
  }
  await collector.ended.promise;
  await server.pagers[0]!.finished;
  assertEquals(joined(collector.pages), BYTES);
});

Deno.test("Pager with a window rejects when the collector refuses a page", async () => {
  const server = new Server(stringPager({ window: 1 }));
  await using pair = await testPair(server);
  const collector = new Collector();
  collector.waits = true;
  await pair.client.root().callRemote("getPages", collector);
  await settle();
  const refused = assertRejects(() => server.pagers[0]!.finished, PBError, "enough");
  collector.answers[0]!.reject(new PBError("enough"));
  await refused;
  assertEquals(pair.serverLog, []);
});

Deno.test("Pager.finished rejects when the connection is lost, and the callback is not called", async () => {
  let called = false;
  const ended: unknown[] = [];
  class Watched extends StringPager {
    override pagingEnded(error: unknown): void {
      ended.push(error);
    }
  }
  const server = new Server((collector) =>
    new Watched(collector, BYTES, { chunkSize: 1, window: 1, callback: () => called = true })
  );
  const pair = await testPair(server);
  const collector = new Collector();
  collector.waits = true;
  await pair.client.root().callRemote("getPages", collector);
  await settle();
  const lost = assertRejects(
    () => server.pagers[0]!.finished,
    PBConnectionLost,
    "Cannot send pages",
  );
  await pair[Symbol.asyncDispose]();
  assertStrictEquals(ended[0], await lost);
  assertEquals(ended.length, 1);
  assert(!called);
  assertEquals(pair.serverLog, []);
});

Deno.test("Pager.finished rejects at once if the connection is already closed", async () => {
  const pair = await testPair(new Server(stringPager()));
  const collector = pair.client.root();
  await pair[Symbol.asyncDispose]();
  const pager = new StringPager(collector, BYTES);
  await assertRejects(() => pager.finished, PBConnectionLost);
});

Deno.test("Pager.finished rejects when the collector is released", async () => {
  const server = new Server((collector) => {
    queueMicrotask(() => collector.release());
    return new StringPager(collector, BYTES, { chunkSize: 100 });
  });
  await using pair = await testPair(server);
  await pair.client.root().callRemote("getPages", new Collector());
  await assertRejects(() => server.pagers[0]!.finished, DeadReferenceError, "released");
});

Deno.test("Pager releases the collector when nextPage() throws, and logs the error unless finished is awaited", async () => {
  class Broken extends Pager {
    override nextPage(): never {
      throw new TypeError("nothing there");
    }
  }
  const server = new Server((collector) => new Broken(collector));
  await using pair = await testPair(server);
  const call = () => getAllPages(pair.client.root(), "getPages");
  await assertRejects(call, PagingError, "Cannot collect pages: the pager stopped");
  assertEquals(pair.serverLog.map(({ message }) => message), ["Cannot send all pages"]);
  assertInstanceOf(pair.serverLog[0]!.error, TypeError);
  const { makePager } = server;
  Object.assign(server, {
    makePager: (collector: RemoteReference) => {
      const pager = makePager(collector);
      pager.finished.catch(() => {});
      return pager;
    },
  });
  await assertRejects(call, PagingError);
  assertEquals(pair.serverLog.length, 1);
});

Deno.test("Pager.finished rejects for a page that cannot be sent", async () => {
  class Unsendable extends Pager {
    override nextPage(): unknown {
      return { user: { onClick() {} } };
    }
  }
  const server = new Server((collector) => new Unsendable(collector));
  await using pair = await testPair(server);
  await pair.client.root().callRemote("getPages", new Collector());
  await assertRejects(() => server.pagers[0]!.finished, JellyError, "args[0].user.onClick");
});

Deno.test("Pager.finished rejects when its signal is aborted, before or during the paging", async () => {
  const controller = new AbortController();
  const options: PagerOptions = { signal: controller.signal, window: 1 };
  const server = new Server(stringPager(options));
  await using pair = await testPair(server);
  const collector = new Collector();
  collector.waits = true;
  const root = pair.client.root();
  await root.callRemote("getPages", collector);
  await settle();
  const aborted = assertRejects(() => server.pagers[0]!.finished, Error, "no more");
  controller.abort(new Error("no more"));
  await aborted;
  collector.answers[0]!.resolve();
  await root.callRemote("getPages", new Collector());
  await assertRejects(() => server.pagers[1]!.finished, Error, "no more");
  assertEquals(collector.pages.length, 1);
  assertEquals(pair.serverLog, []);
});

Deno.test("Pager logs a callback that throws, and finished still resolves", async () => {
  const server = new Server((collector) =>
    new StringPager(collector, BYTES, {
      callback: () => {
        throw new Error("a bad callback");
      },
    })
  );
  await using pair = await testPair(server);
  await getAllPages(pair.client.root(), "getPages");
  await server.pagers[0]!.finished;
  assertEquals(pair.serverLog.length, 1);
});

Deno.test("Pager releases the collector after the last pager that uses it, unless keepCollector is set", async () => {
  const server = new Server(stringPager());
  await using pair = await testPair(server);
  const root = pair.client.root();
  const collector = new Collector();
  await Promise.all([
    root.callRemote("getPages", collector),
    root.callRemote("getPages", collector),
  ]);
  await Promise.all(server.pagers.map((pager) => pager.finished));
  await settle();
  assertEquals(collector.pages.length, 10);
  assertEquals(pair.client.counts.localObjects, 0);

  Object.assign(server, { makePager: stringPager({ keepCollector: true }) });
  const kept = new Collector();
  await root.callRemote("getPages", kept);
  await kept.ended.promise;
  assertEquals(pair.client.counts.localObjects, 1);
  using reference = server.pagers[2]!.collector;
  await reference.callRemote("endedPaging");
});

Deno.test("Pager does not produce a page while the connection is full", async () => {
  const made: string[] = [];
  class Noted extends Numbered {
    override nextPage(): string | undefined {
      made.push(this.name);
      return super.nextPage();
    }
  }
  const names = ["a", "b", "c"];
  const server = new Server((collector) => new Noted(collector, names.shift()!, 200_000));
  await using pair = await rawClient(server, { limits: { highWaterMark: 4096 } });
  const getPages = ["message", 1, "root", "getPages", 0, ["tuple", ["remote", 1]], ["dictionary"]];
  await pair.peer.say(getPages, getPages, getPages);
  await settle();
  assertEquals(made.filter((name) => name !== "a"), []);
  const finished = Promise.all(server.pagers.map((pager) => pager.finished));
  const pages: unknown[] = [];
  for (let ended = 0; ended < 3;) {
    const [, , , method, , [, page]] = await pair.peer.hear() as [0, 0, 0, string, 0, unknown[]];
    if (method === "endedPaging") ended++;
    else pages.push((page as string[])[1]!.trim());
  }
  await finished;
  assertEquals(pages, ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]);
});

Deno.test("maxPagers fails a further pager until another one has ended", async () => {
  const ended: unknown[] = [];
  class Watched extends StringPager {
    override pagingEnded(error: unknown): void {
      ended.push(error);
    }
  }
  const controller = new AbortController();
  const waiting = { window: 1, chunkSize: 100, signal: controller.signal };
  const server = new Server((collector) => new Watched(collector, BYTES, waiting));
  await using pair = await testPair(server, { server: { limits: { maxPagers: 2 } } });
  const root = pair.client.root();
  const collectors = [new Collector(), new Collector(), new Collector()];
  for (const collector of collectors) {
    collector.waits = true;
    await root.callRemote("getPages", collector);
  }
  const error = await assertRejects(
    () => server.pagers[2]!.finished,
    LimitError,
    "Cannot send pages: 2 pagers are under way",
  );
  assertEquals(error.limit, "maxPagers");
  await settle();
  assertEquals(ended, [error]);
  assertEquals(collectors.map(({ pages }) => pages.length), [1, 1, 0]);
  await assertRejects(() => getAllPages(root, "getPages"), PagingError, "stopped before");
  assertEquals(new Set(pair.serverLog.map(({ event }) => event)), new Set(["pagesFailed"]));

  controller.abort();
  Object.assign(server, { makePager: stringPager() });
  assertEquals(joined(await getAllPages(root, "getPages")), BYTES);
  for (const collector of collectors) for (const { resolve } of collector.answers) resolve();
});

Deno.test("maxPagers rejects the call if the method returns the pager's finished", async () => {
  class Finishing extends Root {
    remote_getPages(collector: RemoteReference): Promise<void> {
      return new StringPager(collector, BYTES, { window: 1 }).finished;
    }
  }
  await using pair = await testPair(new Finishing(), { server: { limits: { maxPagers: 1 } } });
  const root = pair.client.root();
  const collector = new Collector();
  collector.waits = true;
  const call = root.callRemote("getPages", collector);
  await assertRejects(
    () => getAllPages(root, "getPages"),
    PBError,
    "Cannot send pages: 1 pagers are under way",
  );
  collector.answers[0]!.resolve();
  await call;
  assertEquals(pair.serverLog, []);
});

Deno.test("Pager.finished rejects for a last page that cannot be sent, whichever it is", async () => {
  class Faulty extends Pager {
    #left: number;
    constructor(collector: RemoteReference, count: number) {
      super(collector);
      this.#left = count;
    }
    nextPage(): unknown {
      if (--this.#left > 0) return "page";
      this.stopPaging();
      return Symbol("page");
    }
  }
  class Book extends Root {
    remote_read(collector: RemoteReference, count: number): Promise<void> {
      return new Faulty(collector, count).finished;
    }
  }
  await using pair = await testPair(new Book());
  for (const count of [1, 15, 16, 17, 32]) {
    const pages = getAllPages(pair.client.root(), "read", count);
    await assertRejects(() => pages, RemoteError, "symbol");
  }
});

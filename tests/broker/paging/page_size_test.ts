// How pages are counted towards the limits of collectors, whatever a peer sends as pages.

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  CallbackPageCollector,
  LimitError,
  Referenceable,
  StreamPageCollector,
} from "@perspective/broker/broker";
import { FrozenSet, Unpersistable } from "@perspective/broker/jelly";
import { CONNECTION } from "../../../broker/flavors/invoker.ts";
import { pageSize } from "../../../broker/paging/page_size.ts";
import { flavorRegistry, LedgerCache, Point } from "../flavor_classes.ts";
import { settle } from "../pair.ts";
import { type RawPair, rawServer, type Said } from "../raw_peer.ts";

const TEXT = "x".repeat(1000);

Deno.test("pageSize() counts bytes and texts at any depth, and each object once", () => {
  assertEquals(pageSize(new Uint8Array(100), 0), 372);
  assertEquals(pageSize("text", 0), 280);
  const shared = new Uint8Array(1000);
  const loop: unknown[] = [shared, shared, new Map([["key", new Set([TEXT])]])];
  loop.push(loop);
  const size = pageSize(loop, 0);
  assert(size > 3000 && size < 4200, String(size));
  assert(pageSize({ text: TEXT }, 0) > 2000);
  assertEquals(pageSize(null, 0), 272);
  const nothings = Array.from({ length: 1000 }, () => new Uint8Array(0));
  assert(pageSize(nothings, 0) > 100_000, "objects take memory even if nothing is in them");
});

Deno.test("pageSize() counts what is in copies and errors, but not in caches and the program's own objects", () => {
  const parts = [
    new FrozenSet([TEXT]),
    new Unpersistable(TEXT),
    new Error(TEXT),
    new Point(TEXT),
  ];
  for (const part of parts) assert(pageSize([part], 0) > 2000, part.constructor.name);
  class Program {
    readonly all = TEXT;
  }
  assert(pageSize([Object.assign(new LedgerCache(), { entries: [TEXT] })], 0) < 1000);
  assert(pageSize([new Program()], 0) < 1000);
});

Deno.test("pageSize() is never less than the message that brought the page", () => {
  for (const page of [null, new Uint8Array(10), new (class {})()]) {
    assertEquals(pageSize(page, 5000), 5256);
  }
  assert(pageSize(TEXT, 1050) > 2000, "a text takes twice its bytes");
});

function dictionary(fields: Record<string, string>): Said {
  const pairs = Object.entries(fields).map(([key, text]) => [["unicode", key], ["unicode", text]]);
  return ["dictionary", ...pairs];
}

/** Values that contain a text of 1,000 letters. */
const PAGES: { name: string; page: Said }[] = [
  { name: "bytes", page: TEXT },
  { name: "lists", page: ["list", ["unicode", TEXT]] },
  { name: "frozen sets", page: ["frozenset", ["unicode", TEXT]] },
  { name: "unpersistable values", page: ["unpersistable", TEXT] },
  {
    name: "failures",
    page: ["twisted.spread.pb.CopyableFailure", dictionary({ value: TEXT })],
  },
  { name: "copies", page: ["interop.Point", dictionary({ x: TEXT })] },
  { name: "objects from a factory", page: ["test.Made", dictionary({ text: TEXT })] },
];

/** An object from a factory, whose fields are private. */
class Made {
  readonly #state: unknown;
  constructor(state: unknown) {
    this.#state = state;
  }
  get state(): unknown {
    return this.#state;
  }
}

/** Makes a client that knows the classes, and allows four open calls. */
async function pagedClient(): Promise<RawPair> {
  const registry = flavorRegistry();
  registry.setUnjellyableFactoryForClass("test.Made", (state) => new Made(state));
  return await rawServer({ registry, limits: { maxCallsIn: 4 } });
}

/** Sends a page several times to the client's first collector. */
async function sayOften({ peer }: RawPair, page: Said, times: number): Promise<void> {
  const said: Said = ["message", 1, 1, "gotPage", 0, ["tuple", page], ["dictionary"]];
  await peer.say(...Array.from({ length: times }, () => said));
}

for (const { name, page } of PAGES) {
  Deno.test(`CallbackPageCollector fails over maxBytes if pages are ${name}`, async () => {
    await using pair = await pagedClient();
    const pages = Promise.withResolvers<unknown>();
    const options = { errback: pages.reject, maxBytes: 20_000 };
    new CallbackPageCollector(pages.resolve, options).fetch(pair.broker.root(), "pages");
    const refused = assertRejects(() => pages.promise, LimitError, "more than 20000 bytes");
    await sayOften(pair, page, 20);
    await refused;
  });
}

Deno.test("CallbackPageCollector fails over maxBytes if pages are empty", async () => {
  await using pair = await pagedClient();
  const pages = Promise.withResolvers<unknown>();
  const options = { errback: pages.reject, maxBytes: 20_000 };
  new CallbackPageCollector(pages.resolve, options).fetch(pair.broker.root(), "pages");
  const refused = assertRejects(() => pages.promise, LimitError, "more than 20000 bytes");
  await sayOften(pair, "", 80);
  await refused;
});

Deno.test("StreamPageCollector delays its answers to opaque pages and to empty pages", async () => {
  for (const page of [["test.Made", dictionary({ text: TEXT })], ""] as Said[]) {
    await using pair = await pagedClient();
    const accept = (_page: unknown): _page is unknown => true;
    const collector = new StreamPageCollector({ accept, highWaterMark: 10_000 });
    collector.fetch(pair.broker.root(), "pages");
    await sayOften(pair, page, 60);
    await settle();
    assertEquals(pair.broker.counts.callsIn, 4);
    const reader = collector.readable.getReader();
    await reader.cancel();
  }
});

/** Records the lengths of the messages of its calls. */
class Scale extends Referenceable {
  readonly weighed: number[] = [];
  readonly #work = Promise.withResolvers<void>();
  constructor(readonly weigh: () => number) {
    super();
  }
  remote_work(): Promise<void> {
    return this.#work.promise;
  }
  remote_weigh(_value: unknown): void {
    this.weighed.push(this.weigh());
  }
  finish(): void {
    this.#work.resolve();
  }
}

function call(method: string, ...args: Said[]): Said {
  return ["message", 1, "scale", method, 0, ["tuple", ...args], ["dictionary"]];
}

Deno.test("IncomingCalls.messageBytes is the length of the call's message, even if the call was deferred", async () => {
  await using pair = await rawServer({ registry: flavorRegistry(), limits: { maxCallsIn: 1 } });
  const { broker, peer } = pair;
  const scale = new Scale(() => broker[CONNECTION].incoming.messageBytes);
  broker.setNameForLocal("scale", scale);
  await peer.say(call("weigh", TEXT), call("work"));
  const answer = broker.root().callRemote("ledger");
  const ledger: Said = ["interop.Ledger", 5, ["dictionary", ["unicode", "text"], [
    "unicode",
    TEXT,
  ]]];
  // The answer needs the cache, so the calls before it are read now but started later.
  await peer.say(call("weigh", TEXT + TEXT), call("weigh", ledger), call("weigh", ""));
  await peer.say(["answer", 1, ["cached", 5]]);
  const cache = await answer as LedgerCache;
  assertEquals(scale.weighed.length, 1);
  scale.finish();
  await settle();
  const [now, twice, withLedger, nothing] = scale.weighed as [number, number, number, number];
  assert(now > 1000 && now < 1100, `${now}`);
  assertEquals([twice - now, now - nothing], [1000, 1001]);
  assert(withLedger > now, `${withLedger}`);
  assertEquals(broker[CONNECTION].incoming.messageBytes, 0);
  cache.release();
});

Deno.test("IncomingCalls.messageBytes is the length of the call's message, even if aroundCall delays the call", async () => {
  const begin = Promise.withResolvers<void>();
  await using pair = await rawServer({
    aroundCall: (_call, next) => begin.promise.then(next),
  });
  const { broker, peer } = pair;
  const scale = new Scale(() => broker[CONNECTION].incoming.messageBytes);
  broker.setNameForLocal("scale", scale);
  await peer.say(call("weigh", TEXT + TEXT), call("weigh", TEXT));
  await settle();
  begin.resolve();
  await settle();
  assertEquals(scale.weighed[0]! - scale.weighed[1]!, 1000);
});

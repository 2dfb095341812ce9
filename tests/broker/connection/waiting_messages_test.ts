// The order of messages while an end is busy and defers calls.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { type BrokerLimits, LimitError, Root } from "@perspective/broker/broker";
import { JellyError } from "@perspective/broker/jelly";
import { encode } from "@perspective/broker/jelly/banana";
import { sexpOf } from "../../vectors/load.ts";
import { flavorRegistry, LedgerCache } from "../flavor_classes.ts";
import { settle, settled } from "../pair.ts";
import { failureIn, type RawPair, rawServer, type Said } from "../raw_peer.ts";

/** An object whose methods `work` and `rest` keep its end busy. */
class Desk extends Root {
  readonly #work = Promise.withResolvers<void>();
  readonly #rest = Promise.withResolvers<void>();
  readonly taken: unknown[] = [];

  remote_work(): Promise<void> {
    return this.#work.promise;
  }
  remote_rest(): Promise<void> {
    return this.#rest.promise;
  }
  remote_take(value: unknown): void {
    this.taken.push(value);
  }
  remote_large(): Uint8Array {
    return new Uint8Array(500_000);
  }
  finish(): void {
    this.#work.resolve();
  }
  goOn(): void {
    this.#rest.resolve();
  }
}

/** A client that is busy with a call, so that it defers incoming messages. */
interface Busy extends RawPair {
  readonly desk: Desk;
  /** Lets the client make a call; returns the answer to send, and the result of the call. */
  ask(value: Said): { answer: Said; result: Promise<unknown> };
}

async function busyClient(limits: Partial<BrokerLimits> = {}): Promise<Busy> {
  const pair = await rawServer({
    registry: flavorRegistry(),
    limits: { maxCallsIn: 1, ...limits },
  });
  const { broker, peer } = pair;
  const desk = new Desk();
  broker.setNameForLocal("root", desk);
  await peer.say(["message", 1, "root", "work", 1, ["tuple"], ["dictionary"]]);
  let lastRequest = 0;
  const ask = (value: Said) => ({
    result: broker.root().callRemote("ledger"),
    answer: ["answer", ++lastRequest, value],
  });
  return Object.assign(pair, { desk, ask });
}

function take(id: number, value: Said): Said {
  return ["message", id, "root", "take", 1, ["tuple", value], ["dictionary"]];
}

/** A call that keeps the client busy until `goOn()` of the desk. */
function rest(id: number): Said {
  return ["message", id, "root", "rest", 1, ["tuple"], ["dictionary"]];
}

function ledger(luid: number, ...entries: number[]): Said {
  return ["interop.Ledger", luid, ["dictionary", [["unicode", "entries"], ["list", ...entries]]]];
}

function added(id: number, luid: number, entry: number): Said {
  return ["cachemessage", id, luid, "added", 1, ["tuple", entry], ["dictionary"]];
}

/** Reads answers to the peer by request number, and skips calls of the client. */
async function answers({ peer }: RawPair, count: number): Promise<Map<number, unknown>> {
  const heard = new Map<number, unknown>();
  while (heard.size < count) {
    const [word, id] = await peer.hear() as [string, number];
    if (word === "answer" || word === "error") heard.set(id, word);
  }
  return heard;
}

Deno.test("a deferred call that was read ahead fails if its object was released before it", async () => {
  await using busy = await busyClient();
  const { desk, peer, broker } = busy;
  const other = new Desk();
  broker.root().callRemote("take", other).catch(() => {});
  const [, , , , , [, [, luid]]] = await peer.hear() as [0, 0, 0, 0, 0, [0, [0, number]]];
  const call = (
    id: number,
  ): Said => ["message", id, luid, "take", 1, ["tuple", id], ["dictionary"]];
  const ledgerCall = broker.root().callRemote("ledger");
  await peer.say(call(2), ["decref", luid], call(3), take(4, ledger(5, 7)), [
    "answer",
    2,
    ["cached", 5],
  ]);
  assertInstanceOf(await ledgerCall, LedgerCache);
  desk.finish();
  const heard = await answers(busy, 4);
  assertEquals([heard.get(2), heard.get(3), heard.get(4)], ["answer", "error", "answer"]);
  assertEquals(other.taken, [2]);
});

Deno.test("an answer finds a cache that a deferred call has brought", async () => {
  await using busy = await busyClient();
  const { desk, peer, broker } = busy;
  const { answer, result } = busy.ask(["cached", 5]);
  await peer.say(take(2, "first"), take(3, ledger(5, 7)), take(4, "last"), answer);
  const cache = await result;
  assertInstanceOf(cache, LedgerCache);
  assertEquals([cache.entries, desk.taken, broker.counts.callsIn], [[7], [], 1]);
  desk.finish();
  assertEquals(await answers(busy, 4), new Map([1, 2, 3, 4].map((id) => [id, "answer"])));
  const [first, second, last] = desk.taken;
  assertEquals([new TextDecoder().decode(first as Uint8Array), second === cache], ["first", true]);
  assert(last instanceof Uint8Array);
  cache.release();
  for (let uses = 0; uses < 2; uses++) assertEquals(await peer.hear(), ["decache", 5]);
});

Deno.test("an update of a cache is applied before a later answer while calls are deferred", async () => {
  await using busy = await busyClient();
  const { desk, peer } = busy;
  const first = busy.ask(ledger(5));
  await peer.say(first.answer);
  const cache = await first.result as LedgerCache;
  const second = busy.ask(["None"]);
  await peer.say(take(2, 1), added(3, 5, 8), second.answer);
  await second.result;
  assertEquals([cache.entries, desk.taken], [[8], []]);
  desk.finish();
  await answers(busy, 3);
});

Deno.test("updates of a cache that a deferred call has brought are applied in order after that call", async () => {
  await using busy = await busyClient();
  const { desk, peer } = busy;
  const unread = busy.ask(["None"]);
  // While it waits, all that comes is read.
  const open = busy.ask(["None"]);
  await peer.say(take(2, ledger(5)), added(3, 5, 1), unread.answer);
  await unread.result;
  const { answer, result } = busy.ask(["cached", 5]);
  await peer.say(answer, added(4, 5, 2));
  const cache = await result as LedgerCache;
  await settle();
  assertEquals([cache.entries, desk.taken], [[], []]);
  desk.finish();
  await answers(busy, 4);
  assertEquals([cache.entries, desk.taken], [[1, 2], [cache]]);
  // An update that arrives now is applied at once, even while the client is busy.
  await peer.say(rest(5), added(6, 5, 3), open.answer);
  await open.result;
  assertEquals(cache.entries, [1, 2, 3]);
  desk.goOn();
  await answers(busy, 2);
});

Deno.test("invalid calls that were read ahead fail in their turn", async () => {
  await using busy = await busyClient();
  const { desk, peer } = busy;
  const { answer, result } = busy.ask(["cached", 5]);
  await peer.say(
    ["message", 2, "root", "take", 1, 7, ["dictionary"]],
    ["message", 3, 77, "take", 1, ["tuple"], ["dictionary"]],
    ["nonsense"],
    take(4, ledger(5)),
    answer,
  );
  assertInstanceOf(await result, LedgerCache);
  desk.finish();
  await peer.hear();
  assertEquals(await peer.hear(), ["answer", 1, ["None"]]);
  for (
    const expected of [
      "Cannot read arguments: they are neither a tuple nor a list",
      "Invalid Object ID",
    ]
  ) assertEquals(failureIn(await peer.hear()).value, expected);
  assertEquals(await peer.hear(), ["didNotUnderstand", "nonsense"]);
  assertEquals(await peer.hear(), ["answer", 4, ["None"]]);
});

const BROKEN: Said[] = [[], ["message", 2, "root"], ["message", 2, "root", 5, 1, ["tuple"], [
  "dictionary",
]]];
for (const broken of BROKEN) {
  Deno.test(`a malformed message that was read ahead closes the connection in its turn: ${JSON.stringify(broken)}`, async () => {
    await using busy = await busyClient();
    const { desk, peer, broker } = busy;
    const { answer, result } = busy.ask(["cached", 5]);
    await peer.say(broken, take(4, ledger(5)), answer);
    assertInstanceOf(await result, LedgerCache);
    const lost = assertRejects(() => broker.root().callRemote("x"), Error, "connection lost");
    await settle();
    assert(!broker.isClosed);
    desk.finish();
    await lost;
    assertEquals(desk.taken, []);
  });
}

Deno.test("callRemote() rejects when its answer refers to a cache that no deferred message has brought", async () => {
  await using busy = await busyClient();
  const { desk, peer } = busy;
  const { answer, result } = busy.ask(["cached", 6]);
  const refused = assertRejects(() => result, JellyError, "nothing came under this number");
  const other = busy.ask(["cached", 5]);
  await peer.say(take(2, ledger(5)), ["decref", 1], answer);
  await refused;
  await peer.say(other.answer);
  assertInstanceOf(await other.result, LedgerCache);
  assertEquals(desk.taken, []);
});

Deno.test("deferred messages are read ahead up to one megabyte", async () => {
  await using busy = await busyClient();
  const { desk, peer } = busy;
  const { answer, result } = busy.ask(["cached", 5]);
  const refused = assertRejects(() => result, JellyError, "nothing came under this number");
  const large = "x".repeat(600_000);
  await peer.say(take(2, large), take(3, large), take(4, ledger(5)), answer);
  await refused;
  const open = busy.ask(["None"]);
  desk.finish();
  await answers(busy, 4);
  assertEquals(desk.taken.length, 3);
  await peer.say(open.answer);
  await open.result;
});

Deno.test("a deferred call that refers to an unknown cache fails alone, and gives its use back once", async () => {
  await using busy = await busyClient();
  const { desk, peer, broker } = busy;
  const { answer, result } = busy.ask(["cached", 98]);
  const refused = assertRejects(() => result, JellyError, "nothing came under this number");
  await peer.say(take(2, ["cached", 99]), take(3, 3), take(4, 4), answer);
  await refused;
  desk.finish();
  // Each use of an unknown cache is given back once.
  const heard: unknown[] = [];
  for (let i = 0; i < 7; i++) heard.push((await peer.hear() as unknown[]).slice(0, 2));
  const expected = [["answer", 1], ["error", 2], ["answer", 3], ["answer", 4]];
  for (const one of [...expected, ["decache", 98], ["decache", 99]]) {
    assert(heard.some((other) => String(other) === String(one)), `${one}`);
  }
  assertEquals([desk.taken, broker.counts.callsIn], [[3, 4], 0]);
});

Deno.test("an answer finds a cache that a deferred update has brought", async () => {
  await using busy = await busyClient();
  const { desk, peer } = busy;
  const { answer, result } = busy.ask(["cached", 6]);
  const brings: Said = [
    "cachemessage",
    3,
    5,
    "added",
    1,
    ["tuple", ledger(6, 60)],
    ["dictionary"],
  ];
  await peer.say(take(2, ledger(5, 7)), brings, take(4, ["cached", 6]), answer);
  const cache = await result;
  assertInstanceOf(cache, LedgerCache);
  assertEquals(cache.entries, [60]);
  desk.finish();
  assertEquals(await answers(busy, 4), new Map([1, 2, 3, 4].map((id) => [id, "answer"])));
  const [outer, again] = desk.taken as [LedgerCache, LedgerCache];
  assertEquals(outer.entries, [7, cache]);
  assertEquals(again === cache, true);
  // Updates that arrive now are applied at once, even while the client is busy.
  const next = busy.ask(["None"]);
  await peer.say(rest(5), added(6, 6, 61), next.answer);
  await next.result;
  assertEquals(cache.entries, [60, 61]);
  desk.goOn();
  await answers(busy, 2);
});

Deno.test("thousands of deferred messages are handled in order", async () => {
  await using busy = await busyClient({ maxBufferedBytes: 1_000_000 });
  const { desk, peer } = busy;
  const { answer, result } = busy.ask(1);
  const messages: Said[] = Array.from({ length: 9000 }, (_, i) => take(2 + i, i));
  const saying = peer.say(...messages, answer);
  await result;
  desk.finish();
  await answers(busy, 9001);
  await saying;
  assertEquals(desk.taken, Array.from({ length: 9000 }, (_, i) => i));
});

Deno.test("deferred messages and open calls together may take twice maxBufferedBytes", async () => {
  for (const brought of [0, 9000]) {
    await using busy = await busyClient({ maxCallsIn: 2, maxBufferedBytes: 10_000 });
    const { desk, peer } = busy;
    await peer.say(["message", 2, "root", "work", 1, ["tuple", "x".repeat(brought)], [
      "dictionary",
    ]]);
    const { answer, result } = busy.ask(["None"]);
    let isTaken = false;
    result.then(() => isTaken = true);
    await peer.say(take(3, "x".repeat(7000)), take(4, "x".repeat(7000)), answer);
    await settle();
    assertEquals([isTaken, desk.taken.length], [brought === 0, 0]);
    desk.finish();
    await answers(busy, 4);
    await result;
  }
});

Deno.test("no deferred call is started after one whose answer closes the connection", async () => {
  for (const isRead of [false, true]) {
    // The peer does not read its answers, and the second one exceeds the limit.
    await using busy = await busyClient({ highWaterMark: 10_000_000, maxBufferedBytes: 100_000 });
    const { desk, peer, broker } = busy;
    const lost = assertRejects(() => busy.ask(1).result, Error, "connection lost");
    const large = (id: number) => ["message", id, "root", "large", 1, ["tuple"], ["dictionary"]];
    await peer.say(large(2), large(3), take(4, 4), take(5, ledger(5)));
    if (isRead) {
      const { answer, result } = busy.ask(["cached", 5]);
      await peer.say(answer);
      await result;
    }
    await settle();
    desk.finish();
    assertInstanceOf(await broker.closed, LimitError);
    assertEquals(desk.taken, []);
    await lost;
  }
});

Deno.test("messages that are read ahead in two steps are handled in order", async () => {
  await using busy = await busyClient();
  const { desk, peer } = busy;
  const [first, second] = [busy.ask(["cached", 5]), busy.ask(["cached", 6])];
  await peer.say(take(2, 2), take(3, ledger(5)), rest(4), take(5, ledger(6)), take(6, 6));
  await peer.say(first.answer);
  const one = await first.result;
  desk.finish();
  await settle();
  assertEquals(desk.taken, [2, one]);
  await peer.say(second.answer);
  const other = await second.result;
  assertEquals(desk.taken, [2, one]);
  desk.goOn();
  assertEquals(await answers(busy, 6), new Map([1, 2, 3, 4, 5, 6].map((id) => [id, "answer"])));
  assertEquals(desk.taken, [2, one, other, 6]);
});

Deno.test("a deferred call finds a cache that a later deferred call brings", async () => {
  await using busy = await busyClient();
  const { desk, peer } = busy;
  const never = busy.ask(["None"]);
  await peer.say(take(2, ["cached", 5]), take(3, ledger(5)), take(4, 4));
  await settle();
  desk.finish();
  assertEquals(await answers(busy, 4), new Map([1, 2, 3, 4].map((id) => [id, "answer"])));
  const [cache] = desk.taken;
  assertInstanceOf(cache, LedgerCache);
  assertEquals(desk.taken, [cache, cache, 4]);
  await peer.say(never.answer);
  await never.result;
});

Deno.test("maxBufferedBytes counts eight extra bytes for each deferred message", async () => {
  const size = encode(sexpOf(take(1000, 1)), { dialect: "pb" }).length;
  for (const isOver of [false, true]) {
    await using busy = await busyClient({ maxBufferedBytes: 10_000 });
    const { desk, peer, broker } = busy;
    const { answer, result } = busy.ask(["None"]);
    let isTaken = false;
    result.then(() => isTaken = true);
    // Each takes its own bytes and eight more, and the open call takes some as well.
    const count = Math.ceil(20_000 / (size + 8)) - (isOver ? 0 : 20);
    await peer.say(...Array.from({ length: count }, (_, i) => take(1000 + i, 1)), answer);
    await settled(() => broker.traffic.bytesReceived);
    assertEquals([isTaken, desk.taken.length], [!isOver, 0]);
    desk.finish();
    await answers(busy, 1 + count);
    await result;
  }
});

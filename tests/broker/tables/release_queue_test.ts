// Objects that a peer has sent very often are given back as often, in slices.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertStrictEquals,
} from "@std/assert";
import {
  type Broker,
  type BrokerLimits,
  LimitError,
  type RemoteReference,
  Root,
} from "@perspective/broker/broker";
import { encode } from "@perspective/broker/jelly/banana";
import { sexpOf } from "../../vectors/load.ts";
import { flavorRegistry, type LedgerCache } from "../flavor_classes.ts";
import { settle, settled } from "../pair.ts";
import { type RawPair, type RawPeer, rawServer, type Said } from "../raw_peer.ts";

/** The number of arrivals, which fill three slices. */
const MANY = 30_000;
const SLICE = 10_000;

/** Keeps what arrives. */
class Desk extends Root {
  readonly taken: unknown[][] = [];
  remote_take(values: unknown[]): void {
    this.taken.push(values);
  }
}

interface DeskPair extends RawPair {
  readonly desk: Desk;
}

async function deskClient(limits: Partial<BrokerLimits> = {}): Promise<DeskPair> {
  const pair = await rawServer({ registry: flavorRegistry(), limits });
  const desk = new Desk();
  pair.broker.setNameForLocal("desk", desk);
  return Object.assign(pair, { desk });
}

/** Sends values to the desk, and returns what arrived. */
async function bring<T>({ peer, desk }: DeskPair, values: readonly Said[]): Promise<T[]> {
  await peer.say(["message", 9, "desk", "take", 1, ["tuple", ["list", ...values]], ["dictionary"]]);
  await hear(peer, ["answer", 9, ["None"]]);
  return desk.taken.at(-1) as T[];
}

function often(value: Said, times = MANY): Said[] {
  return Array.from({ length: times }, () => value);
}

/** Reads the same message a number of times. */
async function hear(peer: RawPeer, message: Said, times = 1): Promise<void> {
  for (let left = times; left !== 0; left--) assertEquals(await peer.hear(), message);
}

/** Returns how many copies of a message wait to be written. */
function waiting(broker: Broker, message: Said): number {
  return broker.counts.bufferedBytes / encode(sexpOf(message), { dialect: "pb" }).length;
}

Deno.test("RemoteReference.release() gives back each arrival, in slices", async () => {
  await using pair = await deskClient();
  const { broker, peer } = pair;
  const [reference] = await bring<RemoteReference>(pair, often(["remote", 7]));
  reference!.release();
  assertEquals(waiting(broker, ["decref", 7]), SLICE);
  assertEquals(broker.counts.remoteObjects, 0);
  await hear(peer, ["decref", 7], MANY);
  await settle();
  await bring(pair, []);
});

Deno.test("RemoteReference.release() gives back fewer arrivals than a slice before the next message", async () => {
  await using pair = await deskClient();
  const { peer, broker } = pair;
  const values = [7, 8, 9].flatMap((luid) => often(["remote", luid], 20 * luid));
  const references = new Set(await bring<RemoteReference>(pair, values));
  for (const reference of references) reference.release();
  broker.root().callRemote("next").catch(() => {});
  for (const luid of [7, 8, 9]) await hear(peer, ["decref", luid], 20 * luid);
  assertEquals((await peer.hear() as unknown[])[3], "next");
});

Deno.test("RemoteReference.release() of many objects shares slices among them", async () => {
  await using pair = await deskClient();
  const { peer, broker } = pair;
  const luids = Array.from({ length: 100 }, (_, index) => 20 + index);
  const values = luids.flatMap((luid) => often(["remote", luid], 500));
  for (const reference of new Set(await bring<RemoteReference>(pair, values))) reference.release();
  assertEquals(waiting(broker, ["decref", 20]), SLICE);
  for (const luid of luids) await hear(peer, ["decref", luid], 500);
  await settle();
  await bring(pair, []);
});

Deno.test("RemoteReference.release() writes at most one slice while the peer does not read", async () => {
  await using pair = await deskClient({ highWaterMark: 1024 });
  const { peer, broker } = pair;
  const [reference] = await bring<RemoteReference>(pair, often(["remote", 7], 100_000));
  reference!.release();
  await settled(() => broker.counts.bufferedBytes);
  const written = waiting(broker, ["decref", 7]);
  assert(written <= SLICE, `${written} messages wait`);
  await hear(peer, ["decref", 7], 100_000);
});

Deno.test("RemoteReference.release() of ever more objects closes the connection of a peer that does not read", async () => {
  await using pair = await deskClient({ highWaterMark: 1024, maxBufferedBytes: 128 * 1024 });
  const { peer, broker, desk } = pair;
  for (let first = 1; first < 5000 && !broker.isClosed; first += 200) {
    const luids = Array.from({ length: 200 }, (_, index) => first + index);
    const values = luids.flatMap((luid) => often(["remote", luid], 20));
    await peer.say(["message", 0, "desk", "take", 0, ["tuple", ["list", ...values]], [
      "dictionary",
    ]]);
    await settle();
    for (const reference of new Set(desk.taken.pop() as RemoteReference[])) reference.release();
  }
  assert(broker.isClosed);
  const reason = await broker.closed;
  assertInstanceOf(reason, LimitError);
  assertEquals(reason.limit, "maxBufferedBytes");
});

Deno.test("RemoteReference that arrives while the old one is being given back is valid until released", async () => {
  await using pair = await deskClient();
  const { peer, broker } = pair;
  const [first] = await bring<RemoteReference>(pair, often(["remote", 7]));
  first!.release();
  await hear(peer, ["decref", 7], 100);
  // This arrives while slices are still to be written.
  await peer.say(["message", 0, "desk", "take", 0, ["tuple", ["list", ["remote", 7]]], [
    "dictionary",
  ]]);
  await hear(peer, ["decref", 7], MANY - 100);
  const [second] = pair.desk.taken.at(-1) as RemoteReference[];
  assertNotStrictEquals(second, first);
  assertEquals([second!.isReleased, broker.counts.remoteObjects], [false, 1]);
  assertStrictEquals((await bring(pair, [["remote", 7]]))[0], second);
  second!.release();
  await hear(peer, ["decref", 7], 2);
  await bring(pair, []);
});

Deno.test("RemoteCache.release() gives back each use, in slices, and the cache may arrive again", async () => {
  await using pair = await deskClient();
  const { peer, broker } = pair;
  const ledger: Said = ["interop.Ledger", 7, ["dictionary"]];
  const [cache] = await bring<LedgerCache>(pair, [ledger, ...often(["cached", 7], MANY - 1)]);
  cache!.release();
  assertEquals(waiting(broker, ["decache", 7]), SLICE);
  await hear(peer, ["decache", 7], 100);
  await peer.say(["message", 0, "desk", "take", 0, ["tuple", ["list", ["cached", 7]]], [
    "dictionary",
  ]]);
  await hear(peer, ["decache", 7], MANY - 100);
  assertStrictEquals(pair.desk.taken.at(-1)![0], cache);
  assert(cache!.isLive);
  cache!.release();
  await hear(peer, ["decache", 7]);
  await peer.say(["uncache", 7]);
  await bring(pair, []);
  assertEquals(broker.counts.caches, 0);
});

Deno.test("RemoteReference.release() writes nothing more when the connection closes", async () => {
  await using pair = await deskClient({ highWaterMark: 1024 });
  const { peer, broker } = pair;
  const [reference] = await bring<RemoteReference>(pair, often(["remote", 7]));
  reference!.release();
  peer.close();
  await broker.closed;
  const { bytesSent } = broker.traffic;
  await settle();
  assertEquals([broker.counts.bufferedBytes, broker.traffic.bytesSent], [0, bytesSent]);
});

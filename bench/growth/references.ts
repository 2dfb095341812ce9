/**
 * Up to 100,000 references held over one connection.
 *
 * @module
 */

import { connectPair, Referenceable, type RemoteReference, Root } from "@perspective/broker/broker";
import { markdown, short } from "../table.ts";
import { least } from "./meter.ts";

/** Number of references that arrive or are given back at a time. */
const BATCH = 1000;
/** Number of calls that are measured. */
const CALLS = 5000;

class Item extends Referenceable {
  remote_nothing(): void {}
}

class Store extends Root {
  remote_more(count: number): Item[] {
    return Array.from({ length: count }, () => new Item());
  }
}

/** Measures, and lays out the table. */
export async function referencesTable(): Promise<string> {
  const limits = { maxReferences: 200_000, maxImports: 200_000 };
  await using pair = await connectPair(new Store(), { client: { limits }, server: { limits } });
  const store = pair.client.root<Store>();
  const held: RemoteReference<Item>[] = [];
  const more = async (count: number) => {
    held.push(...await store.callRemote("more", count) as RemoteReference<Item>[]);
  };
  const comeAndGo = async () => {
    await more(BATCH);
    for (const reference of held.splice(-BATCH)) reference.release();
    await store.callRemote("more", 0);
  };
  /** Calls one reference after another, spread over all that are held. */
  const callAll = async () => {
    for (let i = 0; i < CALLS; i++) await held[(i * 7919) % held.length]!.remote.nothing();
  };
  const rows: string[][] = [];
  for (const size of [1, 10, 100, 1000, 10_000, 100_000]) {
    while (held.length < size) await more(Math.min(BATCH, size - held.length));
    // The first rounds warm up.
    if (size === 1) { for (let i = 0; i < 10; i++) await comeAndGo(); }
    rows.push([
      short(size),
      short(await least(5, callAll) / CALLS),
      short(await least(5, comeAndGo) / BATCH),
    ]);
  }
  for (const reference of held.splice(0)) reference.release();
  // Answered after all of them.
  await store.callRemote("more", 0);
  return "References held over one connection, both ends in this process; microseconds of processor " +
    "time for a call of one of them, and for one more that arrives and is given back:\n\n" +
    `${markdown(["held", "call", "come and go"], rows)}\n\n` +
    `When all are given back, ${pair.server.counts.localObjects - 1} are left at the other end.`;
}

/**
 * Memory over long traffic.
 *
 * @module
 */

import { connect, Referenceable, Root, serve } from "@perspective/broker/broker";
import { markdown, short } from "../table.ts";
import { settle } from "./meter.ts";

/** Number of calls between two looks at the memory. */
const CALLS = 400_000;
/** Number of looks at the memory. */
const LOOKS = 6;
/** Number of calls in flight. */
const IN_FLIGHT = 100;

class Item extends Referenceable {}

class Server extends Root {
  remote_echo(value: unknown): unknown {
    return value;
  }
  remote_item(): Item {
    return new Item();
  }
}

/** Measures, and lays out the table. */
export async function trafficTable(): Promise<string> {
  await using server = serve(new Server(), { url: "pb://127.0.0.1:0" });
  await using broker = await connect(server.url);
  const root = broker.root<Server>();
  const record = { id: 1, name: "user", score: 0.5 };
  const rows: string[][] = [];
  const start = performance.now();
  for (let look = 0; look <= LOOKS; look++) {
    // The first round only warms up.
    let left = look === 0 ? CALLS / 4 : CALLS;
    await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
      while (left-- > 0) {
        if (left % 10 !== 0) await root.callRemote("echo", left);
        else if (left % 100 !== 0) await root.callRemote("echo", record);
        else if (left % 1000 !== 0) (await root.callRemote("item")).release();
        // Left to the garbage collector, as in most programs.
        else await root.callRemote("item");
      }
    }));
    await settle();
    const { heapUsed, rss } = Deno.memoryUsage();
    const { localObjects, remoteObjects } = [...server.brokers][0]!.counts;
    rows.push([
      short(look * CALLS),
      (heapUsed / 1024 ** 2).toFixed(2),
      (rss / 1024 ** 2).toFixed(0),
      String(localObjects - 1 + remoteObjects + broker.counts.remoteObjects),
    ]);
  }
  const rate = LOOKS * CALLS / (performance.now() - start) * 1000;
  const hours = LOOKS * CALLS / (1000 * 3600);
  return `Calls over one connection, both ends in this process, ${IN_FLIGHT} in flight: texts and ` +
    "records, one in 100 a reference that is released or left to the garbage collector. " +
    `${short(LOOKS * CALLS)} calls are ${
      hours.toFixed(1)
    } hours of 1,000 a second; here they ran at ` +
    `${short(rate)}. MiB after a full collection, and references that are still held:\n\n` +
    markdown(["calls", "heap", "resident", "held"], rows);
}

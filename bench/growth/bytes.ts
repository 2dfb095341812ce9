/**
 * One message from 1 KiB to 64 MiB, in pieces of different sizes.
 *
 * @module
 */

import { PBClientFactory, PBServerFactory, Root } from "@perspective/broker/broker";
import { memoryPair } from "@perspective/broker/transport";
import { bytes, markdown, short } from "../table.ts";
import { least } from "./meter.ts";

/** The longest message that is sent; with the default limits, it would be slightly too long. */
const MOST = 64 * 1024 ** 2;
/** Bytes of one string in the message. */
const STRING = 4096;
/** Sizes of the pieces in which messages arrive, and the longest message sent in such pieces. */
const CHUNKS = [
  { size: 1, most: 64 * 1024 },
  { size: 1024, most: 4 * 1024 ** 2 },
  { size: 65_536, most: MOST },
  { size: Infinity, most: MOST },
];

class Counter extends Root {
  remote_count(strings: Uint8Array[]): number {
    return strings.length;
  }
}

/** Nanoseconds per byte of a message that is sent, read and answered, within this process. */
async function nanoseconds(total: number, chunkSize: number): Promise<number> {
  const limits = { maxMessageBytes: 2 * MOST, maxBufferedBytes: 4 * MOST };
  const [here, there] = memoryPair({ chunkSize, highWaterMark: 2 * MOST });
  const client = new PBClientFactory({ limits }).buildBroker(here);
  const server = new PBServerFactory(new Counter(), { limits }).buildBroker(there);
  await client.ready;
  const root = client.root<Counter>();
  const count = Math.ceil(total / STRING);
  const strings = Array.from({ length: count }, () => new Uint8Array(Math.min(STRING, total)));
  const calls = Math.ceil(256 * 1024 / total);
  const time = await least(5, async () => {
    for (let i = 0; i < calls; i++) await root.callRemote("count", strings);
  });
  await client.close();
  await server.close();
  return time * 1000 / (calls * total);
}

/** Measures, and lays out the table. */
export async function bytesTable(): Promise<string> {
  const rows: string[][] = [];
  await nanoseconds(1024, Infinity);
  for (let total = 1024; total <= MOST; total *= 4) {
    const row = [bytes(total)];
    for (const { size, most } of CHUNKS) {
      row.push(total <= most ? short(await nanoseconds(total, size)) : "");
    }
    rows.push(row);
  }
  const head = CHUNKS.map(({ size }) => size === Infinity ? "whole" : `in ${bytes(size)}`);
  return "One message of so many bytes, sent and read in this process; nanoseconds of processor " +
    `time per byte, the lowest of several:\n\n${markdown(["message", ...head], rows)}`;
}

/**
 * Messages of all sizes over TCP and WebSocket: none may wait for an acknowledgement.
 *
 * @module
 */

import { connect } from "@perspective/broker/broker";
import { bytes, markdown, short } from "../table.ts";
import { startServer } from "./server.ts";

/** A string may have at most 640 KiB, so the largest message has two of half a mebibyte. */
const LONGEST = 512 * 1024;
/** A little less than a delayed acknowledgement takes, in milliseconds. */
const DELAY = 38;

interface Times {
  readonly median: number;
  readonly worst: number;
  readonly delayed: number;
}

/** Sends bytes there and back, one message at a time; returns the milliseconds. */
async function measure(call: (value: unknown) => Promise<unknown>, size: number): Promise<Times> {
  const value = size > LONGEST
    ? [new Uint8Array(size / 2), new Uint8Array(size / 2)]
    : new Uint8Array(size);
  const times: number[] = [];
  for (let i = 0; i < 40; i++) {
    const start = performance.now();
    await call(value);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return {
    median: times[20]!,
    worst: times.at(-1)!,
    delayed: times.filter((time) => time > DELAY).length,
  };
}

/** Measures, and lays out the table. */
export async function sizesTable(): Promise<string> {
  const columns = new Map<string, Times[]>();
  const sizes: number[] = [];
  for (let size = 1; size <= 1024 ** 2; size *= 2) {
    sizes.push(size, ...(size === 1024 ? [1025] : []));
  }
  for (const transport of ["tcp", "ws"] as const) {
    await using server = await startServer("contender.ts", "seq", transport);
    const scheme = transport === "tcp" ? "pb" : "ws";
    const broker = await connect(`${scheme}://127.0.0.1:${server.port}`);
    const root = broker.root();
    const times: Times[] = [];
    await measure((value) => root.callRemote("echo", value), 100);
    for (const size of sizes) {
      times.push(await measure((value) => root.callRemote("echo", value), size));
    }
    columns.set(transport, times);
    await broker.close();
  }
  const delayed = [...columns.values()].flat().reduce((sum, times) => sum + times.delayed, 0);
  const rows = sizes.map((size, i) => [
    size === 1025 ? "1025 B" : bytes(size),
    ...[...columns.values()].flatMap((times) => [
      short(times[i]!.median * 1000),
      short(times[i]!.worst * 1000),
    ]),
  ]);
  const head = ["bytes", "TCP, median", "worst of 40", "WebSocket, median", "worst of 40"];
  return "Bytes echoed by another process, one call at a time; microseconds. Calls that took more " +
    `than ${DELAY} ms, as a delayed acknowledgement would make them: ${delayed}.\n\n` +
    markdown(head, rows);
}

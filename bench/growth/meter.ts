/**
 * Measures memory and processor time, which other programs on the machine disturb less than the
 * clock.
 *
 * @module
 */

import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");

/** Collects all garbage now. */
export const collect: () => void = runInNewContext("gc");

/** Collects garbage, lets finalizers run, and lets what they send go out. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise<void>((resolve) => setTimeout(resolve, 20));
  }
}

/** Microseconds of processor time that this process has used, in all its threads. */
export function ownTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Microseconds of processor time that another process has used; Linux only. */
export function timeOf(pid: number): number {
  let nanoseconds = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`);
    nanoseconds += Number(text.split(" ")[0]);
  }
  return nanoseconds / 1000;
}

/** Microseconds of processor time that something takes: the lowest of several measurements. */
export async function least(times: number, run: () => unknown): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < times; i++) {
    collect();
    const start = ownTime();
    await run();
    best = Math.min(best, ownTime() - start);
  }
  return best;
}

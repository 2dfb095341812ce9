/**
 * Waits, but not for ever.
 *
 * @module
 */

import { MAX_TIMEOUT } from "../transport/checks.ts";

/**
 * Waits for a promise, but not for longer than some milliseconds.
 *
 * @param time The most milliseconds; `Infinity` for as long as it takes.
 * @param promise What to wait for.
 * @returns Settles when the promise has, or the time is over.
 */
export async function within(time: number, promise: Promise<void>): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = time <= MAX_TIMEOUT ? setTimeout(timeout.resolve, time) : undefined;
  await Promise.race([promise, timeout.promise]);
  clearTimeout(timer);
}

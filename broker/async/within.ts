/**
 * Waiting, but not forever.
 *
 * @module
 */

import { MAX_TIMEOUT } from "../../transport/base/checks.ts";

/**
 * Waits for a promise, but only for a limited time.
 *
 * @param time Maximum number of milliseconds; `Infinity` for as long as it takes.
 * @param promise What to wait for.
 * @returns Settles when the promise has, or resolves when the time is over.
 */
export async function within(time: number, promise: Promise<unknown>): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = time <= MAX_TIMEOUT ? setTimeout(timeout.resolve, time) : undefined;
  try {
    await Promise.race([promise, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits, but not for ever.
 *
 * @module
 */

/**
 * Waits for a promise, but not for longer than some milliseconds.
 *
 * @param time The most milliseconds.
 * @param promise What to wait for.
 * @returns Settles when the promise has, or the time is over.
 */
export async function within(time: number, promise: Promise<void>): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, time);
  await Promise.race([promise, timeout.promise]);
  clearTimeout(timer);
}

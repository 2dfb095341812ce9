/**
 * Waiting that ends.
 *
 * @module
 */

/** Waits for so long, or until a signal; the timer never outlives the waiting. */
export class Patience {
  readonly over: Promise<void>;
  readonly end: () => void;
  isOver = false;

  constructor(wait: number, signal: AbortSignal | undefined) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const finish = () => {
      this.isOver = true;
      resolve();
    };
    this.over = promise;
    const timer = wait === 0 ? undefined : setTimeout(finish, wait);
    if (wait === 0) finish();
    signal?.addEventListener("abort", finish, { once: true });
    this.end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
    };
  }
}

/** Waits for a promise, but rejects when a signal aborts before. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

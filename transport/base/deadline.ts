/**
 * Runs work that must be done in time.
 *
 * @module
 */

import { type Alarm, CLOCK } from "./clock.ts";

/** Options for {@linkcode withDeadline}. */
export interface DeadlineOptions {
  /** Milliseconds until the work is abandoned; `Infinity` for never. */
  readonly timeout: number;
  /** Abandons the work as well. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs work with a signal to give up, which aborts when the time is up (with a `DOMException` named
 * `TimeoutError`), or when the given signal does (with its reason). The alarm never outlives the
 * work.
 */
export async function withDeadline<T>(
  options: DeadlineOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timeout, signal } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const giveUp = () => controller.abort(signal?.reason);
  const alarm: Alarm = {
    delay: timeout,
    place: undefined,
    ring: () => controller.abort(outOfTime(timeout)),
  };
  CLOCK.set(alarm);
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    return await work(controller.signal);
  } catch (error) {
    // The work's own error is only a consequence.
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    CLOCK.clear(alarm);
    signal?.removeEventListener("abort", giveUp);
  }
}

/** Creates the error for work whose time is up. */
export function outOfTime(timeout: number): DOMException {
  return new DOMException(`no answer within ${timeout} ms`, "TimeoutError");
}

/**
 * Waits for a promise, and calls `close` if the signal aborts meanwhile, and if the promise
 * rejects.
 */
export async function closeOnAbort<T>(
  signal: AbortSignal,
  close: () => void,
  promise: Promise<T>,
): Promise<T> {
  if (signal.aborted) close();
  else signal.addEventListener("abort", close, { once: true });
  try {
    return await promise;
  } catch (error) {
    close();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/**
 * Work that must be finished by a deadline, and waits that can be abandoned.
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
  /** Creates the error for when the time is up. Defaults to {@linkcode outOfTime}. */
  readonly tooLate?: (timeout: number) => Error;
}

/**
 * Runs work with a signal that aborts when the time is up (with the error for that), or when the
 * given signal does (with its reason). The alarm never outlives the work.
 */
export async function withDeadline<T>(
  options: DeadlineOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timeout, signal, tooLate = outOfTime } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const giveUp = () => controller.abort(signal?.reason);
  const alarm: Alarm = {
    delay: timeout,
    place: undefined,
    ring: () => controller.abort(tooLate(timeout)),
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

/** Creates the usual error for work whose time is up: a `DOMException` named `TimeoutError`. */
export function outOfTime(timeout: number): DOMException {
  return new DOMException(`no answer within ${timeout} ms`, "TimeoutError");
}

/** Waits for a promise, but rejects with the signal's reason as soon as that aborts. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Waits for a promise, and calls `close` if the signal aborts meanwhile, after which the promise must
 * settle, and if the promise rejects. The signal's reason takes the place of the promise's error.
 */
export async function closeOnAbort<T>(
  signal: AbortSignal | undefined,
  close: () => void,
  promise: Promise<T>,
): Promise<T> {
  if (signal?.aborted) close();
  else signal?.addEventListener("abort", close, { once: true });
  try {
    return await promise;
  } catch (error) {
    close();
    // The promise's own error is only a consequence.
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", close);
  }
}

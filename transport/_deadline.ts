/**
 * Work that must be done in time.
 *
 * @module
 */

import { type Alarm, CLOCK } from "./clock.ts";

/** Options for {@linkcode withDeadline}. */
export interface DeadlineOptions {
  /** Milliseconds until the work is given up; `Infinity` for never. */
  readonly timeout: number;
  /** Gives the work up as well. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs work with a signal that says when to give up: when time is out (a `DOMException` named
 * `TimeoutError`), or with the reason of the signal given. The alarm never outlives the work.
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
    // What the work died of is a consequence.
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    CLOCK.clear(alarm);
    signal?.removeEventListener("abort", giveUp);
  }
}

/** What something is given up for whose time is over. */
export function outOfTime(timeout: number): DOMException {
  return new DOMException(`no answer within ${timeout} ms`, "TimeoutError");
}

/** Waits for a promise while a signal may close what it waits on; `close` runs once, on failure too. */
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

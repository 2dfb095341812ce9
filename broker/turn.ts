/**
 * Turns of the event loop, counted in microtasks: long enough for a program to go on, and to say
 * what it has to say.
 *
 * @module
 */

/** So many microtasks in a row must write nothing before what was written goes out. */
export const QUIET_MICROTASKS = 8;
/** So many are enough for the program to go on, and for what it writes to go out. */
const TURN_MICROTASKS = QUIET_MICROTASKS + 4;

/** A connection that has kept the program busy for so many milliseconds lets others have a turn. */
export const LONG_TURN = 5;

/** What Deno and Node have, and browsers, where each message is a turn of its own, do not. */
interface Immediates {
  setImmediate?: (callback: () => void) => void;
}

/**
 * Lets other connections, and timers, have a turn. Deno reads on in the same turn as long as bytes are
 * there: a peer that always sends would keep all others waiting.
 *
 * @returns Resolves in the next turn of the event loop.
 */
export function othersGoOn(): Promise<void> {
  const { setImmediate = (callback: () => void) => setTimeout(callback, 0) } =
    globalThis as Immediates;
  return new Promise((resolve) => setImmediate(() => resolve()));
}

/** Lets the program go on with what it was just told, before anything else happens. */
export async function programGoesOn(): Promise<void> {
  for (let left = TURN_MICROTASKS; left !== 0; left--) await undefined;
}

/**
 * Turns of the event loop, so that a connection with much to do lets others proceed.
 *
 * @module
 */

/** How many milliseconds a connection may keep the program busy before others get a turn. */
const LONG_TURN = 5;

/** What Deno and Node have; browsers, where each message is a turn of its own, do not. */
interface Immediates {
  setImmediate?: (callback: () => void) => void;
}

/**
 * Gives other connections, and timers, a turn. Deno keeps reading in the same turn as long as there
 * are bytes, so a peer that never stops sending would keep all others waiting.
 *
 * @returns Resolves in the next turn of the event loop.
 */
export function othersGoOn(): Promise<void> {
  const { setImmediate = (callback: () => void) => setTimeout(callback, 0) } =
    globalThis as Immediates;
  return new Promise((resolve) => setImmediate(() => resolve()));
}

/** Measures how long a connection has kept the program busy since others had a turn. */
export class BusyTime {
  #busy = 0;
  #began = 0;

  /** Notes that work begins. */
  begin(): void {
    this.#began = performance.now();
  }

  /**
   * Notes that the work is done.
   *
   * @returns A promise that resolves when others have had a turn; undefined if they do not need one
   * yet.
   */
  done(): Promise<void> | undefined {
    this.#busy += performance.now() - this.#began;
    if (this.#busy < LONG_TURN) return undefined;
    this.#busy = 0;
    return othersGoOn();
  }
}

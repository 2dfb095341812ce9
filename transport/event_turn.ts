/**
 * Turns of the event loop: whoever has much to do lets others go on.
 *
 * @module
 */

/** A connection that has kept the program busy for so many milliseconds lets others have a turn. */
const LONG_TURN = 5;

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

/** How long a connection has kept the program busy since others had a turn. */
export class BusyTime {
  #busy = 0;
  #began = 0;

  /** Notes that something is begun. */
  begin(): void {
    this.#began = performance.now();
  }

  /**
   * Notes that it is done.
   *
   * @returns Resolves when others have had a turn; undefined if they need not have one yet.
   */
  done(): Promise<void> | undefined {
    this.#busy += performance.now() - this.#began;
    if (this.#busy < LONG_TURN) return undefined;
    this.#busy = 0;
    return othersGoOn();
  }
}

/**
 * Who wants to know when a connection has ended.
 *
 * @module
 */

import { BusyMap } from "../transport/busy_map.ts";

/** Functions to be called once, each as often as it was given. */
export class Disconnects {
  readonly #times = new BusyMap<() => void, number>();

  /**
   * Adds a function, once more if it is there already.
   *
   * @param notifier The function.
   */
  add(notifier: () => void): void {
    this.#times.set(notifier, (this.#times.get(notifier) ?? 0) + 1);
  }

  /**
   * Takes a function back, once; does nothing if it is not there.
   *
   * @param notifier The function.
   */
  remove(notifier: () => void): void {
    const times = this.#times.get(notifier);
    if (times === undefined) return;
    if (times === 1) this.#times.delete(notifier);
    else this.#times.set(notifier, times - 1);
  }

  /** The functions in the order in which they came, those that came twice twice. */
  *[Symbol.iterator](): Iterator<() => void> {
    for (const [notifier, times] of this.#times.entries()) {
      for (let left = times; left > 0; left--) yield notifier;
    }
  }
}

/**
 * Functions to be called when a connection has ended.
 *
 * @module
 */

import { BusyMap } from "../../transport/base/busy_map.ts";

/** Functions to be called when the connection has ended, each as often as it was added. */
export class Disconnects {
  readonly #times = new BusyMap<() => void, number>();

  /**
   * Adds a function, once more if it is already there.
   *
   * @param notifier The function.
   */
  add(notifier: () => void): void {
    this.#times.set(notifier, (this.#times.get(notifier) ?? 0) + 1);
  }

  /**
   * Removes a function, once; does nothing if it is not there.
   *
   * @param notifier The function.
   */
  remove(notifier: () => void): void {
    const times = this.#times.get(notifier);
    if (times === undefined) return;
    if (times === 1) this.#times.delete(notifier);
    else this.#times.set(notifier, times - 1);
  }

  /**
   * Yields the functions in the order in which they were first added, each as often as it was
   * added.
   */
  *[Symbol.iterator](): Iterator<() => void> {
    for (const [notifier, times] of this.#times.entries()) {
      for (let left = times; left > 0; left--) yield notifier;
    }
  }
}

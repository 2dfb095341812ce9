/**
 * Troubles that come in numbers, and are told of once.
 *
 * @module
 */

/** Milliseconds without trouble after which a next one is news. */
const QUIET = 10_000;

/** A time of trouble, with breaks that are too short to be its end. */
export class Spell {
  #last = -Infinity;

  /**
   * Learns of a trouble.
   *
   * @param now The time in milliseconds.
   * @returns Whether it is the first of a spell.
   */
  begins(now: number = performance.now()): boolean {
    const isFirst = now - this.#last >= QUIET;
    this.#last = now;
    return isFirst;
  }
}

/**
 * Tells the first of a series of failures from those that follow.
 *
 * @module
 */

/** Milliseconds without a failure after which the next begins a new series. */
const QUIET = 10_000;

/** A series of failures with no long break between them. */
export class Spell {
  #last = -Infinity;

  /**
   * Notes a failure.
   *
   * @param now The time in milliseconds.
   * @returns Whether it is the first of a series.
   */
  begins(now: number = performance.now()): boolean {
    const isFirst = now - this.#last >= QUIET;
    this.#last = now;
    return isFirst;
  }
}

/**
 * Counts the values that take much more memory than bytes on the wire.
 *
 * @module
 */

import { BananaError } from "./errors.ts";
import type { BananaLimits } from "./limits.ts";

/** One such value takes about as much memory as so many elements: an empty byte string, 200 bytes. */
const ELEMENTS_EACH = 8;

/**
 * Counts the heavy values of one message: byte strings, sets, objects, and all else but texts, numbers,
 * lists, tuples, and dictionaries with texts for keys. In memory, a message of nothing else could be a
 * hundred times as large as on the wire.
 */
export class HeavyCount {
  readonly #doing: "read" | "send";
  readonly #most: number;
  #left: number;

  /**
   * Creates a count that stands at none.
   *
   * @param doing What is done with the message.
   * @param limits The limits; an eighth of `maxElements` holds here.
   */
  constructor(doing: "read" | "send", { maxElements }: BananaLimits) {
    this.#doing = doing;
    this.#most = Math.ceil(maxElements / ELEMENTS_EACH);
    this.#left = this.#most;
  }

  /**
   * Counts some.
   *
   * @param count How many; one unless given.
   * @throws {BananaError} If they are too many.
   */
  add(count: number = 1): void {
    if ((this.#left -= count) < 0) this.#refuse();
  }

  /** Begins another message. */
  reset(): void {
    this.#left = this.#most;
  }

  #refuse(): never {
    throw new BananaError(
      `Cannot ${this.#doing} message: more than ${this.#most} byte strings, sets and objects, ` +
        `an eighth of the limit for elements (maxElements)`,
      { limit: "maxElements" },
    );
  }
}

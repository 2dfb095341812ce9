/**
 * Counts the values that take much more memory than bytes on the wire.
 *
 * @module
 */

import { BananaError } from "./errors.ts";
import type { BananaLimits } from "./limits.ts";

/** As many elements as one of these takes the memory of, about: a byte string of no bytes 200 bytes. */
const ELEMENTS = 8;

/**
 * The byte strings, sets and objects of one message, and whatever else is neither text nor number,
 * list, tuple nor dictionary of texts: a message of nothing else could take a hundred times its size.
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
    this.#most = Math.ceil(maxElements / ELEMENTS);
    this.#left = this.#most;
  }

  /**
   * Counts one.
   *
   * @throws {BananaError} If it is one too many.
   */
  add(): void {
    if (this.#left-- === 0) this.#refuse();
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

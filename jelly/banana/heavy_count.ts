/**
 * Counts the values that take much more memory than bytes on the wire.
 *
 * @module
 */

import { BananaError } from "./errors.ts";
import type { BananaLimits } from "./limits.ts";

/**
 * Number of elements that take about as much memory as one such value; an empty byte string takes
 * 200 bytes.
 */
const ELEMENTS_EACH = 8;

/**
 * Counts the heavy values of one message: byte strings, sets, objects, and everything else except
 * texts, numbers, lists, tuples, and dictionaries with strings as keys. A message of nothing but
 * heavy values could be a hundred times as large in memory as on the wire.
 */
export class HeavyCount {
  readonly #doing: "read" | "send";
  readonly #most: number;
  #left: number;

  /**
   * Creates a count of zero.
   *
   * @param doing What is done with the message.
   * @param limits The limits; the one that applies here is an eighth of `maxElements`.
   */
  constructor(doing: "read" | "send", { maxElements }: BananaLimits) {
    this.#doing = doing;
    this.#most = Math.ceil(maxElements / ELEMENTS_EACH);
    this.#left = this.#most;
  }

  /**
   * Counts values.
   *
   * @param count How many. Defaults to 1.
   * @throws {BananaError} If there are too many.
   */
  add(count: number = 1): void {
    if ((this.#left -= count) < 0) this.#refuse();
  }

  /** Starts again for another message. */
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

/**
 * Checks what is sent against the limits, as a scanner does for what is received.
 *
 * @module
 */

import { BananaError } from "./errors.ts";
import type { BananaLimits } from "./limits.ts";

/**
 * The limits on one expression that is being written, as bytes or as a tree.
 */
export class OutgoingLimits {
  /** The limits themselves. */
  readonly limits: BananaLimits;
  /** How many elements the expression has, with those that open lists announce. */
  #elements = 1;

  /**
   * Creates the check.
   *
   * @param limits The limits.
   */
  constructor(limits: BananaLimits) {
    this.limits = limits;
  }

  /** Begins with another expression. */
  begin(): void {
    this.#elements = 1;
  }

  /**
   * Counts elements that are not announced by a list of their own.
   *
   * @param count How many.
   * @throws {BananaError} If they are too many.
   */
  elements(count: number): void {
    this.#elements += count;
    if (this.#elements > this.limits.maxElements) {
      this.#refuse("maxElements", `message of ${this.#elements} elements`);
    }
  }

  /**
   * Checks a list, and counts its items.
   *
   * @param length How many items it has.
   * @throws {BananaError} If they are too many.
   */
  list(length: number): void {
    if (length > this.limits.maxListItems) {
      this.#refuse("maxListItems", `list of ${length} items`);
    }
    this.elements(length);
  }

  /**
   * Checks a string.
   *
   * @param length How many bytes it has.
   * @throws {BananaError} If they are too many.
   */
  string(length: number): void {
    if (length > this.limits.maxStringBytes) {
      this.#refuse("maxStringBytes", `string of ${length} bytes`);
    }
  }

  /**
   * Checks an integer.
   *
   * @param value The integer.
   * @throws {BananaError} If it is too large or too small.
   */
  integer(value: bigint): void {
    const bits = 7 * this.limits.maxPrefixBytes;
    if (value >> BigInt(bits) === (value < 0n ? -1n : 0n) && value !== -1n << BigInt(bits)) return;
    this.#refuse("maxPrefixBytes", `integer of more than ${bits} bits`);
  }

  /**
   * Checks a whole message.
   *
   * @param length How many bytes it has.
   * @throws {BananaError} If they are too many.
   */
  message(length: number): void {
    if (length > this.limits.maxMessageBytes) {
      this.#refuse("maxMessageBytes", `message of ${length} bytes or more`);
    }
  }

  #refuse(limit: keyof BananaLimits, what: string): never {
    throw new BananaError(
      `Cannot send ${what}: the limit is ${this.limits[limit]} (${limit})`,
      { limit },
    );
  }
}

/**
 * Errors in converting between s-expressions and bytes.
 *
 * @module
 */

/** Options of {@linkcode BananaError}: those of `Error`, and the limit that was exceeded. */
export interface BananaErrorOptions extends ErrorOptions {
  /** Name of the limit, as in {@linkcode BananaLimits}, if one was exceeded. */
  limit?: string | undefined;
}

/**
 * Thrown for bytes that are not banana, or an expression that banana cannot carry
 * (`twisted.spread.banana.BananaError`).
 *
 * @example
 * ```ts
 * import { BananaError, decode } from "@perspective/broker/jelly/banana";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => decode(Uint8Array.of(0, 0, 0, 0, 4, 0x80)), BananaError, "maxListItems");
 * ```
 */
export class BananaError extends Error {
  /** Name of the class in Python. */
  static readonly jellyName = "twisted.spread.banana.BananaError";
  /** Name of the limit that was exceeded, such as `maxStringBytes`; undefined for other faults. */
  readonly limit: string | undefined;

  /**
   * Creates the error.
   *
   * @param message What could not be done, and why.
   * @param options The cause, and the name of a limit.
   */
  constructor(message: string, options?: BananaErrorOptions) {
    super(message, options);
    this.name = "BananaError";
    this.limit = options?.limit;
  }
}

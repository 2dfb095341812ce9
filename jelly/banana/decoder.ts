/**
 * Reads s-expressions from chunks of bytes as they arrive.
 *
 * @module
 */

import type { Sexp } from "./sexp.ts";
import { InputBuffer } from "./input_buffer.ts";
import { type BananaLimits, bananaLimits } from "./limits.ts";
import { BananaReader } from "./reader.ts";
import { BananaScanner } from "./scanner.ts";
import type { Dialect } from "./tokens.ts";

/** Options of {@linkcode BananaDecoder}. */
export interface BananaDecoderOptions {
  /** The dialect. Defaults to `none`. */
  dialect?: Dialect;
  /** Limits for each expression; see {@linkcode BananaLimits} for the defaults. */
  limits?: Partial<BananaLimits>;
}

/**
 * An incremental decoder: accepts chunks of any size, returns whole s-expressions.
 *
 * The time taken is linear in the number of bytes, however they are split; all that is held is the
 * unfinished expression.
 *
 * @example
 * ```ts
 * import { BananaDecoder } from "@perspective/broker/jelly/banana";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new BananaDecoder();
 * assertEquals(decoder.push(Uint8Array.of(2, 0x80, 1, 0x81)), []);
 * assertEquals(decoder.push(Uint8Array.of(2, 0x81, 7, 0x81)), [[1, 2], 7]);
 * ```
 */
export class BananaDecoder {
  readonly #scanner: BananaScanner;
  readonly #reader: BananaReader;
  readonly #input = new InputBuffer();

  /**
   * Creates a decoder.
   *
   * @param options Dialect and limits.
   * @throws {RangeError} If a limit is not a positive integer.
   */
  constructor(options: BananaDecoderOptions = {}) {
    const limits = bananaLimits(options.limits);
    this.#scanner = new BananaScanner(limits);
    this.#reader = new BananaReader(undefined, limits);
    this.#scanner.dialect = options.dialect ?? "none";
  }

  /** Number of bytes held of an unfinished expression. */
  get pending(): number {
    return this.#input.length;
  }

  /**
   * Accepts the next bytes.
   *
   * @param chunk The bytes; they are copied, and the array is not kept.
   * @returns The expressions that are now complete, in order.
   * @throws {BananaError} If the bytes are not banana or exceed a limit. The decoder is then of no
   * further use, and expressions completed earlier in the same chunk are lost.
   */
  push(chunk: Uint8Array): Sexp[] {
    const found: Sexp[] = [];
    const input = this.#input;
    input.append(chunk);
    for (;;) {
      const { bytes, start, end } = input;
      if (start === end) break;
      const next = this.#scanner.scan(bytes, start, end);
      if (next === -1) break;
      this.#reader.reset(bytes, start);
      found.push(this.#reader.sexp());
      input.consume(next);
    }
    this.#reader.release();
    return found;
  }
}

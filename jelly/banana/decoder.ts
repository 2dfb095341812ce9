/**
 * Reads s-expressions from chunks of bytes as they come.
 *
 * @module
 */

import type { Sexp } from "../sexp.ts";
import { InputBuffer } from "./input_buffer.ts";
import { type BananaLimits, bananaLimits } from "./limits.ts";
import { BananaReader } from "./reader.ts";
import { BananaScanner } from "./scanner.ts";
import type { Dialect } from "./tokens.ts";

/** Options of {@linkcode BananaDecoder}. */
export interface BananaDecoderOptions {
  /** The dialect; `none` unless given. */
  dialect?: Dialect;
  /** Limits for each expression; see {@linkcode BananaLimits} for the defaults. */
  limits?: Partial<BananaLimits>;
}

/**
 * An incremental decoder: takes chunks of any size, gives whole s-expressions.
 *
 * The time taken is linear in the bytes, however they are cut; what is held is the
 * unfinished expression and no more.
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

  /** How many bytes of an unfinished expression are held. */
  get pending(): number {
    return this.#input.length;
  }

  /**
   * Takes the next bytes.
   *
   * @param chunk Bytes; they are copied, none is kept by reference.
   * @returns The expressions that are whole now, in order.
   * @throws {BananaError} If the bytes are no banana or pass a limit; the
   * decoder is of no use then, and what was whole before in the same chunk is lost.
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

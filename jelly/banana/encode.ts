/**
 * Converts s-expressions to bytes and back in one call.
 *
 * @module
 */

import { Float } from "../values/float.ts";
import { isInt, type Sexp } from "./sexp.ts";
import { BananaDecoder } from "./decoder.ts";
import { BananaError } from "./errors.ts";
import { type BananaLimits, bananaLimits } from "./limits.ts";
import type { Dialect } from "./tokens.ts";
import { BananaWriter } from "./writer.ts";

/** Options of {@linkcode encode} and {@linkcode decode}. */
export interface BananaOptions {
  /** The dialect. Defaults to `none`, as in Twisted's functions of this name. */
  dialect?: Dialect;
  /** Limits for the expression; see {@linkcode BananaLimits} for the defaults. */
  limits?: Partial<BananaLimits>;
}

/**
 * Encodes an s-expression (`twisted.spread.banana.encode`).
 *
 * @example
 * ```ts
 * import { encode } from "@perspective/broker/jelly/banana";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(encode([1, -1]), Uint8Array.of(2, 0x80, 1, 0x81, 1, 0x83));
 * ```
 *
 * @param sexp The expression: integers, floats, byte strings, and lists of these.
 * @param options Dialect and limits.
 * @returns The bytes.
 * @throws {BananaError} If a part is of another kind, or a limit is exceeded.
 */
export function encode(sexp: Sexp, options: BananaOptions = {}): Uint8Array {
  const limits = bananaLimits(options.limits);
  const writer = new BananaWriter({ limits, dialect: options.dialect ?? "none" });
  writeSexp(writer, sexp, limits.maxDepth);
  writer.end();
  return writer.take();
}

/**
 * Decodes the first s-expression in some bytes (`twisted.spread.banana.decode`).
 *
 * @example
 * ```ts
 * import { decode, encode } from "@perspective/broker/jelly/banana";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(decode(encode([1, [], 2.5])), [1, [], 2.5]);
 * ```
 *
 * @param bytes The bytes; what follows the first expression is checked, but not returned.
 * @param options Dialect and limits.
 * @returns The expression. A float with an integer value is returned as a `Float`.
 * @throws {BananaError} If the bytes are not banana, exceed a limit, or end too early.
 */
export function decode(bytes: Uint8Array, options: BananaOptions = {}): Sexp {
  const [first] = new BananaDecoder(options).push(bytes);
  if (first === undefined) {
    throw new BananaError("Cannot read expression: the bytes end too early");
  }
  return first;
}

/** Writes an s-expression element by element, with lists nested at most `maxDepth` deep. */
function writeSexp(writer: BananaWriter, sexp: Sexp, maxDepth: number): void {
  if (typeof sexp === "number") {
    if (isInt(sexp)) writer.integer(sexp);
    else writer.float(sexp);
  } else if (typeof sexp === "bigint") {
    writer.integer(sexp);
  } else if (sexp instanceof Uint8Array) {
    writer.bytes(sexp);
  } else if (sexp instanceof Float) {
    writer.float(sexp.value);
  } else if (Array.isArray(sexp)) {
    if (maxDepth === 0) {
      throw new BananaError("Cannot send message: lists are nested too deep (maxDepth)", {
        limit: "maxDepth",
      });
    }
    writer.list(sexp.length);
    for (let i = 0; i < sexp.length; i++) writeSexp(writer, sexp[i]!, maxDepth - 1);
  } else {
    throw new BananaError(`Cannot send ${kindOf(sexp)}: banana has no such element`);
  }
}

/** Names the kind of a value that is not an s-expression. */
function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return `object of class ${value.constructor?.name ?? "null"}`;
}

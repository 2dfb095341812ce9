/**
 * Feeds decoders with bytes in pieces of any size.
 *
 * @module
 */

import { BananaDecoder, type BananaDecoderOptions } from "../../jelly/banana/decoder.ts";
import type { Sexp } from "../../jelly/banana/sexp.ts";

/** Splits bytes into chunks of a size; each is a view of the same bytes. */
export function* chunks(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Decodes bytes that arrive in chunks of a size. */
export function feed(
  bytes: Uint8Array,
  options: BananaDecoderOptions & { size: number },
): Sexp[] {
  const decoder = new BananaDecoder(options);
  const found: Sexp[] = [];
  for (const chunk of chunks(bytes, options.size)) found.push(...decoder.push(chunk));
  return found;
}

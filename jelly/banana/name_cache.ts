/**
 * Remembers short texts by their bytes.
 *
 * Keys, method names and class tags come again and again. To find a known
 * text by its bytes costs a fraction of decoding it, and gives one and the same
 * string, which also makes it a fast property name.
 *
 * @module
 */

import { utf8 } from "./utf8.ts";

/** Texts longer than this are not remembered. */
const MAX_BYTES = 40;
/** Places in the table, a power of two: at most about 100 KiB when all are taken. */
const PLACES = 1024;

/** A remembered text. */
interface Entry {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/**
 * A table of fixed size from UTF-8 bytes to texts; a newcomer takes the place
 * of an older one. It may be shared by all connections, or thrown away.
 *
 * @example
 * ```ts
 * import { NameCache } from "@perspective/broker/jelly/banana";
 * import { assertEquals } from "@std/assert";
 *
 * const names = new NameCache();
 * const bytes = new TextEncoder().encode("score");
 * assertEquals(names.text(bytes, 0, 5), "score");
 * ```
 */
export class NameCache {
  #entries: (Entry | undefined)[] = [];

  /**
   * Reads a text, from memory if it is known.
   *
   * @param bytes Where the bytes are.
   * @param from Where the text begins.
   * @param to Where it ends.
   * @returns The text.
   * @throws {BananaError} If the bytes are not UTF-8.
   */
  text(bytes: Uint8Array, from: number, to: number): string {
    const length = to - from;
    if (length === 0) return "";
    if (length > MAX_BYTES) return utf8(bytes, from, to);
    const place = (length * 31 + bytes[from]! * 7 + bytes[(from + to) >> 1]! * 131 +
      bytes[to - 1]! * 17) & (PLACES - 1);
    const entry = this.#entries[place];
    if (entry !== undefined && entry.bytes.length === length) {
      const known = entry.bytes;
      let i = 0;
      while (i < length && known[i] === bytes[from + i]) i++;
      if (i === length) return entry.text;
    }
    const text = utf8(bytes, from, to);
    if (this.#entries.length === 0) this.#entries = new Array(PLACES).fill(undefined);
    this.#entries[place] = { bytes: bytes.slice(from, to), text };
    return text;
  }
}

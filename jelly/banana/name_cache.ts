/**
 * Remembers short texts by their bytes.
 *
 * Keys, method names and class tags occur again and again. Finding a known text by its bytes costs
 * a fraction of decoding it, and always yields the same string, which also makes it a fast property
 * name.
 *
 * @module
 */

import { KnownKey } from "./known_key.ts";
import { utf8 } from "./utf8.ts";

/** Maximum length of a remembered text in bytes. */
const MAX_BYTES = 40;
/** Number of places in the table, a power of two: about 300 KiB at most when all are taken. */
const PLACES = 1024;
/** Number of keys learned before the table is emptied: a flood of keys costs time, not memory. */
const MAX_KEYS = 2048;

/** A remembered text. */
interface Entry {
  readonly text: string;
  readonly bytes: Uint8Array;
  /** The encoded head of its pair, once the text has been a key. */
  known: KnownKey | undefined;
}

/**
 * A table of fixed size from UTF-8 bytes to texts, in which new texts replace older ones. It may be
 * shared by all connections, or thrown away.
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
  /** The last key. */
  #last: KnownKey | undefined;
  /** Number of keys learned. */
  #learned = 0;

  /**
   * Reads a text, from the table if it is known.
   *
   * @param bytes The buffer that holds the bytes.
   * @param from Where the text begins.
   * @param to Where it ends.
   * @returns The text.
   * @throws {BananaError} If the bytes are not UTF-8.
   */
  text(bytes: Uint8Array, from: number, to: number): string {
    const length = to - from;
    if (length === 0) return "";
    if (length > MAX_BYTES) return utf8(bytes, from, to);
    return this.#entry(bytes, from, to).text;
  }

  /**
   * Reads the key of a dictionary pair, and remembers the head of the pair.
   *
   * @param bytes The buffer that holds the bytes.
   * @param head Where the head of the pair begins, which extends to the end of the key.
   * @param from Where the key begins.
   * @param to Where it ends.
   * @returns The key.
   * @throws {BananaError} If the bytes are not UTF-8.
   */
  key(bytes: Uint8Array, head: number, from: number, to: number): string {
    if (to - head > 2 * MAX_BYTES || to === from) return this.text(bytes, from, to);
    const entry = this.#entry(bytes, from, to);
    const known = entry.known ??= this.#learn(entry.text, bytes.subarray(head, to));
    if (this.#last !== undefined) this.#last.next = known;
    this.#last = known;
    return entry.text;
  }

  /**
   * Returns the key that is expected at a place, if its pair is there.
   *
   * Records have their keys in the same order: what came next last time usually comes next. The
   * same bytes mean the same key, so nothing else needs to be looked at.
   *
   * @param view Where to look.
   * @param at Where the head of a pair may begin.
   * @returns The key, or undefined if something else is there.
   */
  expected(view: DataView, at: number): KnownKey | undefined {
    const known = this.#last?.next;
    if (known === undefined || !known.isAt(view, at)) return undefined;
    return this.#last = known;
  }

  #learn(text: string, pair: Uint8Array): KnownKey {
    if (this.#learned++ === MAX_KEYS) {
      this.#entries = [];
      this.#last = undefined;
      this.#learned = 0;
    }
    return new KnownKey(text, pair);
  }

  #entry(bytes: Uint8Array, from: number, to: number): Entry {
    const length = to - from;
    const place = (length * 31 + bytes[from]! * 7 + bytes[(from + to) >> 1]! * 131 +
      bytes[to - 1]! * 17) & (PLACES - 1);
    const entry = this.#entries[place];
    if (entry !== undefined && entry.bytes.length === length) {
      const known = entry.bytes;
      let i = 0;
      while (i < length && known[i] === bytes[from + i]) i++;
      if (i === length) return entry;
    }
    if (this.#entries.length === 0) this.#entries = new Array(PLACES).fill(undefined);
    // As a key of an object, it is in the form that the engine stores and compares fastest.
    const text = Object.keys({ [utf8(bytes, from, to)]: 0 })[0]!;
    return this.#entries[place] = { text, bytes: bytes.slice(from, to), known: undefined };
  }
}

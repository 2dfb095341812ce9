/**
 * Keys that occurred before, whose pairs are written and recognized four bytes at a time.
 *
 * @module
 */

import { isPairHead, PAIR_HEAD_BYTES, viewOf, writePairHead } from "./heads.ts";

/** A key whose pair occurred before. */
export class KnownKey {
  /** The key. */
  readonly text: string;
  /** Number of bytes in the pair, up to its value. */
  readonly length: number;
  /** The key that came after this one the last time, for the cache that knows both. */
  next: KnownKey | undefined;
  /** The bytes after the head, four to a word; the last word ends with the last byte. */
  readonly #words: number[] = [];

  /**
   * Creates a known key.
   *
   * @param text The key.
   * @param bytes The pair up to its value: the head, and the key as a string.
   */
  constructor(text: string, bytes: Uint8Array) {
    this.text = text;
    this.length = bytes.length;
    const view = viewOf(bytes);
    for (let at = PAIR_HEAD_BYTES; at < bytes.length; at += 4) {
      this.#words.push(view.getInt32(Math.min(at, bytes.length - 4)));
    }
  }

  /**
   * Writes the pair up to its value.
   *
   * @param view Where to write; it must have room for the pair.
   * @param at The place of the first byte.
   */
  write(view: DataView, at: number): void {
    writePairHead(view, at);
    const words = this.#words;
    const last = words.length - 1;
    for (let i = 0; i < last; i++) view.setInt32(at + PAIR_HEAD_BYTES + 4 * i, words[i]!);
    view.setInt32(at + this.length - 4, words[last]!);
  }

  /**
   * Returns whether a pair with this key is at a place.
   *
   * @param view Where to look.
   * @param at The place of the first byte.
   */
  isAt(view: DataView, at: number): boolean {
    if (at + this.length > view.byteLength || !isPairHead(view, at)) return false;
    const words = this.#words;
    const last = words.length - 1;
    for (let i = 0; i < last; i++) {
      if (view.getInt32(at + PAIR_HEAD_BYTES + 4 * i) !== words[i]) return false;
    }
    return view.getInt32(at + this.length - 4) === words[last];
  }
}

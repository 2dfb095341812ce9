/**
 * Remembers the encoded form of dictionary keys.
 *
 * Records share their keys, so most keys of a message were written before. Copying the encoded head
 * of a pair takes a fraction of the time that encoding it again would take. A cache holds no
 * secrets and no state that matters: it may be shared by all connections, or thrown away.
 *
 * @module
 */

import { KnownKey } from "./known_key.ts";

/** Maximum length of a key in characters: longer ones are rare, and not worth the memory. */
const MAX_LETTERS = 64;
/** Maximum length of a key in a cache, in bytes. */
export const MAX_KEY_BYTES: number = 3 * MAX_LETTERS;
/** Maximum number of keys before the cache is emptied: a flood of keys costs time, not memory. */
const MAX_KEYS = 2048;

/**
 * Encoded heads of dictionary pairs, by key.
 *
 * @example
 * ```ts
 * import { BananaWriter, KeyCache } from "@perspective/broker/jelly/banana";
 * import { assertEquals } from "@std/assert";
 *
 * const keys = new KeyCache();
 * const writer = new BananaWriter({ dialect: "pb", keys });
 * writer.pair("id");
 * assertEquals(keys.get("id")?.length, writer.length);
 * ```
 */
export class KeyCache {
  readonly #keys = new Map<string, KnownKey>();
  #last: KnownKey | undefined;

  /**
   * Finds the bytes of a key.
   *
   * @param key The key.
   * @returns The key with its bytes in dialect `pb`, or undefined.
   */
  get(key: string): KnownKey | undefined {
    // Records have their keys in the same order: what came next last time usually comes next.
    const last = this.#last;
    const guess = last?.next;
    if (guess !== undefined && guess.text === key) return this.#last = guess;
    const known = this.#keys.get(key);
    if (known === undefined) return undefined;
    if (last !== undefined) last.next = known;
    return this.#last = known;
  }

  /**
   * Remembers the bytes of a key.
   *
   * @param key The key.
   * @param head The pair in dialect `pb`, up to its value.
   */
  add(key: string, head: Uint8Array): void {
    if (key.length > MAX_LETTERS) return;
    if (this.#keys.size === MAX_KEYS) {
      this.#keys.clear();
      this.#last = undefined;
    }
    this.#keys.set(key, new KnownKey(key, head));
  }
}

/**
 * Remembers how dictionary keys look as bytes.
 *
 * Records share their keys, so most keys of a message were written before.
 * The encoded pair head of a key is a few bytes to copy; to encode it anew
 * costs several times that. A cache holds no secrets and no state that
 * matters: it may be shared by all connections, or thrown away.
 *
 * @module
 */

import { KnownKey } from "./heads.ts";

/** Keys longer than this are rare, and not worth the memory. */
const MAX_LETTERS = 64;
/** No key that a cache knows has more bytes. */
export const MAX_KEY_BYTES: number = 3 * MAX_LETTERS;
/** When so many keys are known, the cache begins anew: a flood of keys costs time, not memory. */
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
   * @returns What knows its bytes in dialect `pb`, or undefined.
   */
  get(key: string): KnownKey | undefined {
    // Records have their keys in the same order: what came next the last time comes next again.
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
   * @param head The pair in dialect `pb`, as far as its value.
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

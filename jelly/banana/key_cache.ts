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
 * assertEquals(keys.get("id"), writer.written());
 * ```
 */
export class KeyCache {
  readonly #heads = new Map<string, Uint8Array>();

  /**
   * Finds the bytes of a key.
   *
   * @param key The key.
   * @returns Its pair head in dialect `pb`, or undefined.
   */
  get(key: string): Uint8Array | undefined {
    return this.#heads.get(key);
  }

  /**
   * Remembers the bytes of a key.
   *
   * @param key The key.
   * @param head Its pair head in dialect `pb`; the cache keeps it.
   */
  add(key: string, head: Uint8Array): void {
    if (key.length > MAX_LETTERS) return;
    if (this.#heads.size === MAX_KEYS) this.#heads.clear();
    this.#heads.set(key, head);
  }
}

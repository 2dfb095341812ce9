/**
 * A map for entries that come and go quickly.
 *
 * @module
 */

/** Minimum number of changes before a table is replaced. */
const FEW_CHANGES = 16;

/**
 * Returns whether a `Map` or `Set` has had so many changes that a copy should replace it.
 *
 * Whenever a `Map` or `Set` has used up its memory, it moves to new memory, and the old memory, now
 * garbage, keeps referring to the new. Once V8 has moved any of it to the old generation,
 * everything that was ever in the later memory seems to be in use until the next full collection.
 * With 16 logins at a time, this kept all connections of a server alive for seconds after they had
 * ended, and made collections take 15 milliseconds. A copy avoids this, because no older memory
 * refers to it. It is made only after as many changes as there are entries, so it about doubles the
 * cost of each change.
 *
 * @param changes The number of changes so far.
 * @param size The number of entries.
 * @returns True if it should be replaced.
 */
export function isWorn(changes: number, size: number): boolean {
  return changes > FEW_CHANGES && changes > size;
}

/**
 * A `Map` that is copied from time to time, since the old one would keep alive what has been
 * deleted.
 */
export class BusyMap<K, V> {
  #entries = new Map<K, V>();
  #changes = 0;

  /** The number of entries. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Returns a value.
   *
   * @param key Its key.
   * @returns The value, or undefined if there is none.
   */
  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /**
   * Returns whether there is an entry.
   *
   * @param key Its key.
   */
  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /**
   * Sets a value.
   *
   * @param key Its key.
   * @param value The value.
   */
  set(key: K, value: V): void {
    this.#beforeChange();
    this.#entries.set(key, value);
  }

  /**
   * Removes an entry.
   *
   * @param key Its key.
   */
  delete(key: K): void {
    this.#beforeChange();
    this.#entries.delete(key);
  }

  /** Removes all entries. */
  clear(): void {
    this.#entries = new Map();
    this.#changes = 0;
  }

  /** Returns the values, in the order in which their keys were added. */
  values(): Iterable<V> {
    return this.#entries.values();
  }

  /** Returns the entries, in the order in which their keys were added. */
  entries(): Iterable<[K, V]> {
    return this.#entries.entries();
  }

  #beforeChange(): void {
    if (!isWorn(++this.#changes, this.#entries.size)) return;
    this.#entries = new Map(this.#entries);
    this.#changes = 0;
  }
}

/**
 * A map for entries that come and go quickly.
 *
 * @module
 */

/** A table is not made anew before so many changes. */
const FEW_CHANGES = 16;

/**
 * Tells whether a table of the engine's has had so many changes that it is to be replaced by a new one.
 *
 * Whenever a `Map` or `Set` has had so many entries that its memory is used up it moves on to new memory,
 * and the old one, garbage by now, keeps referring to the new: once V8 has moved one of them to the old
 * generation, everything that was ever in a later one seems to be in use until the next full collection.
 * With 16 logins at a time, that kept all connections of a server alive for seconds after their end, and
 * made collections take 15 milliseconds. A table that no older one knows has no such fate; after as many
 * changes as it has entries, to copy them costs each change as much as another one.
 *
 * @param changes How many changes there have been.
 * @param size How many entries there are.
 * @returns True if it is.
 */
export function isWorn(changes: number, size: number): boolean {
  return changes > FEW_CHANGES && changes > size;
}

/** A `Map` that begins anew after so many changes that the old one would keep alive what has left it. */
export class BusyMap<K, V> {
  #entries = new Map<K, V>();
  #changes = 0;

  /** How many entries there are. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Finds a value.
   *
   * @param key Its key.
   * @returns The value, or undefined if there is none.
   */
  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /**
   * Tells whether there is an entry.
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

  /** The values, in the order in which their keys came. */
  values(): Iterable<V> {
    return this.#entries.values();
  }

  /** The entries, in the order in which their keys came. */
  entries(): Iterable<[K, V]> {
    return this.#entries.entries();
  }

  #beforeChange(): void {
    if (!isWorn(++this.#changes, this.#entries.size)) return;
    this.#entries = new Map(this.#entries);
    this.#changes = 0;
  }
}

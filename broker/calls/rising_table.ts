/**
 * A table for rising numbers.
 *
 * @module
 */

/** Number of places in the first ring; it doubles as needed. */
const FIRST_PLACES = 16;
/** Maximum number of places in a ring that is kept when the table is empty. */
const KEEP_PLACES = 4096;

/** The ring of an unused table. */
const NO_RING: never[] = [];

/** An entry that knows its number. */
export interface Numbered {
  /** The number, an integer from 0 up. */
  readonly id: number;
}

/**
 * Holds entries under rising numbers, for entries that come and go quickly.
 *
 * A number determines a place in a ring, which has at least twice as many places as there are
 * entries; an entry that stays so long that its place is needed again moves to a `Map`.
 *
 * A `Map` alone would be wrong here. Whenever it has used up its memory, it moves on to new memory,
 * and the old memory, now garbage, keeps referring to the new: once V8 has moved one of these to
 * the old generation, everything that was in any of the later ones seems to be in use until the
 * next full garbage collection. With 1,000 calls in flight, that doubled the cost of a call.
 */
export class RisingTable<T extends Numbered> {
  #ring: (T | undefined)[] = NO_RING;
  /** Entries that had to leave their place in the ring. */
  #late: Map<number, T> | undefined;
  #size = 0;

  /** Number of entries. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds an entry.
   *
   * @param entry The entry; its number is new, and larger than most before.
   */
  add(entry: T): void {
    if (this.#ring.length <= 2 * this.#size) this.#grow();
    const place = entry.id & (this.#ring.length - 1);
    const late = this.#ring[place];
    if (late !== undefined) (this.#late ??= new Map()).set(late.id, late);
    this.#ring[place] = entry;
    this.#size++;
  }

  /**
   * Removes an entry.
   *
   * @param id Its number.
   * @returns The entry, or undefined if there is none.
   */
  take(id: number): T | undefined {
    const place = id & (this.#ring.length - 1);
    let entry = this.#ring[place];
    if (entry?.id === id) this.#ring[place] = undefined;
    else {
      entry = this.#late?.get(id);
      if (entry === undefined) return undefined;
      this.#late!.delete(id);
    }
    if (--this.#size === 0 && this.#ring.length > KEEP_PLACES) this.#ring = NO_RING;
    return entry;
  }

  /**
   * Removes all entries.
   *
   * @returns The entries, in the order of their numbers.
   */
  takeAll(): T[] {
    const entries = this.#ring.filter((entry) => entry !== undefined);
    // One by one: with so many as there may be, spread arguments would overflow the stack.
    for (const late of this.#late?.values() ?? []) entries.push(late);
    this.#ring = NO_RING;
    this.#late = undefined;
    this.#size = 0;
    return entries.sort((a, b) => a.id - b.id);
  }

  #grow(): void {
    const ring = this.#ring;
    const longer = new Array<T | undefined>(Math.max(FIRST_PLACES, 2 * ring.length)).fill(
      undefined,
    );
    for (const entry of ring) {
      if (entry !== undefined) longer[entry.id & (longer.length - 1)] = entry;
    }
    this.#ring = longer;
  }
}

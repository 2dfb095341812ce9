/**
 * Tells the garbage collector what references and caches cost.
 *
 * @module
 */

/** Number of references or caches that may be held before the collector is urged. */
const UNNOTICED = 512;

/** Bytes of a buffer; the second of this size makes V8 collect its young generation. */
const PRESSURE = 64 * 1024 * 1024;

/**
 * Knows when to urge the garbage collector to look for references, or caches, that nobody holds.
 *
 * A reference takes a few hundred bytes here, so thousands can gather before the collector runs by
 * itself, and the larger the heap, the more. But each keeps an object alive at the other end, and a
 * Twisted peer lets us hold no more than 1,024. So the collector is urged whenever there are notably
 * more than before.
 */
export class CollectorUrge {
  #urgentAt = UNNOTICED;

  /**
   * Returns whether to urge the collector now.
   *
   * @param size How many there are, after one more has been made.
   * @returns True if there are too many.
   */
  added(size: number): boolean {
    if (size < this.#urgentAt) return false;
    this.#urgentAt = somewhatMore(size);
    return true;
  }

  /**
   * Lowers the number that is too many.
   *
   * @param size How many there are, after one less is held.
   */
  removed(size: number): void {
    this.#urgentAt = Math.max(UNNOTICED, Math.min(this.#urgentAt, somewhatMore(size)));
  }
}

/**
 * Urges the garbage collector: a large buffer is allocated and dropped at once. As nothing is
 * written to it, the system never provides its memory; it costs a millisecond, and the collection.
 */
export function urgeCollector(): void {
  try {
    void new ArrayBuffer(PRESSURE);
  } catch {
    // There is so little memory left that the collector runs anyway.
  }
}

function somewhatMore(size: number): number {
  return size + (size >> 4);
}

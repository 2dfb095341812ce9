/**
 * Tells the garbage collector what references cost.
 *
 * @module
 */

/** Number of references that may be held before the collector is urged. */
const UNNOTICED = 512;

/** Bytes of a buffer; the second of this size makes V8 collect its young generation. */
const PRESSURE = 64 * 1024 * 1024;

/**
 * Urges the garbage collector to look for references that nobody holds.
 *
 * A reference takes a few hundred bytes here, so thousands can gather before the collector runs by
 * itself, and the larger the heap, the more. But each keeps an object alive at the other end, and a
 * Twisted peer lets us hold no more than 1,024. So whenever there are notably more than before, a
 * large buffer is allocated and dropped at once. As nothing is written to it, the system never
 * provides its memory; it costs a millisecond, and the collection.
 */
export class CollectorUrge {
  #urgentAt = UNNOTICED;

  /**
   * Urges the collector if there are too many references.
   *
   * @param size How many there are, after one more has been made.
   */
  added(size: number): void {
    if (size < this.#urgentAt) return;
    this.#urgentAt = somewhatMore(size);
    try {
      void new ArrayBuffer(PRESSURE);
    } catch {
      // There is so little memory left that the collector runs anyway.
    }
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

function somewhatMore(size: number): number {
  return size + (size >> 4);
}

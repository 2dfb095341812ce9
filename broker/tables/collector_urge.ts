/**
 * Tells the garbage collector what references cost.
 *
 * @module
 */

/** Number of references that may be held before the collector is urged. */
const UNNOTICED = 512;

/** Bytes outside of its heap, two times which make V8 collect what is young. */
const PRESSURE = 64 * 1024 * 1024;

/**
 * Urges the garbage collector to look for references that nobody holds.
 *
 * A reference takes a few hundred bytes here, so thousands can gather before the collector looks by
 * itself, and the larger the program, the more. But each keeps an object alive at the other end,
 * and a Twisted peer lets us have no more than 1,024. So each time that there are many more than
 * before, memory is allocated, and dropped at once. Since nobody writes to it, it is never really
 * there; it costs a millisecond, and that of the collector.
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

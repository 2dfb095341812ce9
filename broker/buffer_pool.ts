/**
 * Write buffers that connections lend each other.
 *
 * @module
 */

/** Size of a small buffer, which serves most turns. */
const SMALL_BYTES = 4096;
/** The most bytes that a pool keeps for later. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * Keeps buffers that nobody uses at the moment.
 *
 * A connection needs one only while it has something to say; shared by all connections of a
 * server, a few serve thousands.
 */
export class BufferPool {
  readonly #small: Uint8Array[] = [];
  /** Buffers of any size above the small one. */
  readonly #large: Uint8Array[] = [];
  #bytes = 0;

  /**
   * Lends a buffer.
   *
   * @param size How many bytes are likely to be needed.
   * @returns A kept buffer, perhaps of another size, or a new one.
   */
  take(size: number): Uint8Array {
    // A small one that was outgrown has come back as a large one, so either will do.
    const small = size > SMALL_BYTES ? undefined : this.#small.pop();
    const kept = small ?? this.#large.pop();
    if (kept === undefined) return new Uint8Array(Math.max(size, SMALL_BYTES));
    this.#bytes -= kept.length;
    return kept;
  }

  /**
   * Takes a buffer back that is no longer in use.
   *
   * @param bytes The buffer, or a view from its beginning.
   */
  give(bytes: Uint8Array): void {
    const { byteLength } = bytes.buffer;
    if (byteLength < SMALL_BYTES || this.#bytes + byteLength > MOST_BYTES) return;
    this.#bytes += byteLength;
    const whole = new Uint8Array(bytes.buffer);
    (byteLength > SMALL_BYTES ? this.#large : this.#small).push(whole);
  }
}

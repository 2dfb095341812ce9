/**
 * Write buffers that connections lend each other.
 *
 * @module
 */

/** The least size of a buffer; those of no more are made anew as fast as they are found. */
const LEAST_BYTES = 4096;
/** The most bytes that a pool keeps for later. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * Keeps buffers that nobody uses at the moment.
 *
 * A connection needs one only while it has something to say; shared by all connections of a
 * server, a few serve thousands.
 */
export class BufferPool {
  readonly #kept: Uint8Array[] = [];
  #bytes = 0;

  /**
   * Lends a buffer.
   *
   * @param size How many bytes are likely to be needed.
   * @returns A kept buffer, perhaps of another size, or a new one.
   */
  take(size: number): Uint8Array {
    const kept = this.#kept.pop();
    if (kept === undefined) return new Uint8Array(Math.max(size, LEAST_BYTES));
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
    if (byteLength <= LEAST_BYTES || this.#bytes + byteLength > MOST_BYTES) return;
    this.#bytes += byteLength;
    this.#kept.push(new Uint8Array(bytes.buffer));
  }
}

/**
 * Write buffers that connections lend each other.
 *
 * @module
 */

/** Smaller buffers are not worth keeping: a new one costs as much as finding one. */
const LEAST_BYTES = 4096;
/** The most bytes that a pool keeps for later. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * Keeps large buffers that nobody uses at the moment.
 *
 * A connection needs one only while it has much to say; shared by all
 * connections of a server, a few serve thousands.
 */
export class BufferPool {
  readonly #buffers: Uint8Array[] = [];
  #bytes = 0;

  /**
   * Gives a buffer.
   *
   * @param size How many bytes are likely to be needed.
   * @returns A kept buffer, or a new one of that size; undefined if so few are needed that the
   * caller had better begin small.
   */
  take(size: number): Uint8Array | undefined {
    if (size < LEAST_BYTES) return undefined;
    const kept = this.#buffers.pop();
    if (kept === undefined) return new Uint8Array(size);
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
    if (byteLength < LEAST_BYTES || this.#bytes + byteLength > MOST_BYTES) return;
    this.#bytes += byteLength;
    this.#buffers.push(new Uint8Array(bytes.buffer));
  }
}

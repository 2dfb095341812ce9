/**
 * Write buffers that connections share.
 *
 * @module
 */

/**
 * Minimum size of a buffer in bytes; buffers of this size are not kept, since a new one is as fast.
 */
const LEAST_BYTES = 4096;
/** Maximum number of bytes that a pool keeps. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * Keeps buffers that are not in use.
 *
 * A connection needs one only while it has something to send, so a few buffers, shared by all
 * connections of a server, are enough for thousands.
 */
export class BufferPool {
  readonly #kept: Uint8Array[] = [];
  #bytes = 0;

  /**
   * Lends a buffer.
   *
   * @param size Number of bytes that are likely to be needed.
   * @returns A kept buffer, perhaps of another size, or a new one.
   */
  take(size: number): Uint8Array {
    const kept = this.#kept.pop();
    if (kept === undefined) return new Uint8Array(Math.max(size, LEAST_BYTES));
    this.#bytes -= kept.length;
    return kept;
  }

  /**
   * Takes back a buffer that is no longer in use.
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

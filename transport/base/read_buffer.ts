/**
 * A buffer for reads that is small while a connection is idle.
 *
 * @module
 */

const SMALLEST = 1024;
const LARGEST = 65_536;

/**
 * A buffer for one read at a time; grows while reads fill it, and shrinks back when they are small.
 */
export class ReadBuffer {
  #bytes = new Uint8Array(SMALLEST);

  /** Room for the next read. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Adapts the size to the number of bytes last read, which must have been consumed. */
  adapt(count: number): void {
    const size = this.#bytes.length;
    if (count === size && size < LARGEST) this.#bytes = new Uint8Array(size * 4);
    else if (count < SMALLEST && size > SMALLEST) this.#bytes = new Uint8Array(SMALLEST);
  }
}

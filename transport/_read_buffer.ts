/**
 * A buffer for reads that is small while a connection idles.
 *
 * @module
 */

const SMALLEST = 1024;
const LARGEST = 65_536;

/** What one read goes into; it grows while reads fill it, and shrinks back when they do not. */
export class ReadBuffer {
  #bytes = new Uint8Array(SMALLEST);

  /** Room for the next read. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Says how much the last read took, once that was consumed. */
  adapt(count: number): void {
    const size = this.#bytes.length;
    if (count === size && size < LARGEST) this.#bytes = new Uint8Array(size * 4);
    else if (count < SMALLEST && size > SMALLEST) this.#bytes = new Uint8Array(SMALLEST);
  }
}

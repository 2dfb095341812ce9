/**
 * Holds bytes that have arrived until they are read.
 *
 * @module
 */

/** Minimum bytes in a block, so that many small pieces share one. */
const BLOCK_SIZE = 4096;
/** Minimum bytes of a piece that is kept without copying; for a smaller one, copying is cheaper. */
const ADOPT_SIZE = 1024;

interface Block {
  readonly bytes: Uint8Array;
  start: number;
  end: number;
  next: Block | undefined;
}

/**
 * A first-in, first-out queue of bytes; its memory is proportional to what it holds: none when
 * empty.
 */
export class ByteQueue {
  #first: Block | undefined;
  #last: Block | undefined;
  #size = 0;

  /** Number of bytes waiting. */
  get size(): number {
    return this.#size;
  }

  /** Adds a copy of the bytes. */
  append(bytes: Uint8Array): void {
    this.#size += bytes.length;
    let rest = bytes;
    const last = this.#last;
    if (last !== undefined && last.end < last.bytes.length) {
      const fits = rest.subarray(0, last.bytes.length - last.end);
      last.bytes.set(fits, last.end);
      last.end += fits.length;
      rest = rest.subarray(fits.length);
    }
    if (rest.length === 0) return;
    const block = new Uint8Array(Math.max(BLOCK_SIZE, rest.length));
    block.set(rest);
    this.#push(block, rest.length);
  }

  /** Adds the bytes themselves, without copying; they must not be changed from then on. */
  adopt(bytes: Uint8Array): void {
    if (bytes.length < ADOPT_SIZE) return this.append(bytes);
    this.#size += bytes.length;
    this.#push(bytes, bytes.length);
  }

  /** Moves bytes from the front into a buffer and returns how many. */
  read(buffer: Uint8Array): number {
    let done = 0;
    while (this.#first !== undefined && done < buffer.length) {
      const block = this.#first;
      const count = Math.min(block.end - block.start, buffer.length - done);
      buffer.set(block.bytes.subarray(block.start, block.start + count), done);
      block.start += count;
      done += count;
      if (block.start === block.end) this.#first = block.next;
    }
    if (this.#first === undefined) this.#last = undefined;
    this.#size -= done;
    return done;
  }

  /** Drops everything. */
  clear(): void {
    this.#first = this.#last = undefined;
    this.#size = 0;
  }

  #push(bytes: Uint8Array, end: number): void {
    const block: Block = { bytes, start: 0, end, next: undefined };
    if (this.#last === undefined) this.#first = block;
    else this.#last.next = block;
    this.#last = block;
  }
}

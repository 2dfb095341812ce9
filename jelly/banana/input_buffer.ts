/**
 * Holds bytes that have arrived and are not yet consumed.
 *
 * @module
 */

/** Minimum size of a buffer to read into: enough for a small call, cheap for an idle connection. */
const LEAST_BYTES = 1024;
/** Maximum size of a buffer to read into; a longer message enlarges it while it is unfinished. */
const MOST_BYTES = 256 * 1024;
/** Factor by which the size grows and shrinks. */
const STEP = 8;

const NO_BYTES = new Uint8Array(0);

/**
 * A buffer in which the bytes from `start` to `end` are waiting.
 *
 * Its size follows the traffic: a read that fills it makes it larger, a read that hardly uses it
 * makes it smaller again, so that thousands of quiet connections cost little. Bytes are moved only
 * if at least as many have been consumed, or if the buffer doubles, so all work is linear in the
 * number of bytes.
 */
export class InputBuffer {
  /** The buffer. */
  bytes: Uint8Array = NO_BYTES;
  /** Where the waiting bytes begin. */
  start = 0;
  /** Where they end. */
  end = 0;
  /** Size for the next buffer, as the last reads suggest. */
  #size = LEAST_BYTES;

  /** Number of bytes waiting. */
  get length(): number {
    return this.end - this.start;
  }

  /**
   * Marks bytes as consumed.
   *
   * @param to Where the consumed bytes end.
   */
  consume(to: number): void {
    this.start = to;
    if (to !== this.end) return;
    this.start = 0;
    this.end = 0;
  }

  /**
   * Makes room after the waiting bytes for a transport to read into.
   *
   * @returns A view of at least one byte, valid until the next call.
   */
  room(): Uint8Array {
    const waits = this.length;
    if (waits === 0) {
      if (this.bytes.length !== this.#size) this.bytes = new Uint8Array(this.#size);
      return this.bytes;
    }
    if (this.start >= waits) this.#moveTo(this.bytes);
    if (this.end === this.bytes.length) {
      this.#moveTo(new Uint8Array(Math.max(this.#size, 2 * this.bytes.length)));
    }
    return this.bytes.subarray(this.end);
  }

  /**
   * Notes that bytes were read into the room.
   *
   * @param count The number of bytes.
   */
  filled(count: number): void {
    this.end += count;
    // Not only if none is left: the read may have held more, such as frame headers since removed.
    if (this.bytes.length - this.end < this.#size / STEP) {
      this.#size = Math.min(MOST_BYTES, this.#size * STEP);
    } else if (count < this.#size / STEP) this.#size = Math.max(LEAST_BYTES, this.#size / STEP);
  }

  /**
   * Adds a copy of some bytes.
   *
   * @param chunk The bytes.
   */
  append(chunk: Uint8Array): void {
    for (let from = 0; from < chunk.length;) {
      const room = this.room();
      const part = chunk.subarray(from, from + room.length);
      room.set(part);
      this.filled(part.length);
      from += part.length;
    }
  }

  /** Releases the buffer and everything in it. */
  clear(): void {
    this.bytes = NO_BYTES;
    this.start = 0;
    this.end = 0;
  }

  #moveTo(bytes: Uint8Array): void {
    const waits = this.length;
    if (bytes === this.bytes) bytes.copyWithin(0, this.start, this.end);
    else bytes.set(this.bytes.subarray(this.start, this.end));
    this.bytes = bytes;
    this.start = 0;
    this.end = waits;
  }
}

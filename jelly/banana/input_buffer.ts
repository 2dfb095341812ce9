/**
 * Holds the bytes that have come and are not used up.
 *
 * @module
 */

/** The least room to read into: enough for a small call, cheap for an idle connection. */
const LEAST_BYTES = 1024;
/** The most room to read into; a longer message makes the buffer longer while it is unfinished. */
const MOST_BYTES = 256 * 1024;
/** Grows and shrinks go by this factor. */
const STEP = 8;

const NO_BYTES = new Uint8Array(0);

/**
 * One buffer, in which the bytes from `start` to `end` wait.
 *
 * Its size follows the traffic: a read that fills it makes it larger, a read
 * that hardly uses it makes it smaller again, so that thousands of quiet
 * connections cost little. No byte is moved more often than once for each
 * time that as many bytes have been used up, so all work is linear in the bytes.
 */
export class InputBuffer {
  /** The buffer. */
  bytes: Uint8Array = NO_BYTES;
  /** Where the waiting bytes begin. */
  start = 0;
  /** Where they end. */
  end = 0;
  /** Size that the last read asks for. */
  #size = LEAST_BYTES;

  /** How many bytes wait. */
  get length(): number {
    return this.end - this.start;
  }

  /**
   * Marks bytes as used.
   *
   * @param to Where the used bytes end.
   */
  consume(to: number): void {
    this.start = to;
    if (to !== this.end) return;
    this.start = 0;
    this.end = 0;
  }

  /**
   * Makes room behind the waiting bytes, for a transport to read into.
   *
   * @returns A view of at least one byte, good until the next call.
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
   * @param count How many.
   */
  filled(count: number): void {
    this.end += count;
    // Not only if nothing is left: what is around the bytes, such as frames, may have been taken out.
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

  /** Lets go of the buffer and all that waits in it. */
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

/**
 * The messages of a peer that have to wait, in their order.
 *
 * @module
 */

import { InputBuffer } from "../jelly/banana/input_buffer.ts";
import type { IncomingCall } from "./incoming_calls.ts";
import type { Link } from "./link.ts";

/** Of what waits, so many bytes may have been read already: what is read takes many times the room. */
const MAX_AHEAD = 1024 * 1024;
/** Sizes that count no more are dropped when there are so many. */
const MANY_SIZES = 4096;

/** Reads a message, and gives the call that it is; undefined for any other one. */
export type ReadCall = (bytes: Uint8Array, start: number) => IncomingCall | undefined;

/** Messages that wait: as bytes, one behind the other, and the first of them perhaps as calls too. */
export class PutOff {
  readonly #bytes = new InputBuffer();
  readonly #sizes: number[] = [];
  /** Index of the first size that counts. */
  #first = 0;
  /** What was read of the first messages; undefined for those that are no calls. */
  readonly #ahead: (IncomingCall | undefined)[] = [];
  #aheadBytes = 0;
  /** How long the message is that is being handled: its bytes still come before the others. */
  #handling = 0;

  /** Whether none is left. */
  get isEmpty(): boolean {
    return this.#first === this.#sizes.length;
  }

  /** How many bytes wait. */
  get length(): number {
    return this.#bytes.length;
  }

  /**
   * Adds the message that a link is handing over.
   *
   * @param link The link.
   */
  add(link: Link): void {
    this.#sizes.push(link.expressionBytes);
    link.copyExpression(this.#bytes);
  }

  /**
   * Reads the first message that was not read yet; it keeps its place.
   *
   * @param read Reads it.
   * @returns False if there is none, or so much was read already that no more may be.
   */
  readNext(read: ReadCall): boolean {
    const size = this.#sizes[this.#first + this.#ahead.length];
    if (size === undefined || this.#aheadBytes + size > MAX_AHEAD) return false;
    const { bytes, start } = this.#bytes;
    this.#ahead.push(read(bytes, start + this.#handling + this.#aheadBytes));
    this.#aheadBytes += size;
    return true;
  }

  /**
   * Handles the first message, and removes it.
   *
   * @param link Takes it where it is bytes.
   * @param begin Takes it where it is a call that was read, and how long its message was.
   * @returns How long it was, in bytes.
   */
  handleFirst(link: Link, begin: (call: IncomingCall, length: number) => void): number {
    const size = this.#sizes[this.#first++]!;
    if (this.#first === MANY_SIZES) {
      this.#sizes.splice(0, MANY_SIZES);
      this.#first = 0;
    }
    if (this.#ahead.length !== 0) this.#aheadBytes -= size;
    const call = this.#ahead.shift();
    this.#handling = size;
    if (call === undefined) link.handleCopy(this.#bytes, size);
    else begin(call, size);
    this.#handling = 0;
    this.#bytes.consume(this.#bytes.start + size);
    return size;
  }
}

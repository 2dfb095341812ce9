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
/** The sizes of so many messages stand together. */
const BLOCK_SIZES = 4096;
/** About how many bytes a message costs beside its own. */
const MESSAGE_BYTES = 8;

/** Reads a message, and gives the call that it is; undefined for any other one. */
export type ReadCall = (bytes: Uint8Array, start: number) => IncomingCall | undefined;

/** Messages that wait: as bytes, one behind the other, and the first of them perhaps as calls too. */
export class WaitingMessages {
  readonly #bytes = new InputBuffer();
  /** How long the messages are, in blocks; those that are handled are dropped with their block. */
  readonly #blocks: number[][] = [];
  /** How many messages of the first block are handled. */
  #first = 0;
  #count = 0;
  /** What was read of the first messages; undefined for those that are no calls. */
  readonly #ahead: (IncomingCall | undefined)[] = [];
  #aheadBytes = 0;
  /** How long the message is that is being handled: its bytes still come before the others. */
  #handling = 0;
  #isReading = false;

  /** Whether none is left. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** About how many bytes it takes to keep what waits. */
  get keptBytes(): number {
    return this.#bytes.length + this.#count * MESSAGE_BYTES;
  }

  /**
   * Adds the message that a link is handing over.
   *
   * @param link The link.
   */
  add(link: Link): void {
    const last = this.#blocks.at(-1);
    if (last === undefined || last.length === BLOCK_SIZES) {
      this.#blocks.push([link.expressionBytes]);
    } else last.push(link.expressionBytes);
    this.#count++;
    link.copyExpression(this.#bytes);
  }

  /**
   * Reads the first message that was not read yet; it keeps its place.
   *
   * @param read Reads it.
   * @returns False if there is none, or one is being read, or so much was read already that no more
   * may be.
   */
  readNext(read: ReadCall): boolean {
    const size = this.#sizeAt(this.#ahead.length);
    if (size === undefined || this.#isReading || this.#aheadBytes + size > MAX_AHEAD) return false;
    const { bytes, start } = this.#bytes;
    // What it reads may ask for more to be read: that would be itself.
    this.#isReading = true;
    try {
      this.#ahead.push(read(bytes, start + this.#handling + this.#aheadBytes));
    } finally {
      this.#isReading = false;
    }
    this.#aheadBytes += size;
    return true;
  }

  /** The size of one of the messages that wait. */
  #sizeAt(index: number): number | undefined {
    const place = this.#first + index;
    return this.#blocks[Math.floor(place / BLOCK_SIZES)]?.[place % BLOCK_SIZES];
  }

  /**
   * Handles the first message, and removes it.
   *
   * @param link Takes it where it is bytes.
   * @param begin Takes it where it is a call that was read, and how long its message was.
   * @returns How long it was, in bytes.
   */
  handleFirst(link: Link, begin: (call: IncomingCall, length: number) => void): number {
    const size = this.#sizeAt(0)!;
    this.#count--;
    if (++this.#first === BLOCK_SIZES) {
      this.#blocks.shift();
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

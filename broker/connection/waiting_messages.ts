/**
 * The messages of a peer that have to wait, in order.
 *
 * @module
 */

import { InputBuffer } from "../../jelly/banana/input_buffer.ts";
import type { IncomingCall } from "../calls/incoming_call.ts";
import type { Link } from "../link/link.ts";

/**
 * Maximum number of waiting bytes that may be read ahead: once read, they take many times the
 * memory.
 */
const MAX_AHEAD = 1024 * 1024;
/** Number of message sizes in a block. */
const BLOCK_SIZES = 4096;
/** Approximate number of bytes that a message costs in addition to its own. */
const MESSAGE_BYTES = 8;

/** Reads a message, and returns the call that it is; undefined for any other message. */
export type CallReader = (
  bytes: Uint8Array,
  start: number,
  length: number,
) => IncomingCall | undefined;

/** Messages that wait: as bytes, one after another, and the first of them perhaps as calls too. */
export class WaitingMessages {
  readonly #bytes = new InputBuffer();
  /** Sizes of the messages, in blocks; those of handled messages are dropped with their block. */
  readonly #blocks: number[][] = [];
  /** Number of messages of the first block that are handled. */
  #first = 0;
  #count = 0;
  /** What was read of the first messages; undefined for those that are not calls. */
  readonly #ahead: (IncomingCall | undefined)[] = [];
  #aheadBytes = 0;
  /** Size of the message that is being handled: its bytes still come before the others. */
  #handling = 0;
  #isReading = false;

  /** Whether no message is left. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Approximate number of bytes that the waiting messages take. */
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
   * @returns False if there is none, if one is being read, or if too much was read ahead already.
   */
  readNext(read: CallReader): boolean {
    const size = this.#sizeAt(this.#ahead.length);
    if (size === undefined || this.#isReading || this.#aheadBytes + size > MAX_AHEAD) return false;
    const { bytes, start } = this.#bytes;
    // Reading may ask for more to be read, which would be this same message.
    this.#isReading = true;
    try {
      this.#ahead.push(read(bytes, start + this.#handling + this.#aheadBytes, size));
    } finally {
      this.#isReading = false;
    }
    this.#aheadBytes += size;
    return true;
  }

  /** The size of one of the waiting messages. */
  #sizeAt(index: number): number | undefined {
    const place = this.#first + index;
    return this.#blocks[Math.floor(place / BLOCK_SIZES)]?.[place % BLOCK_SIZES];
  }

  /**
   * Handles the first message, and removes it.
   *
   * @param link Handles it if it is bytes.
   * @param begin Handles it if it is a call that was read.
   * @returns Its length in bytes.
   */
  handleFirst(link: Link, begin: (call: IncomingCall) => void): number {
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
    else begin(call);
    this.#handling = 0;
    this.#bytes.consume(this.#bytes.start + size);
    return size;
  }
}

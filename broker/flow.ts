/**
 * How a connection keeps pace with its peer, without either waiting for the other for ever.
 *
 * @module
 */

import { InputBuffer } from "../jelly/banana/input_buffer.ts";
import { LimitError } from "./errors.ts";
import type { IncomingCalls } from "./incoming_calls.ts";
import type { Link } from "./link.ts";
import type { BrokerLimits } from "./options.ts";
import type { PendingCalls } from "./pending_calls.ts";

/** Messages of so many bytes are handled before others get a turn. */
const TURN_BYTES = 256 * 1024;
/** Sizes that count no more are dropped when there are so many. */
const MANY_SIZES = 4096;

/** What a broker lends to its flow. */
export interface FlowParts {
  /** Where messages come from, and answers go. */
  readonly link: Link;
  /** The peer's calls. */
  readonly calls: IncomingCalls;
  /** Our own calls. */
  readonly pending: PendingCalls;
  /** When to wait, and when to give up. */
  readonly limits: BrokerLimits;
  /** Closes the connection for a fault. */
  readonly fail: (error: Error) => void;
}

/**
 * Slows a peer down that sends faster than its calls are handled, or than it reads the answers.
 *
 * While we are behind with its calls, nothing is read: the bytes stay in the transport, which
 * makes the peer wait. But whoever waits for an answer itself has to read on, since handlers may
 * need that answer to finish, and two ends that do not read would wait for each other for ever.
 * So then answers are taken as they come, and all else is put off, in its order, up to a limit.
 */
export class Flow {
  readonly #parts: FlowParts;
  /** The messages that were put off, one behind the other, and how long each is. */
  #later: InputBuffer | undefined;
  #sizes: number[] = [];
  /** Index of the first size that counts. */
  #first = 0;
  #isHandling = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Creates the flow of a connection.
   *
   * @param parts What the broker lends.
   */
  constructor(parts: FlowParts) {
    this.#parts = parts;
  }

  /** Whether messages have to wait. */
  get isBehind(): boolean {
    return this.#sizes.length !== 0 || this.#isBusy;
  }

  /** Whether nothing is read, or some of what was read waits: a peer may hear nothing for long. */
  get isMute(): boolean {
    return this.#sizes.length !== 0 || this.#parts.link.isPaused;
  }

  /** Whether no more calls should be begun now. */
  get #isBusy(): boolean {
    const { calls, link, limits } = this.#parts;
    return calls.isFull || link.bufferedAnswers >= limits.highWaterMark;
  }

  /**
   * Tells whether to go on reading now.
   *
   * @returns False to pause, until {@linkcode Flow.proceed} or a call of ours resumes.
   * @throws {LimitError} If the peer floods us with calls, and does not read their answers.
   */
  mayRead(): boolean {
    if (!this.isBehind) return true;
    const { link, pending, limits } = this.#parts;
    // Not only calls that somebody waits for: their answers are in the way of the peer's reading.
    if (pending.size === 0) return false;
    if (this.#later === undefined || this.#later.length < limits.maxBufferedBytes) return true;
    if (link.bufferedAnswers < limits.highWaterMark) return false;
    throw new LimitError(
      "maxBufferedBytes",
      "Cannot keep connection: the peer sends calls and does not read their answers",
    );
  }

  /**
   * Puts the message off that is being handled, if messages have to wait.
   *
   * @returns Whether it did.
   */
  putOff(): boolean {
    if (!this.isBehind || this.#isHandling) return false;
    this.#sizes.push(this.#parts.link.expressionBytes);
    this.#parts.link.copyExpression(this.#later ??= new InputBuffer());
    return true;
  }

  /** Goes on where messages waited, as something has got done; to be called whenever it has. */
  proceed(): void {
    if (this.#sizes.length !== 0) this.#handleWaiting();
    if (!this.isBehind) this.#parts.link.resume();
  }

  /** Drops what was put off. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sizes = [];
    this.#first = 0;
    this.#later = undefined;
  }

  #handleWaiting(): void {
    if (this.#isHandling || this.#timer !== undefined) return;
    let left = TURN_BYTES;
    this.#isHandling = true;
    try {
      while (this.#first < this.#sizes.length && !this.#isBusy) {
        if (left <= 0) {
          this.#timer = setTimeout(() => this.#nextTurn(), 0);
          return;
        }
        left -= this.#handleFirst();
      }
      if (this.#first === this.#sizes.length) this.clear();
    } catch (error) {
      this.#parts.fail(error as Error);
    } finally {
      this.#isHandling = false;
    }
  }

  #nextTurn(): void {
    this.#timer = undefined;
    this.proceed();
  }

  #handleFirst(): number {
    const size = this.#sizes[this.#first++]!;
    if (this.#first === MANY_SIZES) {
      this.#sizes.splice(0, MANY_SIZES);
      this.#first = 0;
    }
    const later = this.#later!;
    this.#parts.link.handleCopy(later, size);
    // Of no effect if the handler has closed the connection, and so dropped all of it.
    later.consume(later.start + size);
    return size;
  }
}

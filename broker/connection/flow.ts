/**
 * How a connection keeps pace with its peer, without the two waiting for each other forever.
 *
 * @module
 */

import type { IncomingCalls } from "../calls/incoming_calls.ts";
import { LimitError } from "../errors/errors.ts";
import type { BrokerLimits } from "../link/limits.ts";
import type { Link } from "../link/link.ts";
import type { ConnectionHooks } from "./connection_hooks.ts";
import { type CallReader, WaitingMessages } from "./waiting_messages.ts";

/** Number of bytes in messages that are handled before others get a turn. */
const TURN_BYTES = 256 * 1024;

/** What the flow of a connection works with. */
export interface FlowParts {
  /** Where messages come from and answers go. */
  readonly link: Link;
  /** The peer's calls. */
  readonly calls: IncomingCalls;
  /** When to wait, and when to give up. */
  readonly limits: BrokerLimits;
  /** Knows of our own calls, and learns of faults. */
  readonly hooks: ConnectionHooks;
}

/**
 * Slows down a peer that sends faster than its calls are handled, or than it reads the answers.
 *
 * While we are behind with its calls, nothing is read: the bytes stay in the transport, which makes
 * the peer wait. But an end that waits for an answer itself has to keep reading, since handlers may
 * need that answer to finish, and two ends that do not read would wait for each other forever. So
 * in that case answers are handled as they arrive, and all else is put off, in order, up to a
 * limit. An answer may need a cache that came with a call before it: then the arguments of that
 * call are read early, though it still begins in its turn.
 */
export class Flow {
  readonly #link: Link;
  readonly #calls: IncomingCalls;
  readonly #limits: BrokerLimits;
  readonly #hooks: ConnectionHooks;
  /** The messages that were put off, if there are any. */
  #waiting: WaitingMessages | undefined;
  #isHandling = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Creates the flow of a connection.
   *
   * @param parts What it works with.
   */
  constructor({ link, calls, limits, hooks }: FlowParts) {
    this.#link = link;
    this.#calls = calls;
    this.#limits = limits;
    this.#hooks = hooks;
  }

  /** Whether messages have to wait. */
  get isBehind(): boolean {
    return this.#waiting !== undefined || this.#isBusy;
  }

  /**
   * Whether nothing is being read, or some of what was read waits: a peer may then hear nothing for
   * a long time.
   */
  get isMute(): boolean {
    return this.#waiting !== undefined || this.#link.isPaused;
  }

  /**
   * Whether nothing is being read because calls take long here, and not because the peer does not
   * accept answers.
   */
  get isOccupied(): boolean {
    return this.#link.isPaused && this.#calls.isFull;
  }

  /** Whether no more calls should be begun now. */
  get #isBusy(): boolean {
    return this.#calls.isFull || this.#areAnswersInTheWay;
  }

  /** Whether so many answers wait to be written that the peer should accept them first. */
  get #areAnswersInTheWay(): boolean {
    return this.#link.output.bufferedAnswers >= this.#limits.highWaterMark;
  }

  /**
   * Returns whether to keep reading now.
   *
   * @returns False to pause, until {@linkcode Flow.proceed} or a call of ours resumes reading.
   * @throws {LimitError} If the peer floods us with calls, and does not read their answers.
   */
  mayRead(): boolean {
    if (!this.isBehind) return true;
    // Calls that were given up count too: the peer may not read on until it has written their
    // answers.
    if (this.#hooks.callsOut === 0) return false;
    const waitingBytes = this.#waiting?.keptBytes ?? 0;
    if (waitingBytes + this.#calls.keptBytes < 2 * this.#calls.maxBytes) return true;
    if (!this.#areAnswersInTheWay) return false;
    throw new LimitError(
      "maxBufferedBytes",
      "Cannot keep connection: the peer sends calls and does not read their answers",
    );
  }

  /**
   * Puts off the message that is being handled, if messages have to wait.
   *
   * @returns Whether it did.
   */
  putOff(): boolean {
    if (!this.isBehind || this.#isHandling) return false;
    (this.#waiting ??= new WaitingMessages()).add(this.#link);
    return true;
  }

  /**
   * Reads the arguments of calls that were put off, as long as that is needed and does not take
   * much memory.
   *
   * @param read Reads one.
   * @param isEnough Returns whether no more is needed.
   */
  readAhead(read: CallReader, isEnough: () => boolean): void {
    while (this.#waiting?.readNext(read) && !isEnough());
  }

  /** Continues with messages that wait; to be called whenever something has been finished. */
  proceed(): void {
    if (this.#waiting !== undefined) this.#handleWaiting(this.#waiting);
    if (!this.isBehind) this.#link.resume();
  }

  /** Drops what was put off. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = undefined;
  }

  #handleWaiting(waiting: WaitingMessages): void {
    if (this.#isHandling || this.#timer !== undefined) return;
    let left = TURN_BYTES;
    this.#isHandling = true;
    try {
      // A handler that closes the connection drops all that waits.
      while (this.#waiting !== undefined && !waiting.isEmpty && !this.#isBusy) {
        if (left <= 0) {
          this.#timer = setTimeout(() => this.#nextTurn(), 0);
          return;
        }
        left -= waiting.handleFirst(this.#link, (call) => this.#calls.begin(call));
      }
      if (waiting.isEmpty) this.clear();
    } catch (error) {
      this.#hooks.fail(error as Error);
    } finally {
      this.#isHandling = false;
    }
  }

  #nextTurn(): void {
    this.#timer = undefined;
    // This proceeds; a close that waits for calls may also be waiting for those that were put off.
    this.#hooks.progressed();
  }
}

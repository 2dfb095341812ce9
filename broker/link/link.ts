/**
 * A connection as a stream of whole expressions, with reads that are as few and as large as
 * possible.
 *
 * @module
 */

import { InputBuffer } from "../../jelly/banana/input_buffer.ts";
import type { BananaScanner, Dialect } from "../../jelly/banana/mod.ts";
import { type Alarm, CLOCK } from "../../transport/base/clock.ts";
import { BusyTime } from "../../transport/base/event_turn.ts";
import type { CloseReason, Transport } from "../../transport/mod.ts";
import { programGoesOn, TURN_MICROTASKS } from "../async/turn.ts";
import type { Bound } from "./bound.ts";
import { closeReason } from "./close_reason.ts";
import type { BrokerLimits } from "./limits.ts";
import { LinkOutput, type OutputHandler } from "./link_output.ts";
import type { ReadTools, Toolbox } from "./toolbox.ts";

/** Number of bytes of one read that are handled before the program gets a turn; it then doubles. */
const FIRST_SLICE_BYTES = 512;
const NO_BYTES = new Uint8Array(0);
/** Maximum number of bytes handled at a time. */
const SLICE_BYTES = 256 * 1024;
/** Milliseconds in which a connection may end by itself once nothing can be written to it. */
const END_PATIENCE = 1000;

/**
 * What an expression was: an answer, a call of a method that has returned a promise, something else,
 * or something for which it was too early.
 */
export type Received = "answer" | "call" | "other" | "later";

/** Receives what arrives over a link. */
export interface LinkHandler {
  /**
   * Handles an expression, whose bytes are valid until it returns.
   *
   * @param tools A reader positioned before the expression, and its unjellier.
   * @param isBehindAnswer Whether the program has yet to hear of an answer that came before; if so,
   * only more answers can be handled.
   * @returns What it was; `later` if it was not handled and must be handed over again.
   */
  expressionReceived(tools: ReadTools, isBehindAnswer: boolean): Received;
  /**
   * Returns whether to keep reading now; if not, the handler calls `resume` later.
   *
   * @returns False to pause.
   */
  mayRead(): boolean;
  /** Whether the promise of the latest call is still pending. */
  readonly isLatestRunning: boolean;
  /** Called when the transport has taken some of what is waiting. */
  wrote(): void;
  /**
   * Called when the link has ended; nothing comes after it.
   *
   * @param error Why, unless the stream ended in an orderly way.
   * @param unread The first of the bytes that were not understood.
   */
  linkEnded(error: unknown, unread: Uint8Array): void;
}

/** What a link is told about its connection. */
export interface LinkSettings {
  /** Limits. */
  readonly limits: BrokerLimits;
  /**
   * The tools that read and write messages, which the connections share.
   *
   * @internal
   */
  readonly tools: Toolbox;
}

/**
 * How far the handling of input has got: to the end of the input, to an unfinished expression, to
 * the end of a slice, to a call that is running, or to a pause.
 */
type Pace = "done" | "unfinished" | "slice" | "call" | "pause";

/** The two directions of a transport, in expressions. */
export class Link implements OutputHandler {
  /** The direction to the peer. */
  readonly output: LinkOutput;
  readonly #transport: Transport;
  readonly #handler: LinkHandler;
  /** The connection, for objects that ask for it. */
  readonly #invoker: object;
  readonly #tools: Toolbox;
  readonly #input = new InputBuffer();
  /** Limit for the bytes of one expression, finished or not, give or take one read. */
  #bound: Bound | undefined;
  /** The dialect that both ends have agreed on, once they have. */
  #dialect: Dialect | undefined;
  /** On loan while input is handled or an expression is unfinished. */
  #scanner: BananaScanner | undefined;
  #isOpen = true;
  #received = 0;
  #expressionBytes = 0;
  /** Whether the program may not have heard of an answer yet. */
  #isBehindAnswer = false;
  /** Length in bytes of the next expression if it was put off, else 0. */
  #putOffBytes = 0;
  #resume: (() => void) | undefined;
  /** Set once nothing can be written any more. */
  #endAlarm: Alarm | undefined;

  /**
   * Creates a link; it reads once {@linkcode Link.run} is called.
   *
   * @param transport The byte pipe; the link closes it.
   * @param handler Receives what arrives.
   * @param settings Limits, and the tools that connections share.
   * @param invoker The connection, for objects that ask for it.
   */
  constructor(
    transport: Transport,
    handler: LinkHandler,
    { limits, tools }: LinkSettings,
    invoker: object,
  ) {
    this.#transport = transport;
    this.#handler = handler;
    this.#invoker = invoker;
    this.#tools = tools;
    // Code that waits until there is room must find some.
    const highWaterMark = Math.min(limits.highWaterMark, limits.maxBufferedBytes);
    this.output = new LinkOutput({ transport, handler: this, tools, invoker, highWaterMark });
  }

  /** Number of bytes received. */
  get bytesReceived(): number {
    return this.#received;
  }

  /** Length in bytes of the expression that is being handled. */
  get expressionBytes(): number {
    return this.#expressionBytes;
  }

  /** Whether this end has not closed the transport yet. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether the handler asked for a pause, so that nothing is read. */
  get isPaused(): boolean {
    return this.#resume !== undefined;
  }

  /** The reason that the peer gave when it closed, if it could give one. */
  get closeReason(): CloseReason | undefined {
    return this.#transport.closeReason;
  }

  /**
   * Settles when nothing is left of a closed transport; undefined where closing takes no longer.
   */
  get transportClosed(): Promise<void> | undefined {
    return this.#transport.closed;
  }

  /**
   * Returns a received byte that has not been understood yet.
   *
   * @param index Its position among them.
   * @returns The byte; undefined if there are not so many.
   */
  peek(index: number): number | undefined {
    const { bytes, start, end } = this.#input;
    return start + index < end ? bytes[start + index] : undefined;
  }

  /** A copy of the first received bytes that have not been understood yet. */
  get unread(): Uint8Array {
    const { bytes, start, end } = this.#input;
    if (start === end) return NO_BYTES;
    return bytes.slice(start, Math.min(end, start + 16));
  }

  /**
   * Sets the agreed dialect for all that is received and sent from now on.
   *
   * @param dialect The dialect.
   */
  setDialect(dialect: Dialect): void {
    this.#dialect = dialect;
    if (this.#scanner !== undefined) this.#scanner.dialect = dialect;
    this.output.setDialect(dialect);
  }

  /**
   * Limits the length of an expression, in addition to the limits for all expressions.
   *
   * @param bound Limit for its bytes, finished or not, give or take one read; undefined for none.
   */
  limitInput(bound: Bound | undefined): void {
    this.#bound = bound;
  }

  /**
   * Reads until the connection ends. Never rejects: the handler is told how it ended.
   *
   * @returns Resolves after the handler has been told.
   */
  async run(): Promise<void> {
    const input = this.#input;
    let error: unknown;
    const busy = new BusyTime();
    try {
      for (;;) {
        const count = await this.#transport.read(input.room());
        if (count === null || !this.#isOpen) break;
        this.#received += count;
        input.filled(count);
        busy.begin();
        await this.#handleInput();
        const turn = busy.done();
        if (turn !== undefined) await turn;
        if (!this.#isOpen) break;
        this.#checkLength(input.length);
      }
    } catch (caught) {
      error = caught;
    }
    const { unread } = this;
    this.close(error === undefined ? undefined : closeReason(error));
    this.#handler.linkEnded(error, unread);
  }

  /** Resumes reading after a pause. */
  resume(): void {
    this.#resume?.();
  }

  /**
   * Copies the expression that is being handled, for later.
   *
   * @param target The buffer to add its bytes to.
   */
  copyExpression(target: InputBuffer): void {
    const { bytes, start } = this.#input;
    target.append(bytes.subarray(start, start + this.#expressionBytes));
  }

  /**
   * Hands over an expression that was copied.
   *
   * @param source A buffer that begins with it.
   * @param length Its length in bytes.
   */
  handleCopy(source: InputBuffer, length: number): void {
    const tools = this.#tools.takeReader(this.#invoker);
    this.#expressionBytes = length;
    tools.reader.reset(source.bytes, source.start);
    this.#handler.expressionReceived(tools, false);
    this.#tools.giveReader(tools);
  }

  /** Passes on what the output reports. */
  wrote(): void {
    this.#handler.wrote();
  }

  /** Keeps reading for a while, up to the end, which best explains why the peer accepts no more. */
  outputFailed(reason: Error): void {
    if (this.isPaused) return this.#giveUp(reason);
    const alarm: Alarm = {
      delay: END_PATIENCE,
      place: undefined,
      ring: () => this.#giveUp(reason),
    };
    CLOCK.set(alarm);
    this.#endAlarm = alarm;
  }

  /** Ends the link although the transport has not ended. */
  #giveUp(reason: Error): void {
    this.close(closeReason(reason));
    this.#handler.linkEnded(reason, NO_BYTES);
  }

  /**
   * Closes the transport at once. A second call does nothing.
   *
   * @param reason The reason, for transports that can tell the peer.
   */
  close(reason?: CloseReason): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      this.#transport.close(reason);
    } catch {
      // The transport was closed from its other side.
    }
    this.#input.clear();
    this.#scanner = undefined;
    if (this.#endAlarm !== undefined) CLOCK.clear(this.#endAlarm);
    this.output.close();
    this.#resume?.();
  }

  /**
   * Hands over the complete expressions, in slices: the responses to the first of them go out, and
   * give the peer something to do, while the others are handled. Otherwise, two busy ends would
   * take turns, each waiting until the other has finished everything.
   *
   * What comes after an answer also waits until the program has had a turn, and forms one or more
   * slices of its own: as in Twisted, code that waits for an answer gets it before anything that
   * was sent after it. And as there, a method that has nothing to wait for has ended before the next
   * call begins, even if it is asynchronous.
   */
  async #handleInput(): Promise<void> {
    const input = this.#input;
    let slice = FIRST_SLICE_BYTES;
    for (let left = slice;;) {
      const { length } = input;
      switch (this.#handleExpressions(left)) {
        case "done":
        case "unfinished":
          return;
        case "call":
          left -= length - input.length;
          for (let more = TURN_MICROTASKS; more !== 0 && this.#handler.isLatestRunning; more--) {
            await undefined;
          }
          continue;
        case "slice":
          await programGoesOn();
          this.#isBehindAnswer = false;
          break;
        case "pause":
          // A link that does not read would not see the end either.
          if (this.output.failure !== undefined) this.#giveUp(this.output.failure);
          else await this.#paused();
      }
      left = slice = this.#longerSlice(slice);
    }
  }

  /** Twice as much as before; where messages are long, enough for several of them. */
  #longerSlice(slice: number): number {
    return Math.min(2 * Math.max(slice, this.#expressionBytes), SLICE_BYTES);
  }

  /**
   * Hands over expressions with tools on loan; the scanner is kept while an expression is
   * unfinished.
   */
  #handleExpressions(slice: number): Pace {
    const scanner = this.#scanner ??= this.#tools.takeScanner(this.#dialect);
    const tools = this.#tools.takeReader(this.#invoker);
    const pace = this.#handleSlice(slice, scanner, tools);
    // Tools that were interrupted by a fault do not get here, and are not lent again.
    this.#tools.giveReader(tools);
    if (pace !== "unfinished") {
      this.#scanner = undefined;
      this.#tools.giveScanner(scanner);
    }
    return pace;
  }

  #handleSlice(slice: number, scanner: BananaScanner, tools: ReadTools): Pace {
    const input = this.#input;
    for (let left = slice; this.#isOpen && input.start !== input.end;) {
      if (!this.#handler.mayRead()) return "pause";
      if (left <= 0) return "slice";
      const { bytes, start } = input;
      const end = this.#putOffBytes === 0
        ? scanner.scan(bytes, start, input.end)
        : start + this.#putOffBytes;
      if (end === -1) return "unfinished";
      const length = this.#expressionBytes = end - start;
      this.#checkLength(length);
      tools.reader.reset(bytes, start);
      const received = this.#handler.expressionReceived(tools, this.#isBehindAnswer);
      this.#putOffBytes = received === "later" ? length : 0;
      if (received === "later") return "slice";
      if (received === "answer") this.#isBehindAnswer = true;
      // A handler that has closed the link has cleared the input.
      if (this.#isOpen) input.consume(end);
      left -= length;
      if (received === "call" && input.start !== input.end) return "call";
    }
    return "done";
  }

  #checkLength(length: number): void {
    const bound = this.#bound;
    if (bound !== undefined && length > bound.most) throw bound.passed();
  }

  async #paused(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resume = resolve;
    await promise;
    this.#resume = undefined;
  }
}

/**
 * A connection as a stream of whole expressions: reads as seldom as possible, as much as possible at
 * a time.
 *
 * @module
 */

import type { BananaScanner, Dialect } from "../jelly/banana/mod.ts";
import { InputBuffer } from "../jelly/banana/input_buffer.ts";
import { type Alarm, CLOCK } from "../transport/clock.ts";
import { BusyTime } from "../transport/event_turn.ts";
import type { CloseReason, Transport } from "../transport/mod.ts";
import type { Bound } from "./bound.ts";
import { closeReason } from "./close_reason.ts";
import { LinkOutput, type OutputHandler } from "./link_output.ts";
import type { BrokerSettings } from "./options.ts";
import type { ReadTools, Toolbox } from "./toolbox.ts";
import { programGoesOn } from "./turn.ts";

/** Of what has come at once, so many bytes are handled before the program goes on; then twice as many. */
const FIRST_SLICE_BYTES = 512;
const NO_BYTES = new Uint8Array(0);
/** The most bytes that are handled at a time. */
const SLICE_BYTES = 256 * 1024;
/** Milliseconds in which a connection to which nothing can be written has to end by itself. */
const END_PATIENCE = 1000;

/** What an expression was: an answer, or something else, for which it may have been too early. */
export type Received = "answer" | "other" | "later";

/** Takes what comes over a link. */
export interface LinkHandler {
  /**
   * Takes an expression, whose bytes are good until it returns.
   *
   * @param tools A reader that stands before the expression, and its unjellier.
   * @param isBehindAnswer Whether the program still has to hear of an answer that came before: then
   * only other answers can be taken.
   * @returns What it was; `later` if it was not taken, and is to be handed over again.
   */
  expressionReceived(tools: ReadTools, isBehindAnswer: boolean): Received;
  /**
   * Tells whether to go on reading now; if not, the handler calls `resume` later.
   *
   * @returns False to pause.
   */
  mayRead(): boolean;
  /** Learns that the transport has taken some of what waits. */
  wrote(): void;
  /**
   * Learns that the link has ended; nothing comes after.
   *
   * @param error Why, if it was not the orderly end of the stream.
   * @param unread The first of the bytes that were not understood.
   */
  linkEnded(error: unknown, unread: Uint8Array): void;
}

/** How far handling what has come has got: to its end, or to an expression that is not whole, or a stop. */
type Pace = "done" | "unfinished" | "slice" | "pause";

/** The two directions of a transport, in expressions. */
export class Link implements OutputHandler {
  /** What goes to the peer. */
  readonly output: LinkOutput;
  readonly #transport: Transport;
  readonly #handler: LinkHandler;
  /** The connection, for objects that ask. */
  readonly #invoker: object;
  readonly #tools: Toolbox;
  readonly #input = new InputBuffer();
  /** Of the bytes of one expression, finished or not, give or take one read. */
  #bound: Bound | undefined;
  /** What both ends have agreed on, once they have. */
  #dialect: Dialect | undefined;
  /** Lent while something comes, or an expression is unfinished. */
  #scanner: BananaScanner | undefined;
  #isOpen = true;
  #received = 0;
  #expressionBytes = 0;
  /** Whether the program may still have to hear of an answer. */
  #isBehindAnswer = false;
  /** How long the next expression is, if it was put off. */
  #putOffBytes = 0;
  #resume: (() => void) | undefined;
  /** Set when nothing can be written any more. */
  #endAlarm: Alarm | undefined;

  /**
   * Creates a link; it reads once {@linkcode Link.run} is called.
   *
   * @param transport The byte pipe; the link closes it.
   * @param handler Takes what comes.
   * @param settings Limits, and the tools that connections share.
   * @param invoker The connection, for objects that ask.
   */
  constructor(
    transport: Transport,
    handler: LinkHandler,
    settings: BrokerSettings,
    invoker: object,
  ) {
    this.#transport = transport;
    this.#handler = handler;
    this.#invoker = invoker;
    const { tools, limits } = settings;
    this.#tools = tools;
    // Who waits until there is room shall find some.
    const highWaterMark = Math.min(limits.highWaterMark, limits.maxBufferedBytes);
    this.output = new LinkOutput({ transport, handler: this, tools, invoker, highWaterMark });
  }

  /** How many bytes have come. */
  get bytesReceived(): number {
    return this.#received;
  }

  /** How long the expression is that is being handled, in bytes. */
  get expressionBytes(): number {
    return this.#expressionBytes;
  }

  /** Whether the transport was not closed here yet. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether the handler wanted a pause, so that nothing is read. */
  get isPaused(): boolean {
    return this.#resume !== undefined;
  }

  /** What the peer said when it closed, if it could. */
  get closeReason(): CloseReason | undefined {
    return this.#transport.closeReason;
  }

  /** Settles when nothing of a closed transport is left, where that takes longer than closing. */
  get transportClosed(): Promise<void> | undefined {
    return this.#transport.closed;
  }

  /** A copy of the first bytes that have come and were not understood yet. */
  get unread(): Uint8Array {
    const { bytes, start, end } = this.#input;
    if (start === end) return NO_BYTES;
    return bytes.slice(start, Math.min(end, start + 16));
  }

  /**
   * Sets the dialect that was agreed on, for what comes and goes from now on.
   *
   * @param dialect The dialect.
   */
  setDialect(dialect: Dialect): void {
    this.#dialect = dialect;
    if (this.#scanner !== undefined) this.#scanner.dialect = dialect;
    this.output.setDialect(dialect);
  }

  /**
   * Limits how long an expression may be, beside what the limits of all expressions say.
   *
   * @param bound Of its bytes, finished or not, give or take one read; undefined for no such limit.
   */
  limitInput(bound: Bound | undefined): void {
    this.#bound = bound;
  }

  /**
   * Reads until the connection ends. Never rejects: the handler learns how it ended.
   *
   * @returns Settles after the handler has learned it.
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

  /** Goes on reading after a pause. */
  resume(): void {
    this.#resume?.();
  }

  /**
   * Copies the expression that is being handled, for later.
   *
   * @param target Where its bytes are added.
   */
  copyExpression(target: InputBuffer): void {
    const { bytes, start } = this.#input;
    target.append(bytes.subarray(start, start + this.#expressionBytes));
  }

  /**
   * Hands over an expression that was copied.
   *
   * @param source Where it is the first.
   * @param length How long it is, in bytes.
   */
  handleCopy(source: InputBuffer, length: number): void {
    const tools = this.#tools.takeReader(this.#invoker);
    this.#expressionBytes = length;
    tools.reader.reset(source.bytes, source.start);
    this.#handler.expressionReceived(tools, false);
    this.#tools.giveReader(tools);
  }

  /** Hands on what the output says. */
  wrote(): void {
    this.#handler.wrote();
  }

  /** Reads on for a while, to the end, which tells best why the peer takes no more. */
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

  /** Ends, though the transport has not. */
  #giveUp(reason: Error): void {
    this.close(closeReason(reason));
    this.#handler.linkEnded(reason, NO_BYTES);
  }

  /**
   * Closes the transport at once. A second call does nothing.
   *
   * @param reason Told to the peer by transports that can.
   */
  close(reason?: CloseReason): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      this.#transport.close(reason);
    } catch {
      // The transport was closed from the other side of it.
    }
    this.#input.clear();
    this.#scanner = undefined;
    if (this.#endAlarm !== undefined) CLOCK.clear(this.#endAlarm);
    this.output.close();
    this.#resume?.();
  }

  /**
   * Hands over the expressions that are whole, in slices: what is said to the first of them goes out,
   * and gives the peer something to do, while the others are handled. Otherwise two ends with much to
   * say would take turns, each waiting for the other to have done with all of it.
   *
   * What comes behind an answer also waits until the program has gone on, and is one slice or more of
   * its own: as in Twisted, who waits for an answer hears of it before what was sent after it.
   */
  async #handleInput(): Promise<void> {
    for (let slice = FIRST_SLICE_BYTES;; slice = this.#longerSlice(slice)) {
      switch (this.#handleExpressions(slice)) {
        case "done":
        case "unfinished":
          return;
        case "slice":
          await programGoesOn();
          this.#isBehindAnswer = false;
          break;
        case "pause":
          // Who cannot read would not see the end either.
          if (this.output.failure !== undefined) this.#giveUp(this.output.failure);
          else await this.#paused();
      }
    }
  }

  /** Twice as much as before: where messages are long, that is several of them. */
  #longerSlice(slice: number): number {
    return Math.min(2 * Math.max(slice, this.#expressionBytes), SLICE_BYTES);
  }

  /** Hands over expressions with tools that are lent; a scanner is kept while an expression is unfinished. */
  #handleExpressions(slice: number): Pace {
    const scanner = this.#scanner ??= this.#tools.takeScanner(this.#dialect);
    const tools = this.#tools.takeReader(this.#invoker);
    const pace = this.#handleSlice(slice, scanner, tools);
    // What a fault has interrupted does not come here, and is not lent again.
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
      // A handler that closed the link has cleared the input.
      if (this.#isOpen) input.consume(end);
      left -= length;
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

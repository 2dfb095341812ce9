/**
 * A connection as a stream of whole expressions: reads and writes as little as
 * possible, as much as possible at a time.
 *
 * @module
 */

import type { BananaScanner, Dialect } from "../jelly/banana/mod.ts";
import { InputBuffer } from "../jelly/banana/input_buffer.ts";
import { type CloseReason, HEADROOM, type Transport } from "../transport/mod.ts";
import { closeReason } from "./close_reason.ts";
import { LoginLimitError } from "./errors.ts";
import type { BrokerSettings } from "./options.ts";
import type { ReadTools, Toolbox, WriteTools } from "./toolbox.ts";

/** So many microtasks in a row must write nothing before what was written goes out. */
const QUIET_MICROTASKS = 8;
/** After so many turns in a row that wrote one message, the next one is not expected to write more. */
const LONE_TURNS = 4;
/** So many microtasks are enough for the program to go on, and for what it writes to go out. */
const TURN_MICROTASKS = QUIET_MICROTASKS + 4;
/** Of what has come at once, so many bytes are handled before the program goes on; then twice as many. */
const FIRST_SLICE_BYTES = 512;
const NO_BYTES = new Uint8Array(0);
/** The most bytes that are handled at a time. */
const SLICE_BYTES = 256 * 1024;

/** Takes what comes over a link. */
export interface LinkHandler {
  /**
   * Takes an expression, whose bytes are good until it returns.
   *
   * @param tools A reader that stands before the expression, and its unjellier.
   */
  expressionReceived(tools: ReadTools): void;
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
export class Link {
  /** Most bytes of one expression, finished or not, give or take one read. */
  maxExpressionBytes = Infinity;
  readonly #transport: Transport;
  readonly #handler: LinkHandler;
  /** The connection, for objects that ask. */
  readonly #invoker: object;
  readonly #tools: Toolbox;
  readonly #input = new InputBuffer();
  readonly #highWaterMark: number;
  #dialect: Dialect | undefined;
  /** Lent while something comes, or an expression is unfinished. */
  #scanner: BananaScanner | undefined;
  /** Lent as long as there is something that the transport has not got. */
  #output: WriteTools | undefined;
  #isOpen = true;
  /** Whether a message is being written. */
  #isWriting = false;
  /** Whether nothing can be written any more: the end of what comes follows. */
  #isBroken = false;
  /** Whether a flush is on its way: at the end of this turn, or in the transport. */
  #isFlushing = false;
  /** Bytes that the transport has and has not taken yet. */
  #inTransport = 0;
  /** Bytes of answers among those that the writer holds, and among those that the transport has. */
  #answers = 0;
  #answersInTransport = 0;
  #received = 0;
  #sent = 0;
  #expressionBytes = 0;
  /** About how many bytes have gone out at a time lately. */
  #usual = 0;
  /** How many messages were written in this turn, and how many turns in a row wrote but one. */
  #written = 0;
  #loneTurns = 0;
  #resume: (() => void) | undefined;
  #drained: { resolve: () => void; below: number }[] | undefined;

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
    this.#tools = settings.tools;
    this.#highWaterMark = settings.limits.highWaterMark;
  }

  /** How many bytes wait to be written. */
  get buffered(): number {
    return this.#isOpen ? this.#unsent + this.#inTransport : 0;
  }

  /** How many bytes were written that the transport has not got. */
  get #unsent(): number {
    return this.#output?.writer.length ?? 0;
  }

  /** How many bytes of answers wait to be written. */
  get bufferedAnswers(): number {
    return this.#answers + Math.min(this.#answersInTransport, this.#inTransport);
  }

  /** How many bytes have come. */
  get bytesReceived(): number {
    return this.#received;
  }

  /** How many bytes the transport has taken. */
  get bytesSent(): number {
    return this.#sent;
  }

  /** How long the expression is that is being handled, in bytes. */
  get expressionBytes(): number {
    return this.#expressionBytes;
  }

  /** Whether a message is being written, so that others have to wait. */
  get isWriting(): boolean {
    return this.#isWriting;
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

  /** Whether so much waits that producers should wait too. */
  get isFull(): boolean {
    return this.buffered >= this.#highWaterMark;
  }

  /**
   * Sets the dialect that was agreed on, for what comes and goes from now on.
   *
   * @param dialect The dialect.
   */
  setDialect(dialect: Dialect): void {
    this.#dialect = dialect;
    if (this.#scanner !== undefined) this.#scanner.dialect = dialect;
    if (this.#output !== undefined) this.#output.writer.dialect = dialect;
  }

  /**
   * Reads until the connection ends. Never rejects: the handler learns how it ended.
   *
   * @returns Settles after the handler has learned it.
   */
  async run(): Promise<void> {
    const input = this.#input;
    let error: unknown;
    try {
      for (;;) {
        const count = await this.#transport.read(input.room());
        if (count === null || !this.#isOpen) break;
        this.#received += count;
        input.filled(count);
        await this.#handleInput();
        if (!this.#isOpen) break;
        if (input.length > this.maxExpressionBytes) throw tooLong(this.maxExpressionBytes);
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
    this.#handler.expressionReceived(tools);
    this.#tools.giveReader(tools);
  }

  /**
   * Notes that an answer was written, for {@linkcode Link.bufferedAnswers}.
   *
   * @param bytes How long it is.
   */
  answerWritten(bytes: number): void {
    this.#answers += bytes;
  }

  /**
   * Begins a message, which {@linkcode Link.flush} ends.
   *
   * @returns What writes it.
   */
  begin(): WriteTools {
    this.#isWriting = true;
    this.#written++;
    // With some patience the last write would have taken this one along.
    if (this.#inTransport !== 0) this.#loneTurns = 0;
    const output = this.#output ??= this.#tools.takeWriter(
      this.#invoker,
      this.#dialect ?? "none",
      this.#usual,
      this.#transport.writeInPlace === undefined ? 0 : HEADROOM,
    );
    output.writer.begin();
    return output;
  }

  /**
   * Ends a message. What was written goes out when this turn of the event loop is over, with all that
   * is written till then.
   */
  flush(): void {
    this.#isWriting = false;
    if (this.#isBroken || !this.#isOpen) return this.#dropOutgoing();
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#writeOut();
  }

  /**
   * Waits until little enough waits to be written.
   *
   * @param below How many bytes may still wait; the high-water mark less one unless given.
   * @returns Settles when that is so, or the link is closed.
   */
  drained(below: number = this.#highWaterMark - 1): Promise<void> {
    if (this.buffered <= below || !this.#isOpen) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    (this.#drained ??= []).push({ resolve, below });
    return promise;
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
    // A message that is being written is dropped when it ends.
    if (!this.#isWriting) this.#dropOutgoing();
    this.#resume?.();
  }

  /**
   * Hands over the expressions that are whole, in slices: what is said to the first of them goes out,
   * and gives the peer something to do, while the others are handled. Otherwise two ends with much to
   * say would take turns, each waiting for the other to have done with all of it.
   */
  async #handleInput(): Promise<void> {
    for (let slice = FIRST_SLICE_BYTES;; slice = this.#longerSlice(slice)) {
      switch (this.#handleExpressions(slice)) {
        case "done":
        case "unfinished":
          return;
        case "slice":
          for (let left = TURN_MICROTASKS; left !== 0; left--) await undefined;
          break;
        case "pause":
          // Who cannot read would not see the end either.
          if (this.#isBroken) this.close();
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
      const end = scanner.scan(bytes, start, input.end);
      if (end === -1) return "unfinished";
      this.#expressionBytes = end - start;
      if (end - start > this.maxExpressionBytes) throw tooLong(this.maxExpressionBytes);
      tools.reader.reset(bytes, start);
      this.#handler.expressionReceived(tools);
      // A handler that closed the link has cleared the input.
      if (this.#isOpen) input.consume(end);
      left -= end - start;
    }
    return "done";
  }

  async #paused(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resume = resolve;
    await promise;
    this.#resume = undefined;
  }

  /**
   * Waits while other microtasks of this turn still write, then writes out: the calls that a
   * program makes in answer to each other leave together, in one write. A program that makes one call
   * after the other does not wait.
   */
  async #writeOut(): Promise<void> {
    const enough = this.#loneTurns < LONE_TURNS ? QUIET_MICROTASKS : 1;
    for (let seen = 0, quiet = 0; quiet < enough; quiet++) {
      await undefined;
      if (this.#unsent !== seen) quiet = 0;
      seen = this.#unsent;
    }
    try {
      while (this.#output !== undefined && this.#isOpen) {
        const output = this.#output;
        this.#output = undefined;
        const bytes = output.writer.written();
        this.#loneTurns = this.#written === 1 ? this.#loneTurns + 1 : 0;
        this.#written = 0;
        this.#inTransport = bytes.length;
        this.#answersInTransport = this.#answers;
        this.#answers = 0;
        for (let from = 0; from < bytes.length;) {
          const count = await this.#write(from === 0 ? bytes : bytes.subarray(from));
          from += count;
          this.#inTransport -= count;
          this.#sent += count;
          this.#tellDrained();
          this.#handler.wrote();
        }
        this.#usual = Math.max(bytes.length, this.#usual >> 1);
        this.#tools.giveWriter(output);
      }
    } catch {
      this.#writeFailed();
    }
    this.#isFlushing = false;
  }

  /** Nothing that was written is needed again, so the transport may do with it as it likes. */
  #write(bytes: Uint8Array): Promise<number> {
    const transport = this.#transport;
    return transport.writeInPlace?.(bytes) ?? transport.write(bytes);
  }

  /** The peer takes no more: what it had sent by then is still read, up to the end, which says why. */
  #writeFailed(): void {
    if (!this.#isOpen) return;
    this.#isBroken = true;
    this.#inTransport = 0;
    this.#dropOutgoing();
    if (this.isPaused) this.close();
  }

  #dropOutgoing(): void {
    if (this.#output !== undefined) this.#tools.giveWriter(this.#output);
    this.#output = undefined;
    this.#answers = 0;
    this.#tellDrained();
  }

  #tellDrained(): void {
    if (this.#drained === undefined) return;
    const { buffered } = this;
    const waiting = this.#drained;
    const still = waiting.filter(({ below }) => buffered > below);
    this.#drained = still.length === 0 ? undefined : still;
    for (const { resolve, below } of waiting) if (buffered <= below) resolve();
  }
}

function tooLong(maxBytes: number): LoginLimitError {
  return new LoginLimitError(
    "maxStrangerBytes",
    `Cannot read message: more than ${maxBytes} bytes, and nobody has logged in`,
  );
}

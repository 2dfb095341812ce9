/**
 * A connection as a stream of whole expressions: reads and writes as little as
 * possible, as much as possible at a time.
 *
 * @module
 */

import { BananaReader, BananaScanner, BananaWriter, type Dialect } from "../jelly/banana/mod.ts";
import { InputBuffer } from "../jelly/banana/input_buffer.ts";
import type { CloseReason, Transport } from "../transport/mod.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { closeReason } from "./close_reason.ts";
import { LoginLimitError } from "./errors.ts";
import type { BrokerSettings } from "./options.ts";

/** So many microtasks in a row must write nothing before what was written goes out. */
const QUIET_MICROTASKS = 8;
/** So many microtasks are enough for the program to go on, and for what it writes to go out. */
const TURN_MICROTASKS = QUIET_MICROTASKS + 4;
/** Of what has come at once, so many bytes are handled before the program goes on; then twice as many. */
const FIRST_SLICE_BYTES = 512;
/** The most bytes that are handled at a time. */
const SLICE_BYTES = 64 * 1024;

/** Takes what comes over a link. */
export interface LinkHandler {
  /**
   * Takes an expression, whose bytes are good until it returns.
   *
   * @param reader Stands before the expression.
   */
  expressionReceived(reader: BananaReader): void;
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

/** The two directions of a transport, in expressions. */
export class Link {
  /** Where messages are written, between {@linkcode Link.begin} and {@linkcode Link.flush}. */
  readonly writer: BananaWriter;
  /** Most bytes of one expression, finished or not, give or take one read. */
  maxExpressionBytes = Infinity;
  readonly #transport: Transport;
  readonly #handler: LinkHandler;
  readonly #scanner: BananaScanner;
  readonly #reader: BananaReader;
  readonly #input = new InputBuffer();
  readonly #highWaterMark: number;
  readonly #buffers: BufferPool;
  #isOpen = true;
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
  /** Whether the writer has a buffer: only while there is something to write. */
  #hasBuffer = false;
  /** About how many bytes have gone out at a time lately. */
  #usual = 0;
  #resume: (() => void) | undefined;
  #drained: { resolve: () => void; below: number }[] = [];

  /**
   * Creates a link; it reads once {@linkcode Link.run} is called.
   *
   * @param transport The byte pipe; the link closes it.
   * @param handler Takes what comes.
   * @param settings Limits, and the caches of the registry.
   */
  constructor(transport: Transport, handler: LinkHandler, settings: BrokerSettings) {
    const { limits, registry } = settings;
    this.#transport = transport;
    this.#handler = handler;
    this.#scanner = new BananaScanner(limits);
    this.#reader = new BananaReader(registry.names);
    this.#highWaterMark = limits.highWaterMark;
    this.#buffers = settings.buffers;
    this.writer = new BananaWriter({ limits, keys: registry.keys });
  }

  /** The reader of what comes: good for an unjellier while an expression is handled. */
  get reader(): BananaReader {
    return this.#reader;
  }

  /** How many bytes wait to be written. */
  get buffered(): number {
    return this.#isOpen ? this.writer.length + this.#inTransport : 0;
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
    this.#scanner.dialect = dialect;
    this.writer.dialect = dialect;
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
    this.#expressionBytes = length;
    this.#reader.reset(source.bytes, source.start);
    this.#handler.expressionReceived(this.#reader);
  }

  /**
   * Notes that an answer was written, for {@linkcode Link.bufferedAnswers}.
   *
   * @param bytes How long it is.
   */
  answerWritten(bytes: number): void {
    this.#answers += bytes;
  }

  /** Begins a message, in a buffer that is lent until it has gone out. */
  begin(): void {
    if (!this.#hasBuffer) {
      this.writer.take(this.#buffers.take(this.#usual));
      this.#hasBuffer = true;
    }
    this.writer.begin();
  }

  /** Has what was written go out when this turn of the event loop is over, with all that is written till then. */
  flush(): void {
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
    this.#drained.push({ resolve, below });
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
    this.#reader.release();
    this.#takeWritten();
    this.#resume?.();
    for (const { resolve } of this.#drained) resolve();
    this.#drained = [];
  }

  /**
   * Hands over the expressions that are whole, in slices: what is said to the first of them goes out,
   * and gives the peer something to do, while the others are handled. Otherwise two ends with much to
   * say would take turns, each waiting for the other to have done with all of it.
   */
  async #handleInput(): Promise<void> {
    for (let slice = FIRST_SLICE_BYTES;; slice = Math.min(2 * slice, SLICE_BYTES)) {
      switch (this.#handleExpressions(slice)) {
        case "done":
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

  /** Hands over expressions until none is whole, a slice is done, or the handler wants a pause. */
  #handleExpressions(slice: number): "done" | "slice" | "pause" {
    const input = this.#input;
    for (let left = slice; this.#isOpen && input.start !== input.end;) {
      if (!this.#handler.mayRead()) return "pause";
      if (left <= 0) return "slice";
      const { bytes, start } = input;
      const end = this.#scanner.scan(bytes, start, input.end);
      if (end === -1) break;
      this.#expressionBytes = end - start;
      if (end - start > this.maxExpressionBytes) throw tooLong(this.maxExpressionBytes);
      this.#reader.reset(bytes, start);
      this.#handler.expressionReceived(this.#reader);
      // A handler that closed the link has cleared the input.
      if (this.#isOpen) input.consume(end);
      left -= end - start;
    }
    // A large buffer that the input has given up is not to live on in the reader.
    this.#reader.release();
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
   * program makes in answer to each other leave together, in one write.
   */
  async #writeOut(): Promise<void> {
    for (let seen = 0, quiet = 0; quiet < QUIET_MICROTASKS; quiet++) {
      await undefined;
      if (this.writer.length !== seen) quiet = 0;
      seen = this.writer.length;
    }
    try {
      while (this.writer.length !== 0 && this.#isOpen) {
        const bytes = this.#takeWritten();
        this.#inTransport = bytes.length;
        this.#answersInTransport = this.#answers;
        this.#answers = 0;
        for (let from = 0; from < bytes.length;) {
          const count = await this.#transport.write(from === 0 ? bytes : bytes.subarray(from));
          from += count;
          this.#inTransport -= count;
          this.#sent += count;
          this.#tellDrained();
          this.#handler.wrote();
        }
        this.#usual = Math.max(bytes.length, this.#usual >> 1);
        this.#buffers.give(bytes);
      }
    } catch {
      this.#writeFailed();
    }
    this.#isFlushing = false;
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
    this.#buffers.give(this.#takeWritten());
    this.#answers = 0;
    this.#tellDrained();
  }

  #takeWritten(): Uint8Array {
    this.#hasBuffer = false;
    return this.writer.take();
  }

  #tellDrained(): void {
    if (this.#drained.length === 0) return;
    const { buffered } = this;
    const ready = this.#drained.filter(({ below }) => buffered <= below);
    if (ready.length === 0) return;
    this.#drained = this.#drained.filter(({ below }) => buffered > below);
    for (const { resolve } of ready) resolve();
  }
}

function tooLong(maxBytes: number): LoginLimitError {
  return new LoginLimitError(
    "maxStrangerBytes",
    `Cannot read message: more than ${maxBytes} bytes, and nobody has logged in`,
  );
}

/**
 * The output of a connection: messages are gathered, and leave in as few writes as possible.
 *
 * @module
 */

import type { Dialect } from "../../jelly/banana/mod.ts";
import { factOf } from "../../transport/base/errors.ts";
import { HEADROOM, type Transport } from "../../transport/mod.ts";
import { QUIET_MICROTASKS } from "../async/turn.ts";
import { PBConnectionLost } from "../errors/errors.ts";
import type { Toolbox, WriteTools } from "./toolbox.ts";

/**
 * After this many turns in a row with one message each, the next turn is not expected to write
 * more.
 */
const LONE_TURNS = 4;

/**
 * Number of microtasks in a row without a write after which a message goes out that nobody waits
 * for: more than a login takes that has everything it needs in memory.
 */
const PATIENT_MICROTASKS = 32;

/** Is told what becomes of written messages. */
export interface OutputHandler {
  /** Called when the transport has taken some of what is waiting. */
  wrote(): void;
  /**
   * Called when nothing can be written any more.
   *
   * @param reason Why.
   */
  outputFailed(reason: Error): void;
}

/** Once it has failed, nothing can be written any more; what had arrived by then is still read. */
type OutputState =
  | { readonly kind: "open" }
  | { readonly kind: "failed"; readonly reason: Error }
  | { readonly kind: "closed" };

const OPEN: OutputState = { kind: "open" };
const CLOSED: OutputState = { kind: "closed" };

/** What the output of a link works with. */
export interface OutputParts {
  /** Where the bytes go. */
  readonly transport: Transport;
  /** Is told what becomes of them. */
  readonly handler: OutputHandler;
  /** Lends writers. */
  readonly tools: Toolbox;
  /** The connection, for objects that ask for it. */
  readonly invoker: object;
  /** Number of waiting bytes at which producers should wait too. */
  readonly highWaterMark: number;
}

/** The direction of a link that leads to the peer. */
export class LinkOutput {
  readonly #parts: OutputParts;
  #dialect: Dialect | undefined;
  #state: OutputState = OPEN;
  /** On loan as long as anything has not been given to the transport. */
  #tools: WriteTools | undefined;
  /** Whether a message is being written. */
  #isWriting = false;
  /** Whether a flush is due at the end of this turn, or is in the transport. */
  #isFlushing = false;
  /** Number of bytes that the transport has been given and has not taken yet. */
  #inTransport = 0;
  /** Number of bytes of answers that the writer holds, and that the transport has been given. */
  #answers = 0;
  #answersInTransport = 0;
  #sent = 0;
  /** Approximate size of recent writes in bytes. */
  #usual = 0;
  /** Number of messages written in this turn, and of turns in a row that wrote only one. */
  #written = 0;
  #loneTurns = 0;
  /** Whether the next message waits for another one. */
  #expectsMore = false;
  /** The waits until few enough bytes are waiting: one for each such number. */
  #drained: Map<number, PromiseWithResolvers<void>> | undefined;

  /**
   * Creates an output.
   *
   * @param parts What it works with.
   */
  constructor(parts: OutputParts) {
    this.#parts = parts;
  }

  /** Number of bytes waiting to be written. */
  get buffered(): number {
    return this.#state.kind === "closed" ? 0 : this.#unsent + this.#inTransport;
  }

  /** Number of bytes written that the transport has not been given. */
  get #unsent(): number {
    return this.#tools?.writer.length ?? 0;
  }

  /** Number of bytes of answers waiting to be written. */
  get bufferedAnswers(): number {
    return this.#answers + Math.min(this.#answersInTransport, this.#inTransport);
  }

  /** Number of bytes that the transport has taken. */
  get bytesSent(): number {
    return this.#sent;
  }

  /** Whether a message is being written, so that others have to wait. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  /**
   * Why nothing can be written any more although the link is not closed; undefined if something
   * can.
   */
  get failure(): Error | undefined {
    return this.#state.kind === "failed" ? this.#state.reason : undefined;
  }

  /** Whether so much is waiting that producers should wait too. */
  get isFull(): boolean {
    return this.buffered >= this.#parts.highWaterMark;
  }

  /**
   * Sets the dialect of what is written from now on.
   *
   * @param dialect The dialect.
   */
  setDialect(dialect: Dialect): void {
    this.#dialect = dialect;
    if (this.#tools !== undefined) this.#tools.writer.dialect = dialect;
  }

  /**
   * Records that an answer was written, for {@linkcode LinkOutput.bufferedAnswers}.
   *
   * @param bytes Its length.
   */
  answerWritten(bytes: number): void {
    this.#answers += bytes;
  }

  /**
   * Begins a message, which {@linkcode LinkOutput.flush} ends.
   *
   * @returns The tools to write it with.
   */
  begin(): WriteTools {
    const { tools, invoker, transport } = this.#parts;
    this.#isWriting = true;
    this.#written++;
    // If it had waited a little, the last write would have included this message.
    if (this.#inTransport !== 0) this.#loneTurns = 0;
    const lent = this.#tools ??= tools.takeWriter(
      invoker,
      this.#dialect ?? "none",
      this.#usual,
      transport.writeInPlace === undefined ? 0 : HEADROOM,
    );
    lent.writer.begin();
    return lent;
  }

  /** Says that nobody waits for the next message, and that another one will probably follow soon. */
  expectMore(): void {
    this.#expectsMore = true;
  }

  /**
   * Ends a message. It goes out at the end of this turn of the event loop, together with everything
   * else written by then.
   */
  flush(): void {
    this.#isWriting = false;
    if (this.#state.kind !== "open") return this.#drop();
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#writeOut();
  }

  /**
   * Waits until few enough bytes are waiting.
   *
   * @param below Number of bytes that may still be waiting. Defaults to one less than the
   * high-water mark.
   * @returns Resolves when that is so, or when the link is closed.
   */
  drained(below: number = this.#parts.highWaterMark - 1): Promise<void> {
    if (this.buffered <= below) return Promise.resolve();
    const waits = this.#drained ??= new Map();
    // Code that does not wait may call this for each of a million messages.
    let wait = waits.get(below);
    if (wait === undefined) waits.set(below, wait = Promise.withResolvers());
    return wait.promise;
  }

  /** Discards what is waiting: the transport is closed. */
  close(): void {
    this.#state = CLOSED;
    // A message that is being written is dropped when it ends.
    if (!this.#isWriting) this.#drop();
  }

  /**
   * Waits while other microtasks of this turn are still writing, then writes out: calls that a
   * program makes in response to one another leave together, in one write. A program that makes one
   * call after another does not wait.
   */
  async #writeOut(): Promise<void> {
    const enough = this.#loneTurns < LONE_TURNS ? QUIET_MICROTASKS : 1;
    for (let seen = 0, quiet = 0; quiet < (this.#expectsMore ? PATIENT_MICROTASKS : enough);) {
      await undefined;
      quiet = this.#unsent === seen ? quiet + 1 : 1;
      seen = this.#unsent;
      if (this.#written > 1) this.#expectsMore = false;
    }
    try {
      while (this.#tools !== undefined && this.#state.kind === "open") {
        const lent = this.#tools;
        this.#tools = undefined;
        const bytes = lent.writer.written();
        this.#loneTurns = this.#written === 1 ? this.#loneTurns + 1 : 0;
        this.#written = 0;
        this.#expectsMore = false;
        this.#inTransport = bytes.length;
        this.#answersInTransport = this.#answers;
        this.#answers = 0;
        for (let from = 0; from < bytes.length;) {
          const count = await this.#write(from === 0 ? bytes : bytes.subarray(from));
          from += count;
          this.#inTransport -= count;
          this.#sent += count;
          this.#tellDrained();
          this.#parts.handler.wrote();
        }
        this.#usual = Math.max(bytes.length, this.#usual >> 1);
        this.#parts.tools.giveWriter(lent);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#isFlushing = false;
  }

  /** The written bytes are not needed again, so the transport may change them in place. */
  #write(bytes: Uint8Array): Promise<number> {
    const { transport } = this.#parts;
    return transport.writeInPlace?.(bytes) ?? transport.write(bytes);
  }

  #fail(error: unknown): void {
    if (this.#state.kind !== "open") return;
    const reason = new PBConnectionLost(`Cannot go on: cannot write: ${factOf(error)}`, {
      cause: error,
    });
    this.#state = { kind: "failed", reason };
    this.#inTransport = 0;
    this.#drop();
    this.#parts.handler.outputFailed(reason);
  }

  #drop(): void {
    if (this.#tools !== undefined) this.#parts.tools.giveWriter(this.#tools);
    this.#tools = undefined;
    this.#answers = 0;
    this.#tellDrained();
  }

  #tellDrained(): void {
    if (this.#drained === undefined) return;
    const { buffered } = this;
    for (const [below, { resolve }] of this.#drained) {
      if (buffered > below) continue;
      this.#drained.delete(below);
      resolve();
    }
  }
}

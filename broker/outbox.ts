/**
 * Writes messages, each whole or not at all.
 *
 * @module
 */

import { BananaError, type BananaWriter } from "../jelly/banana/mod.ts";
import { type Jellier, JellyError } from "../jelly/mod.ts";
import type { Faults } from "./broker_hooks.ts";
import { LimitError } from "./errors.ts";
import type { LinkOutput } from "./link_output.ts";
import type { BrokerSettings } from "./options.ts";

/** Writes the parts of one message. */
export type WriteMessage = (writer: BananaWriter, jellier: Jellier) => void;

/**
 * The messages that go to the peer.
 *
 * Values are written straight into the buffer of the output. While that happens, code of the
 * program may run (`getStateToCopy` and its like) and ask for messages of its own: those wait until
 * the one that is being written is done.
 */
export class Outbox {
  /** On whose behalf the message is being written. */
  perspective: object | null = null;
  readonly #output: LinkOutput;
  readonly #maxBufferedBytes: number;
  readonly #faults: Faults;
  /** What is to be done before the next message. */
  #soon: (() => void)[] | undefined;
  /** What waits until the message is done. */
  #postponed: (() => void)[] | undefined;
  /** What the message has put in tables, to be taken back if it fails. */
  #undo: (() => void)[] | undefined;

  /**
   * Creates an outbox.
   *
   * @param output Where the messages go.
   * @param settings Limits.
   * @param faults Closes the connection.
   */
  constructor(output: LinkOutput, settings: BrokerSettings, faults: Faults) {
    this.#output = output;
    this.#maxBufferedBytes = settings.limits.maxBufferedBytes;
    this.#faults = faults;
  }

  /** Whether a message is being written, so that others have to wait. */
  get isWriting(): boolean {
    return this.#output.isWriting;
  }

  /**
   * Has something done before the next message is written, which is soon in any case: it may say
   * something of its own, but not fail.
   *
   * @param act What to do.
   */
  soon(act: () => void): void {
    if (this.#soon === undefined) queueMicrotask(() => this.catchUp());
    (this.#soon ??= []).push(act);
  }

  /** Does what is to be done soon, now: for whoever gives a message its number. */
  catchUp(): void {
    const acts = this.#soon;
    if (acts === undefined) return;
    this.#soon = undefined;
    for (const act of acts) act();
  }

  /**
   * Has something done when the message that is being written is done.
   *
   * @param send What to do.
   */
  postpone(send: () => void): void {
    (this.#postponed ??= []).push(send);
  }

  /**
   * Remembers how to take something back that the message has put in a table.
   *
   * @param undo Takes it back, if the message fails.
   */
  onCancel(undo: () => void): void {
    if (this.isWriting) (this.#undo ??= []).push(undo);
  }

  /**
   * Writes a message; not to be called while another is being written.
   *
   * @param perspective On whose behalf.
   * @param write Writes its parts.
   * @returns How many bytes it has.
   * @throws {JellyError} If a value cannot be sent; then nothing was.
   */
  write(perspective: object | null, write: WriteMessage): number {
    this.catchUp();
    this.perspective = perspective;
    const { writer, jellier } = this.#output.begin();
    const start = writer.length;
    try {
      write(writer, jellier);
      writer.end();
      return writer.length - start;
    } catch (error) {
      writer.cancel();
      for (const undo of this.#undo?.reverse() ?? []) undo();
      throw error instanceof BananaError ? tooLarge(error) : error;
    } finally {
      this.perspective = null;
      this.#undo = undefined;
      this.#output.flush();
      if (this.#postponed !== undefined) this.#sendPostponed(this.#postponed);
    }
  }

  #sendPostponed(postponed: (() => void)[]): void {
    this.#postponed = undefined;
    for (const send of postponed) send();
  }

  /**
   * Writes a message without values, now or as soon as the one that is being written is done.
   *
   * @param write Writes its parts.
   */
  send(write: WriteMessage): void {
    if (this.isWriting) return this.postpone(() => this.send(write));
    // Calls alone never reach this: such messages are about what the peer has sent.
    if (this.#output.buffered <= 2 * this.#maxBufferedBytes) return void this.write(null, write);
    this.#faults.fail(
      new LimitError(
        "maxBufferedBytes",
        `Cannot keep connection: the peer does not read, ${this.#output.buffered} bytes wait for it`,
      ),
    );
  }

  /**
   * The same for a word about what the peer has sent that it should not have: many of them make it wait,
   * as answers do.
   *
   * @param write Writes its parts.
   */
  reply(write: WriteMessage): void {
    this.send((writer, jellier) => {
      const start = writer.length;
      write(writer, jellier);
      this.#output.answerWritten(writer.length - start);
    });
  }

  /**
   * Fails if the peer takes so little that no more calls should be made.
   *
   * @param method The method to be called.
   * @throws {LimitError} If too much waits.
   */
  checkRoom(method: string): void {
    if (this.#output.buffered <= this.#maxBufferedBytes) return;
    throw new LimitError(
      "maxBufferedBytes",
      `Cannot call "${method}": the peer does not read, ${this.#output.buffered} bytes wait for it`,
    );
  }
}

/** The error for a message that is too large as a whole, though no part of it is. */
function tooLarge(cause: BananaError): JellyError {
  return new JellyError(cause.message, { cause, limit: cause.limit });
}

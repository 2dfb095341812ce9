/**
 * Writes messages, each whole or not at all.
 *
 * @module
 */

import { BananaError, type BananaWriter } from "../../jelly/banana/mod.ts";
import { type Jellier, JellyError } from "../../jelly/mod.ts";
import { LimitError } from "../errors/errors.ts";
import type { Faults } from "./faults.ts";
import type { BrokerLimits } from "./limits.ts";
import type { LinkOutput } from "./link_output.ts";

/** Writes the parts of one message. */
export type WriteMessage = (writer: BananaWriter, jellier: Jellier) => void;

/**
 * The messages that go to the peer.
 *
 * Values are written straight into the buffer of the output. While that happens, code of the
 * program may run (such as `getStateToCopy`) and send messages of its own: those wait until the
 * current one is done.
 */
export class Outbox {
  /** On whose behalf the message is being written. */
  perspective: object | null = null;
  readonly #output: LinkOutput;
  readonly #maxBufferedBytes: number;
  readonly #faults: Faults;
  /** What to do before the next message. */
  #soon: (() => void)[] | undefined;
  /** What to do once the message is done. */
  #postponed: (() => void)[] | undefined;
  /** How to take back what the message has added to tables, if it fails. */
  #undo: (() => void)[] | undefined;

  /**
   * Creates an outbox.
   *
   * @param output Where the messages go.
   * @param limits Limits.
   * @param faults Closes the connection.
   */
  constructor(output: LinkOutput, { maxBufferedBytes }: BrokerLimits, faults: Faults) {
    this.#output = output;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#faults = faults;
  }

  /** Whether a message is being written, so that others have to wait. */
  get isWriting(): boolean {
    return this.#output.isWriting;
  }

  /**
   * Registers something to do before the next message is written, and soon in any case: it may send
   * messages of its own, but must not fail.
   *
   * @param act What to do.
   */
  soon(act: () => void): void {
    if (this.#soon === undefined) queueMicrotask(() => this.catchUp());
    (this.#soon ??= []).push(act);
  }

  /** Does what is due soon, now: for code that gives a message its number. */
  catchUp(): void {
    const acts = this.#soon;
    if (acts === undefined) return;
    this.#soon = undefined;
    for (const act of acts) act();
  }

  /**
   * Registers something to do when the current message is done.
   *
   * @param send What to do.
   */
  postpone(send: () => void): void {
    (this.#postponed ??= []).push(send);
  }

  /**
   * Remembers how to take back something that the message has added to a table.
   *
   * @param undo Takes it back if the message fails.
   */
  onCancel(undo: () => void): void {
    if (this.isWriting) (this.#undo ??= []).push(undo);
  }

  /**
   * Writes a message; must not be called while another is being written.
   *
   * @param perspective On whose behalf.
   * @param write Writes its parts.
   * @returns Its length in bytes.
   * @throws {JellyError} If a value cannot be sent; nothing is sent then.
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
   * Writes a message without values, now or as soon as the current one is done.
   *
   * @param write Writes its parts.
   */
  send(write: WriteMessage): void {
    if (this.isWriting) return this.postpone(() => this.send(write));
    if (this.mayWait()) this.write(null, write);
  }

  /**
   * Closes the connection if too much is waiting for a peer that does not read.
   *
   * @param bytes Approximate number of bytes kept for messages that are still to be written.
   * @returns Whether they may wait too.
   */
  mayWait(bytes = 0): boolean {
    const waiting = this.#output.buffered + bytes;
    // Calls alone never get this far: messages of this kind are about what the peer has sent.
    if (waiting <= 2 * this.#maxBufferedBytes) return true;
    this.#faults.fail(
      new LimitError(
        "maxBufferedBytes",
        `Cannot keep connection: the peer does not read; ${waiting} bytes wait for it`,
      ),
    );
    return false;
  }

  /**
   * Writes a reply to something that the peer should not have sent, now or as soon as the current
   * message is done. Many of these make the peer wait, as answers do.
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
   * Throws if the peer reads so slowly that no more calls should be made.
   *
   * @param method The method to be called.
   * @throws {LimitError} If too much is waiting.
   */
  checkRoom(method: string): void {
    if (this.#output.buffered <= this.#maxBufferedBytes) return;
    throw new LimitError(
      "maxBufferedBytes",
      `Cannot call "${method}": the peer does not read; ${this.#output.buffered} bytes wait for it`,
    );
  }
}

/** Returns the error for a message that is too large as a whole although no part of it is. */
function tooLarge(cause: BananaError): JellyError {
  return new JellyError(cause.message, { cause, limit: cause.limit });
}

/**
 * Writes messages, each whole or not at all.
 *
 * @module
 */

import { BananaError, type BananaWriter } from "../jelly/banana/mod.ts";
import { Jellier, JellyError } from "../jelly/mod.ts";
import { LimitError } from "./errors.ts";
import type { Link } from "./link.ts";
import type { BrokerSettings } from "./options.ts";

/** Writes the parts of one message. */
export type WriteMessage = (writer: BananaWriter, jellier: Jellier) => void;

/** What a broker lends to its outbox. */
export interface OutboxParts {
  /** The connection, for objects that ask. */
  readonly invoker: object;
  /** Closes the connection for a fault. */
  readonly fail: (error: Error) => void;
}

/**
 * The messages that go to the peer.
 *
 * Values are written straight into the buffer of the link. While that happens, code of the
 * program may run (`getStateToCopy` and its like) and ask for messages of its own: those wait until
 * the one that is being written is done.
 */
export class Outbox {
  /** On whose behalf the message is being written. */
  perspective: object | null = null;
  readonly #link: Link;
  readonly #jellier: Jellier;
  readonly #maxBufferedBytes: number;
  readonly #fail: (error: Error) => void;
  #isWriting = false;
  #postponed: (() => void)[] = [];
  /** What the message has put in tables, to be taken back if it fails. */
  #undo: (() => void)[] = [];

  /**
   * Creates an outbox.
   *
   * @param link Where the messages go.
   * @param settings Limits and rules.
   * @param parts What the broker lends.
   */
  constructor(link: Link, settings: BrokerSettings, { invoker, fail }: OutboxParts) {
    this.#link = link;
    this.#jellier = new Jellier(link.writer, { ...settings, invoker });
    this.#maxBufferedBytes = settings.limits.maxBufferedBytes;
    this.#fail = fail;
  }

  /** Whether a message is being written, so that others have to wait. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  /**
   * Has something done when the message that is being written is done.
   *
   * @param send What to do.
   */
  postpone(send: () => void): void {
    this.#postponed.push(send);
  }

  /**
   * Remembers how to take something back that the message has put in a table.
   *
   * @param undo Takes it back, if the message fails.
   */
  onCancel(undo: () => void): void {
    if (this.#isWriting) this.#undo.push(undo);
  }

  /**
   * Writes a message; not to be called while another is being written.
   *
   * @param perspective On whose behalf.
   * @param write Writes its parts.
   * @throws {JellyError} If a value cannot be sent; then nothing was.
   */
  write(perspective: object | null, write: WriteMessage): void {
    const { writer } = this.#link;
    this.#isWriting = true;
    this.perspective = perspective;
    this.#link.begin();
    try {
      write(writer, this.#jellier);
      writer.end();
      if (this.#undo.length !== 0) this.#undo = [];
    } catch (error) {
      writer.cancel();
      for (const undo of this.#undo.splice(0).reverse()) undo();
      throw error instanceof BananaError ? tooLarge(error) : error;
    } finally {
      this.#isWriting = false;
      this.perspective = null;
      if (this.#postponed.length !== 0) { for (const send of this.#postponed.splice(0)) send(); }
    }
    this.#link.flush();
  }

  /**
   * Writes a message without values, now or as soon as the one that is being written is done.
   *
   * @param write Writes its parts.
   */
  send(write: WriteMessage): void {
    if (this.#isWriting) return this.postpone(() => this.send(write));
    // Calls alone never reach this: such messages are about what the peer has sent.
    if (this.#link.buffered <= 2 * this.#maxBufferedBytes) return this.write(null, write);
    this.#fail(
      new LimitError(
        "maxBufferedBytes",
        `Cannot keep connection: the peer does not read, ${this.#link.buffered} bytes wait for it`,
      ),
    );
  }

  /**
   * Fails if the peer takes so little that no more calls should be made.
   *
   * @param method The method to be called.
   * @throws {LimitError} If too much waits.
   */
  checkRoom(method: string): void {
    if (this.#link.buffered <= this.#maxBufferedBytes) return;
    throw new LimitError(
      "maxBufferedBytes",
      `Cannot call "${method}": the peer does not read, ${this.#link.buffered} bytes wait for it`,
    );
  }
}

/** The error for a message that is too large as a whole, though no part of it is. */
function tooLarge(cause: BananaError): JellyError {
  return new JellyError(cause.message, { cause, limit: cause.limit });
}

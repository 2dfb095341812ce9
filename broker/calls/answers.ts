/**
 * The answers to the calls that the peer makes.
 *
 * @module
 */

import { WORD } from "../../jelly/banana/mod.ts";
import type { Broker } from "../connection/broker.ts";
import {
  DeadReferenceError,
  LimitError,
  NoSuchMethod,
  PBConnectionLost,
} from "../errors/errors.ts";
import { CopyableFailure, isExpected, wireForm } from "../errors/failure.ts";
import { RemoteError } from "../errors/remote_error.ts";
import type { Faults } from "../link/faults.ts";
import type { Link } from "../link/link.ts";
import type { Outbox } from "../link/outbox.ts";
import type { LogEntry } from "../log/log.ts";
import type { IncomingCall } from "./incoming_call.ts";
import { type CallHead, KEPT, readReference } from "./message_parts.ts";
import type { SettledState } from "./promised_results.ts";
import { notSent } from "./unsent.ts";

/** Maximum number of characters of a method's name that are logged. */
const MAX_NAME = 200;

/** What answers ask of their connection. */
export interface AnswersHooks extends Faults {
  /**
   * Logs what the peer can cause again and again: of many entries, only one a second.
   *
   * @param entry The entry, without the peer.
   */
  logOften(entry: Omit<LogEntry, "peer">): void;
}

/** What answers work with. */
export interface AnswersParts {
  /** The connection. */
  readonly broker: Broker;
  /** Knows how many answers wait for the peer. */
  readonly link: Link;
  /** Where answers go. */
  readonly outbox: Outbox;
  /** The connection, for what only its parts may do. */
  readonly hooks: AnswersHooks;
}

/** What matters of a call that is answered. */
type AnsweredCall = Pick<IncomingCall, "head" | "promised">;

/** Sends results and errors. */
export class Answers {
  readonly #broker: Broker;
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #hooks: AnswersHooks;

  /**
   * Creates a sender of answers.
   *
   * @param parts What it works with.
   */
  constructor({ broker, link, outbox, hooks }: AnswersParts) {
    this.#broker = broker;
    this.#link = link;
    this.#outbox = outbox;
    this.#hooks = hooks;
  }

  /**
   * Answers a call with its result.
   *
   * @param call The call.
   * @param value The result; if it cannot be sent, the call fails.
   * @param perspective On whose behalf it is written.
   */
  succeed(call: AnsweredCall, value: unknown, perspective: object | null): void {
    const { head, promised } = call;
    if (!head.answer || this.#broker.isClosed) return notSent(value);
    if (this.#outbox.isWriting) {
      return this.#outbox.postpone(() => this.succeed(call, value, perspective));
    }
    let luid: number | undefined;
    try {
      luid = this.#write(WORD.answer, head, value, perspective);
    } catch (error) {
      notSent(value);
      return this.fail(call, error);
    }
    promised?.settle(settledState(head, value, luid));
  }

  /**
   * Answers a call with an error, which is logged unless it was to be expected.
   *
   * @param call The call.
   * @param error The error.
   * @param level How bad it is.
   */
  fail(call: AnsweredCall, error: unknown, level: LogEntry["level"] = "error"): void {
    const { head } = call;
    const { isClosed } = this.#broker;
    // A handler that called back over a lost connection was bound to fail.
    const isLost = error instanceof PBConnectionLost || error instanceof DeadReferenceError;
    if (!isExpected(error) && !(isClosed && isLost)) this.#logFailure(head, error, level);
    this.failAgain(call, error);
  }

  /**
   * Answers a call with an error that is in the log already.
   *
   * @param call The call.
   * @param error The error.
   */
  failAgain({ head, promised }: AnsweredCall, error: unknown): void {
    if (head.answer) this.#sendError(head, error);
    else notSent(error);
    promised?.settle({ kind: "failed", error });
  }

  #logFailure(head: CallHead, error: unknown, level: LogEntry["level"]): void {
    const consequence = head.answer && !this.#broker.isClosed ? "; the peer is told" : "";
    const method = head.method.slice(0, MAX_NAME);
    const event = "callFailed";
    if (isMissing(error)) {
      // The stack would only show this library's own code.
      const message = `Call of "${method}" failed: ${error.message}${consequence}`;
      return this.#hooks.logOften({ event, level, message, method });
    }
    const message = `Call of "${method}" failed${consequence}`;
    this.#hooks.logOften({ event, level, message, method, error });
  }

  /** Sends an error; on nobody's behalf, as in Twisted. */
  #sendError(head: CallHead, error: unknown): void {
    if (this.#broker.isClosed) return notSent(error);
    if (this.#outbox.isWriting) {
      return this.#outbox.postpone(() => this.#sendError(head, error));
    }
    const { settings } = this.#broker;
    const { unsafeTracebacks } = settings;
    try {
      this.#write(WORD.error, head, wireForm(error, settings), null);
    } catch (fault) {
      // An error that cannot be sent must not leave the caller waiting.
      const message = "Cannot send an error as it is";
      const method = head.method.slice(0, MAX_NAME);
      this.#hooks.logOften({
        event: "callFailed",
        level: "error",
        message,
        method,
        error: fault,
      });
      this.#sendFault(head, new CopyableFailure(fault, unsafeTracebacks));
    }
  }

  /**
   * Sends an error in place of one that cannot be sent; if the limits leave no room even for this,
   * the connection ends.
   */
  #sendFault(head: CallHead, failure: CopyableFailure): void {
    try {
      this.#write(WORD.error, head, failure, null);
    } catch (error) {
      this.#hooks.fail(error as Error);
    }
  }

  /**
   * Returns the number of a reference that was written: what a value is sent as, only its bytes
   * tell for certain. Undefined if they are those of another value.
   */
  #referenceIn(bytes: Uint8Array, start: number): number | undefined {
    const { tools } = this.#broker.settings;
    const own = tools.takeReader(this.#broker);
    own.reader.reset(bytes, start);
    const luid = readReference(own.reader);
    // The bytes are those of a buffer that is going to be used again.
    own.reader.release();
    tools.giveReader(own);
    return luid;
  }

  /** Writes a result or an error; returns the number of a result that was sent as a reference. */
  #write(
    word: number,
    { id, answer }: CallHead,
    value: unknown,
    perspective: object | null,
  ): number | undefined {
    const { maxBufferedBytes } = this.#broker.settings.limits;
    if (this.#link.output.bufferedAnswers > maxBufferedBytes) {
      this.#hooks.fail(
        new LimitError(
          "maxBufferedBytes",
          `Cannot keep connection: the peer does not read; more than ${maxBufferedBytes} bytes wait`,
        ),
      );
      return undefined;
    }
    let luid: number | undefined;
    const length = this.#outbox.write(perspective, (writer, jellier) => {
      writer.list(3);
      writer.word(word);
      writer.integer(id);
      const start = writer.length;
      jellier.write(value, word === WORD.answer ? "result" : "error");
      if (answer === KEPT) luid = this.#referenceIn(writer.written(), start);
    });
    this.#link.output.answerWritten(length);
    return luid;
  }
}

/** Returns what is known about a result that was written, perhaps as a reference with a number. */
function settledState(
  { method }: CallHead,
  value: unknown,
  luid: number | undefined,
): SettledState {
  if (luid !== undefined) return { kind: "object", luid };
  // As in Twisted, returning a failure is the same as throwing it.
  if (value instanceof CopyableFailure || value instanceof RemoteError) {
    return { kind: "failed", error: value };
  }
  const message = `Cannot call the result of "${method.slice(0, MAX_NAME)}": it is not a reference`;
  return { kind: "other", error: new NoSuchMethod(message) };
}

/**
 * Returns whether an error says that there is no such method here, and not at a peer.
 *
 * @param error Any error.
 * @returns True if so.
 */
export function isMissing(error: unknown): error is NoSuchMethod {
  return error instanceof NoSuchMethod && !(error instanceof RemoteError);
}

/**
 * The answers to the calls that the peer makes.
 *
 * @module
 */

import { WORD } from "../../jelly/banana/mod.ts";
import { JellyError, type Unjellier } from "../../jelly/mod.ts";
import { oneLine } from "../../transport/base/printable.ts";
import type { Broker } from "../connection/broker.ts";
import {
  DeadReferenceError,
  GoingAwayError,
  LimitError,
  NoSuchMethod,
  PBConnectionLost,
  PBError,
} from "../errors/errors.ts";
import { CopyableFailure, isExpected, messageOf, wireForm } from "../errors/failure.ts";
import { RemoteError } from "../errors/remote_error.ts";
import type { PlainValue } from "../flavors/plain_value.ts";
import type { Faults } from "../link/faults.ts";
import type { Link } from "../link/link.ts";
import type { Outbox } from "../link/outbox.ts";
import type { LogEntry } from "../log/log.ts";
import type { IncomingCall } from "./incoming_call.ts";
import { type CallHead, isPlainValue, KEPT, readReference } from "./message_parts.ts";
import type { SettledState } from "./promised_results.ts";
import { notSent } from "./unsent.ts";

/** Maximum number of characters of a method's name that are logged. */
const MAX_NAME = 200;
/** Approximate number of bytes that an error takes, besides its message. */
const FAILED_BYTES = 512;

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

/** What was written of a result, as only its bytes tell for certain. */
interface Written {
  /** The number of the object, if it was sent as a reference. */
  readonly luid?: number;
  /** What it arrives as, if that can be passed on. */
  readonly sent?: PlainValue | undefined;
  /** Length of the answer in bytes. */
  readonly bytes: number;
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
    let written: Written | undefined;
    try {
      written = this.#write(WORD.answer, head, value, perspective);
    } catch (error) {
      notSent(value);
      return this.fail(call, error);
    }
    if (written !== undefined) promised?.settle(settledState(head, value, written));
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
    if (head.answer) this.#sendError(head, asBegun(error));
    else notSent(error);
    promised?.settle({ kind: "failed", error, bytes: FAILED_BYTES + messageOf(error).length });
  }

  #logFailure(head: CallHead, error: unknown, level: LogEntry["level"]): void {
    const consequence = head.answer && !this.#broker.isClosed ? "; the peer is told" : "";
    const method = loggedName(head);
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
      const method = loggedName(head);
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

  /** Reads a result that was written. */
  #readBack(bytes: Uint8Array, start: number): Omit<Written, "bytes"> {
    const { tools } = this.#broker.settings;
    const own = tools.takeReader(this.#broker);
    const { reader, unjellier } = own;
    reader.reset(bytes, start);
    const luid = readReference(reader);
    reader.restart();
    const isPlain = luid === undefined && isPlainValue(reader);
    reader.restart();
    const sent = isPlain ? readPlain(unjellier) : undefined;
    // The bytes are those of a buffer that is going to be used again.
    reader.release();
    tools.giveReader(own);
    return luid === undefined ? { sent } : { luid };
  }

  /** Writes a result or an error; says what was written if the result is to be kept. */
  #write(
    word: number,
    { id, answer }: CallHead,
    value: unknown,
    perspective: object | null,
  ): Written | undefined {
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
    let written: Omit<Written, "bytes"> | undefined;
    const length = this.#outbox.write(perspective, (writer, jellier) => {
      writer.list(3);
      writer.word(word);
      writer.integer(id);
      const start = writer.length;
      jellier.write(value, word === WORD.answer ? "result" : "error");
      if (answer === KEPT) written = this.#readBack(writer.written(), start);
    });
    this.#link.output.answerWritten(length);
    return written && { ...written, bytes: length };
  }
}

/** Returns the name of a method as it is logged: on one line, as peers may call it anything. */
function loggedName({ method }: CallHead): string {
  return oneLine(method, MAX_NAME);
}

/**
 * Returns what a call that was begun fails with. That an end which is going away did not begin a
 * call is only for that end to say: here, it concerns another call, over another connection.
 */
function asBegun(error: unknown): unknown {
  if (!(error instanceof GoingAwayError && error instanceof RemoteError)) return error;
  return new PBError(error.message, { cause: error });
}

/** Reads a plain value; undefined if it is of a type that may be sent from here, but not to here. */
function readPlain(unjellier: Unjellier): PlainValue | undefined {
  try {
    return unjellier.read() as PlainValue;
  } catch (error) {
    if (error instanceof JellyError) return undefined;
    throw error;
  }
}

/** Returns what is known about a result that was written. */
function settledState(
  { method }: CallHead,
  value: unknown,
  { luid, sent, bytes }: Written,
): SettledState {
  if (luid !== undefined) return { kind: "object", luid };
  // As in Twisted, returning a failure is the same as throwing it.
  if (value instanceof CopyableFailure || value instanceof RemoteError) {
    return { kind: "failed", error: value, bytes };
  }
  const message = `Cannot call the result of "${method.slice(0, MAX_NAME)}": it is not a reference`;
  return { kind: "other", value: sent, bytes, error: new NoSuchMethod(message) };
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

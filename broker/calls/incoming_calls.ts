/**
 * The calls that the peer makes: their objects, results and errors.
 *
 * @module
 */

import { WORD } from "../../jelly/banana/mod.ts";
import type { Unjellier } from "../../jelly/mod.ts";
import { asPromise } from "../async/is_promise.ts";
import type { Broker } from "../connection/broker.ts";
import {
  DeadReferenceError,
  LimitError,
  NoSuchMethod,
  PBConnectionLost,
  PBError,
} from "../errors/errors.ts";
import { CopyableFailure, isExpected, wireForm } from "../errors/failure.ts";
import { RemoteError } from "../errors/remote_error.ts";
import { type Kwargs, kwargs } from "../flavors/kwargs.ts";
import { CALLER, type RemoteTarget } from "../flavors/referenceable.ts";
import type { Faults } from "../link/faults.ts";
import type { Link } from "../link/link.ts";
import type { LogEntry } from "../log/log.ts";
import { OWN_DIALECT } from "../link/negotiation.ts";
import type { Outbox } from "../link/outbox.ts";
import { type CallHead, KEPT, readReference } from "./message_parts.ts";
import { PromisedResult, PromisedResults, type SettledState } from "./promised_results.ts";
import { notSent } from "./unsent.ts";

/** Approximate number of bytes kept for a call that is not answered yet, besides its arguments. */
const CALL_BYTES = 256;

/** Maximum number of characters of a method's name that are logged. */
const MAX_NAME = 200;

/** A call that has arrived. */
export interface IncomingCall {
  /** What comes before the arguments. */
  readonly head: CallHead;
  /** The object that is called, or will be once it is known. */
  readonly object: RemoteTarget | PromisedResult | undefined;
  /** The positional arguments; undefined if they could not be read. */
  readonly args: unknown[] | undefined;
  /** The keyword arguments, if there are any. */
  readonly kw: Kwargs | undefined;
  /** Why the arguments could not be read: what the call fails with. */
  readonly fault: unknown;
  /** Its result, if the peer may call it before it has the answer. */
  readonly promised: PromisedResult | undefined;
  /**
   * Called when the call begins, if it was read before its turn; returns whether its object is
   * still there.
   */
  readonly begun?: () => boolean;
}

/** What calls that come in ask of their connection, and tell it. */
export interface IncomingCallsHooks extends Faults {
  /** The dialect that both ends have agreed on, once they have. */
  readonly dialect: string | undefined;
  /** Called when calls that were not answered at once have ended. */
  progressed(): void;
  /**
   * Logs what the peer can cause again and again: of many entries, only one a second.
   *
   * @param entry The entry, without the peer.
   */
  logOften(entry: Omit<LogEntry, "peer">): void;
}

/** What incoming calls work with. */
export interface IncomingCallsParts {
  /** The connection. */
  readonly broker: Broker;
  /** Where calls come from. */
  readonly link: Link;
  /** Where answers go. */
  readonly outbox: Outbox;
  /** The connection, for what only its parts may do. */
  readonly hooks: IncomingCallsHooks;
}

/** What happens to calls that arrive. */
type State =
  | { readonly kind: "open" }
  | { readonly kind: "refusing"; readonly error: PBError }
  | { readonly kind: "deaf" };

/** Receives calls, and makes sure that each is answered. */
export class IncomingCalls {
  /** On whose behalf arguments are being read. */
  perspective: object | null = null;
  /** Results that the peer may call before it has them. */
  readonly promised: PromisedResults;
  readonly #broker: Broker;
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #hooks: IncomingCallsHooks;
  #state: State = { kind: "open" };
  #total = 0;
  #messageBytes = 0;
  #unanswered = 0;
  #unansweredBytes = 0;

  /**
   * Creates a receiver of calls.
   *
   * @param parts What it works with.
   */
  constructor({ broker, link, outbox, hooks }: IncomingCallsParts) {
    this.#broker = broker;
    this.#link = link;
    this.#outbox = outbox;
    this.#hooks = hooks;
    this.promised = new PromisedResults(
      broker.settings.limits,
      () => hooks.progressed(),
    );
  }

  /** Number of calls that have arrived. */
  get total(): number {
    return this.#total;
  }

  /** Length in bytes of the message whose call is being handed to its object; 0 if none is. */
  get messageBytes(): number {
    return this.#messageBytes;
  }

  /** Number of calls that are not answered yet. */
  get size(): number {
    return this.#broker.isClosed ? 0 : this.#unanswered;
  }

  /** Whether so many calls, or such large ones, are unanswered that no more should be begun. */
  get isFull(): boolean {
    const { maxCallsIn, maxBufferedBytes } = this.#broker.settings.limits;
    return this.#unanswered >= maxCallsIn || this.#unansweredBytes >= maxBufferedBytes;
  }

  /** Approximate number of bytes kept for calls that are not answered yet. */
  get keptBytes(): number {
    return this.#unansweredBytes + this.#unanswered * CALL_BYTES;
  }

  /**
   * Makes every call that arrives from now on fail.
   *
   * @param error The error that they fail with.
   */
  refuse(error: PBError): void {
    this.#state = { kind: "refusing", error };
  }

  /**
   * Ignores calls that arrive from now on, without even an answer, as the connection is about to
   * close.
   */
  stopAnswering(): void {
    this.#state = { kind: "deaf" };
  }

  /**
   * Handles a call that has just been read.
   *
   * @param call The call.
   */
  received(call: IncomingCall): void {
    this.begin(call, this.#link.expressionBytes);
  }

  /**
   * Reads the arguments of a call.
   *
   * @param head What comes before them.
   * @param object The object that is called, if it is known.
   * @param unjellier Reads them.
   * @returns The call; if they cannot be read, it fails when it is begun.
   */
  read(
    head: CallHead,
    object: RemoteTarget | PromisedResult | undefined,
    unjellier: Unjellier,
  ): IncomingCall {
    const outer = this.perspective;
    const caller = this.perspective = object?.[CALLER] ?? null;
    let promised: PromisedResult | undefined;
    try {
      promised = this.#promise(head, caller);
      if (object === undefined) throw invalid();
      const args = unjellier.readItems();
      const names = unjellier.readNames();
      const kw = names === undefined ? undefined : kwargs(names);
      return { head, object, args, kw, fault: undefined, promised };
    } catch (fault) {
      return { head, object, args: undefined, kw: undefined, fault, promised };
    } finally {
      this.perspective = outer;
    }
  }

  /** Keeps the result of a call, if the peer wants to call it before it has the answer. */
  #promise(
    { id, answer }: CallHead,
    caller: object | null,
  ): PromisedResult | undefined {
    if (answer !== KEPT || this.#broker.dialect !== OWN_DIALECT) return undefined;
    if (typeof id !== "number" || id <= 0) return undefined;
    return this.promised.add(id, caller);
  }

  /**
   * Begins a call, now or once its object is known.
   *
   * @param call The call.
   * @param length Length of its message in bytes.
   */
  begin(call: IncomingCall, length: number): void {
    const { object, promised } = call;
    if (promised !== undefined) promised.bytes = length;
    if (call.begun?.() === false) return this.#begin(call, undefined, invalid(), length);
    if (!(object instanceof PromisedResult)) return this.#begin(call, object, call.fault, length);
    const { state } = object;
    if (state.kind !== "pending") return this.#beginAt(call, object, length);
    this.#unanswered++;
    this.#unansweredBytes += length;
    state.waiting.push(() => {
      this.#unanswered--;
      this.#unansweredBytes -= length;
      this.#beginAt(call, object, length);
    });
  }

  /** Begins a call of the result of an earlier one, which is known by now. */
  #beginAt(call: IncomingCall, result: PromisedResult, length: number): void {
    const { state } = result;
    if (state.kind === "object") {
      const object = this.#broker.localObjectForID(state.luid);
      return this.#begin(call, object, call.fault ?? invalid(), length);
    }
    if (state.kind === "other") return this.#begin(call, undefined, state.error, length);
    this.#total++;
    // What the first call failed with is in the log already.
    if (state.kind === "failed" && this.#state.kind !== "deaf") {
      this.#answerError(call, state.error);
    }
  }

  #begin(
    call: IncomingCall,
    object: RemoteTarget | undefined,
    fault: unknown,
    length: number,
  ): void {
    const { args } = call;
    const perspective = object?.perspective ?? null;
    let result: unknown;
    let promise: Promise<unknown> | undefined;
    this.#total++;
    // Something in the arguments may have closed the connection.
    const state = this.#state;
    if (state.kind === "deaf" || this.#broker.isClosed) return;
    try {
      if (state.kind === "refusing") throw state.error;
      if (object === undefined || args === undefined) throw fault;
      result = this.#perform(object, call, args, length);
      promise = asPromise(result);
    } catch (error) {
      const isWrong = args === undefined || isMissing(error);
      return this.#failed(call, error, isWrong ? "warning" : "error");
    }
    if (promise === undefined) return this.#succeeded(call, result, perspective);
    this.#unanswered++;
    this.#unansweredBytes += length;
    promise.then(
      (value) => {
        this.#succeeded(call, value, perspective);
        this.#ended(length);
      },
      (error) => {
        this.#failed(call, error);
        this.#ended(length);
      },
    );
  }

  #perform(object: RemoteTarget, call: IncomingCall, args: unknown[], length: number): unknown {
    const broker = this.#broker;
    const { aroundCall } = broker.settings;
    if (aroundCall === undefined) return this.#handOver(object, call, args, length);
    const { head: { method }, kw } = call;
    // This may happen later, when other messages have arrived.
    const next = () => this.#handOver(object, call, [...args], length);
    return aroundCall({ broker, target: object, method, args: [...args], kw }, next);
  }

  #handOver(
    object: RemoteTarget,
    { head, kw }: IncomingCall,
    args: unknown[],
    length: number,
  ): unknown {
    const outer = this.#messageBytes;
    this.#messageBytes = length;
    try {
      return object.remoteMessageReceived(this.#broker, head.method, args, kw);
    } finally {
      this.#messageBytes = outer;
    }
  }

  #ended(bytes: number): void {
    this.#unanswered--;
    this.#unansweredBytes -= bytes;
    this.#hooks.progressed();
  }

  #succeeded(call: IncomingCall, value: unknown, perspective: object | null): void {
    const { head, promised } = call;
    if (!head.answer || this.#broker.isClosed) return notSent(value);
    if (this.#outbox.isWriting) {
      return this.#outbox.postpone(() => this.#succeeded(call, value, perspective));
    }
    let luid: number | undefined;
    try {
      luid = this.#write(WORD.answer, head, value, perspective);
    } catch (error) {
      notSent(value);
      return this.#failed(call, error);
    }
    promised?.settle(settledState(head, value, luid));
  }

  #failed(call: IncomingCall, error: unknown, level: LogEntry["level"] = "error"): void {
    const { head } = call;
    const { isClosed } = this.#broker;
    // A handler that called back over a lost connection was bound to fail.
    const isLost = error instanceof PBConnectionLost || error instanceof DeadReferenceError;
    if (!isExpected(error) && !(isClosed && isLost)) this.#logFailure(head, error, level);
    this.#answerError(call, error);
  }

  #answerError({ head, promised }: IncomingCall, error: unknown): void {
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
          `Cannot keep connection: the peer does not read, more than ${maxBufferedBytes} bytes wait`,
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

/** Returns the error for a call of an object that is not there, in Twisted's words. */
function invalid(): PBError {
  return new PBError("Invalid Object ID");
}

/** Returns whether an error says that there is no such method here, and not at a peer. */
function isMissing(error: unknown): error is NoSuchMethod {
  return error instanceof NoSuchMethod && !(error instanceof RemoteError);
}

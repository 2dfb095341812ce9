/**
 * The calls that we make, and their answers.
 *
 * @module
 */

import { WORD } from "../../jelly/banana/mod.ts";
import { JellyError, type Unjellier } from "../../jelly/mod.ts";
import { isPromise } from "../async/is_promise.ts";
import type { Broker } from "../connection/broker.ts";
import { GoingAwayError, ProtocolError } from "../errors/errors.ts";
import { errorOf } from "../errors/received_failure.ts";
import { RemoteError, throwAtCaller } from "../errors/remote_error.ts";
import { RemoteCacheObserver } from "../flavors/cacheable.ts";
import { type CallArgs, type CallOptions, NO_ANSWER, splitArgs } from "../flavors/kwargs.ts";
import { RemotePromise } from "../flavors/remote_promise.ts";
import { type ObjectId, RemoteReference } from "../flavors/remote_reference.ts";
import type { Link } from "../link/link.ts";
import type { BrokerLimits } from "../link/limits.ts";
import { OWN_DIALECT } from "../link/negotiation.ts";
import type { Outbox } from "../link/outbox.ts";
import { KEPT, type ReadyArgs, writeCall, writeNumber } from "./message_parts.ts";
import { hold, passesOn, readyArgs } from "./passed_on.ts";
import { connectionLost, PendingCalls, type PendingCallsHooks } from "./pending_calls.ts";

/** What outgoing calls ask of their connection, and tell it. */
export interface OutgoingCallsHooks extends PendingCallsHooks {
  /** The dialect that both ends have agreed on, once they have. */
  readonly dialect: string | undefined;
}

/** What outgoing calls work with. */
export interface OutgoingCallsParts {
  /** The connection. */
  readonly broker: Broker;
  /** Where answers come from; reading must go on while a call waits for one. */
  readonly link: Link;
  /** Where calls go. */
  readonly outbox: Outbox;
  /** Limits. */
  readonly limits: BrokerLimits;
  /** Knows the dialect, and learns of calls that were given up. */
  readonly hooks: OutgoingCallsHooks;
  /** Whether both ends have yet to agree on a dialect: until then, nothing can be written. */
  readonly isEarly: boolean;
}

/** A call that waits to be sent. */
interface LateCall {
  /** Sends it if it can be sent. */
  readonly send: () => void;
  /** What comes of it. */
  readonly result: Promise<unknown>;
}

/** How a call is sent that waits. */
interface Sending {
  /** Sends it if it can be sent; returns whether it was. */
  readonly send: () => boolean;
  /** Called once it is sent, or will not be. */
  readonly letGo: () => void;
}

/** What is called, how, and on whose behalf. */
export interface OutgoingCall {
  /** What is called. */
  readonly callee: Callee;
  /** Name of the method. */
  readonly method: string;
  /** Positional arguments, then perhaps keyword arguments, then perhaps options. */
  readonly args: readonly unknown[];
  /**
   * Asks the peer to keep the result, so that it can be called before it arrives, if the peer can;
   * called with the number of the request when it has been asked.
   */
  readonly onKept?: ((request: number) => void) | undefined;
}

/** What can be called: an object of the peer, the result of another call, or a cache at the peer. */
export type Callee = RemoteReference | RemotePromise | RemoteCacheObserver;

/** Makes calls, and makes sure that each of them settles. */
export class OutgoingCalls {
  /** The calls that wait for an answer. */
  readonly pending: PendingCalls;
  readonly #broker: Broker;
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #hooks: OutgoingCallsHooks;
  readonly #maxKept: number;
  #lastRequest = 0;
  #isPeerGoingAway = false;
  /** Number of results that the peer was asked to keep. */
  #kept = 0;
  /** In order; undefined once they have gone out. */
  #early: LateCall[] | undefined;
  /** Fail the calls that wait to be sent, but not for an answer; undefined until there is one. */
  #untold: Set<(reason: Error | undefined) => void> | undefined;

  /**
   * Creates a maker of calls.
   *
   * @param parts What it works with.
   */
  constructor({ broker, link, outbox, limits, hooks, isEarly }: OutgoingCallsParts) {
    if (isEarly) this.#early = [];
    this.#broker = broker;
    this.#link = link;
    this.#outbox = outbox;
    this.#hooks = hooks;
    // More than this, the peer need not keep.
    this.#maxKept = limits.maxPipelined;
    this.pending = new PendingCalls(limits.maxCallsOut, hooks);
  }

  /** Number of calls made. */
  get total(): number {
    return this.#lastRequest;
  }

  /** Whether the peer has refused a call because it is about to close. */
  get isPeerGoingAway(): boolean {
    return this.#isPeerGoingAway;
  }

  /** Sends the calls that were made too early, before any others. */
  open(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const { send } of early) send();
  }

  /**
   * Fails all calls because the connection is lost.
   *
   * @param reason Why it is lost.
   */
  fail(reason: Error | undefined): void {
    this.#early = undefined;
    this.pending.fail(reason);
    for (const fail of this.#untold ?? []) fail(reason);
  }

  /**
   * Sends a call, as soon as both ends have agreed on a dialect and the object is known; must not be
   * called while a message is being written.
   *
   * @param call What is called.
   * @returns Resolves to the result of the method; at once if no answer is wanted and the
   * connection can take more.
   * @throws {JellyError} If an argument cannot be sent; nothing is sent then.
   * @throws {LimitError} If too many bytes wait to be written, or too many calls for an answer.
   */
  send(call: OutgoingCall): Promise<unknown> {
    this.#outbox.catchUp();
    const { method, callee } = call;
    const args = splitArgs(call.args);
    const { answer, options } = args;
    options?.signal?.throwIfAborted();
    // Updates of caches cannot pass on results.
    const passes = passesOn(args) && !(callee instanceof RemoteCacheObserver);
    this.#outbox.checkRoom(method);
    // Once nothing can be written any more, the call fails when the connection ends, which is soon.
    const isLost = this.#link.output.failure !== undefined;
    if (answer || isLost) this.pending.checkRoom(method);
    if (isLost) return this.pending.add(++this.#lastRequest, method, options);
    if (this.#early !== undefined) {
      const early = this.#sendLater(call, args, passes);
      this.#early.push(early);
      return early.result;
    }
    if (!passes && callee instanceof RemoteReference) {
      return this.#sendNow(call, args, callee.luid, args);
    }
    const retry = () => late.send();
    const to = targetOf(call, retry);
    const ready = to === undefined ? undefined : this.#ready(args, passes, retry);
    if (to !== undefined && ready !== undefined) return this.#sendNow(call, args, to, ready);
    const late = this.#sendLater(call, args, passes);
    return late.result;
  }

  /** Returns the arguments as they are sent; undefined if some are not known yet. */
  #ready(args: CallArgs, passes: boolean, retry: () => void): ReadyArgs | undefined {
    return passes ? readyArgs(args, this.#broker, retry) : args;
  }

  #sendNow(
    call: OutgoingCall,
    { answer, options }: CallArgs,
    target: ObjectId,
    args: ReadyArgs,
  ): Promise<unknown> {
    // Calls made while this one is written come after it.
    const id = ++this.#lastRequest;
    try {
      this.#write(id, target, args, call, answer);
    } catch (error) {
      if (this.#lastRequest === id) this.#lastRequest--;
      throw error;
    }
    // Where nobody waits for room, a million calls may be made while there is none.
    if (!answer) return options === NO_ANSWER ? Promise.resolve() : this.#room();
    const result = this.pending.add(id, call.method, options);
    // Reading must go on while a call waits for an answer.
    this.#link.resume();
    return result;
  }

  #write(
    id: number,
    target: ObjectId,
    args: ReadyArgs,
    call: OutgoingCall,
    answer: boolean,
  ): void {
    const { callee, method, onKept } = call;
    const word = callee instanceof RemoteCacheObserver ? WORD.cachemessage : WORD.message;
    const isKept = answer && onKept !== undefined && this.#mayKeep;
    const head = { id, target, method, answer: isKept ? KEPT : answer ? 1 : 0 } as const;
    this.#outbox.write(
      callee.perspective,
      (writer, jellier) => writeCall(writer, jellier, word, head, args),
    );
    if (!isKept) return;
    this.#kept++;
    onKept(id);
  }

  /** Resolves as soon as the connection can take more. */
  #room(): Promise<void> {
    return this.#link.output.drained();
  }

  /** Whether the peer can be asked to keep one more result. */
  get #mayKeep(): boolean {
    return this.#hooks.dialect === OWN_DIALECT && this.#kept < this.#maxKept;
  }

  /**
   * Tells the peer that a result is not called any more as that of a request.
   *
   * @param request Number of the request; its result was kept until now.
   */
  forgetResult(request: number): void {
    this.#kept--;
    this.#outbox.send((writer) => writeNumber(writer, WORD.decref, -request));
  }

  /** Makes a call that needs something which is not known yet, or for which it is too early. */
  #sendLater(call: OutgoingCall, args: CallArgs, passes: boolean): LateCall {
    const { callee, method } = call;
    const { answer, options } = args;
    const id = ++this.#lastRequest;
    const letGo = hold(callee, args);
    const send = () => {
      const to = targetOf(call, late.send);
      const ready = to === undefined ? undefined : this.#ready(args, passes, late.send);
      if (to === undefined || ready === undefined) return false;
      this.#outbox.checkRoom(method);
      this.#write(id, to, ready, call, answer);
      return true;
    };
    const late = answer
      ? this.#answeredLater(id, method, options, { send, letGo })
      : this.#unansweredLater(method, options, { send, letGo });
    return late;
  }

  #answeredLater(
    id: number,
    method: string,
    options: CallOptions | undefined,
    { send, letGo }: Sending,
  ): LateCall {
    return {
      send: () => {
        if (this.pending.dropGivenUp(id)) return letGo();
        try {
          if (send()) letGo();
        } catch (error) {
          letGo();
          this.pending.take(id).reject(error);
        }
      },
      // When the connection ends, it fails with the others that wait for an answer.
      result: this.pending.add(id, method, options),
    };
  }

  #unansweredLater(
    method: string,
    options: CallOptions | undefined,
    { send, letGo }: Sending,
  ): LateCall {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const signal = options?.signal;
    const untold = this.#untold ??= new Set();
    const ended = () => {
      untold.delete(fail);
      signal?.removeEventListener("abort", abort);
      letGo();
    };
    const end = (error: unknown) => {
      ended();
      reject(error);
    };
    const fail = (reason: Error | undefined) => end(connectionLost(method, reason));
    const abort = () => end(signal!.reason);
    untold.add(fail);
    signal?.addEventListener("abort", abort, { once: true });
    return {
      send: () => {
        if (!untold.has(fail)) return;
        try {
          if (!this.#link.isOpen) throw connectionLost(method, undefined);
          if (!send()) return;
        } catch (error) {
          return end(error);
        }
        ended();
        resolve(this.#room());
      },
      result: promise,
    };
  }

  /**
   * Handles an answer whose value is to be read next.
   *
   * @param id Request number of the call.
   * @param succeeded Whether the value is the result, or else an error.
   * @param unjellier Reads the value.
   * @returns Whether the value could be read.
   * @throws {ProtocolError} If no call waits for it.
   */
  answered(id: number | bigint, succeeded: boolean, unjellier: Unjellier): boolean {
    const { resolve, reject, isGivenUp } = this.pending.take(id);
    // Nothing would catch what is thrown at a caller that has gone.
    const fail = (error: Error) => isGivenUp ? undefined : resolve(throwAtCaller(error));
    let value: unknown;
    let hasThen: boolean;
    try {
      value = unjellier.read();
      hasThen = isPromise(value);
    } catch (error) {
      // The stack of an error of the program's own already shows where it came from.
      if (error instanceof JellyError) fail(error);
      else reject(error);
      return false;
    }
    // As in Twisted, returning a failure is the same as throwing it.
    if (!succeeded || (value instanceof Error && value instanceof RemoteError)) {
      const error = errorOf(value);
      if (error instanceof GoingAwayError) this.#isPeerGoingAway = true;
      fail(error);
    } else if (hasThen) {
      // If the promise were resolved with the value, it would call this method.
      reject(new ProtocolError("Cannot take answer: it has a method then, as promises do"));
    } else resolve(value);
    return true;
  }
}

/** Returns what is called; undefined if it is not known yet, until `retry` is called. */
function targetOf({ callee, method }: OutgoingCall, retry: () => void): ObjectId | undefined {
  return callee instanceof RemotePromise ? callee.find(method, retry) : callee.luid;
}

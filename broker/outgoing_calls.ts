/**
 * The calls that we make, and their answers.
 *
 * @module
 */

import { JellyError, type Unjellier } from "../jelly/mod.ts";
import type { BrokerHooks } from "./broker_hooks.ts";
import { ProtocolError } from "./errors.ts";
import { isPromise } from "./is_promise.ts";
import { splitArgs } from "./kwargs.ts";
import type { Link } from "./link.ts";
import { writeCall } from "./message_parts.ts";
import type { Outbox } from "./outbox.ts";
import { PendingCalls } from "./pending_calls.ts";
import { errorOf } from "./received_failure.ts";
import { throwAtCaller } from "./remote_error.ts";
import type { ObjectId } from "./remote_reference.ts";

/** What a broker lends to the calls that go out. */
export interface OutgoingCallsParts {
  /** Where answers come from; whoever waits for one has to read. */
  readonly link: Link;
  /** Where calls go. */
  readonly outbox: Outbox;
  /** Most calls that may wait for an answer at once. */
  readonly maxCallsOut: number;
  /** Learns of calls that were given up. */
  readonly hooks: BrokerHooks;
}

/** What is called, how, and on whose behalf. */
export interface OutgoingCall {
  /** Name of the message: `message` or `cachemessage`. */
  readonly word: number;
  /** Number or name of the object. */
  readonly target: ObjectId;
  /** Name of the method. */
  readonly method: string;
  /** Positional arguments, then perhaps keyword arguments, then perhaps options. */
  readonly args: readonly unknown[];
  /** On whose behalf the arguments are written. */
  readonly perspective: object | null;
}

/** Makes calls, and sees to it that each settles. */
export class OutgoingCalls {
  /** The calls that wait for an answer. */
  readonly pending: PendingCalls;
  readonly #link: Link;
  readonly #outbox: Outbox;
  #lastRequest = 0;

  /**
   * Creates a maker of calls.
   *
   * @param parts What the broker lends.
   */
  constructor({ link, outbox, maxCallsOut, hooks }: OutgoingCallsParts) {
    this.#link = link;
    this.#outbox = outbox;
    this.pending = new PendingCalls(maxCallsOut, hooks);
  }

  /** How many calls were made. */
  get total(): number {
    return this.#lastRequest;
  }

  /**
   * Sends a call; not while a message is being written.
   *
   * @param call What is called.
   * @returns What the method returns; at once, if no answer is wanted and the connection can take more.
   * @throws {JellyError} If an argument cannot be sent; nothing was sent then.
   * @throws {LimitError} If too much waits to be written, or too many calls for an answer.
   */
  send({ word, target, method, args, perspective }: OutgoingCall): Promise<unknown> {
    const call = splitArgs(args);
    const { options, answer } = call;
    options?.signal?.throwIfAborted();
    this.#outbox.checkRoom(method);
    if (answer) this.pending.checkRoom(method);
    // Calls that are made while this one is written come behind it.
    const id = ++this.#lastRequest;
    try {
      this.#outbox.write(
        perspective,
        (writer, jellier) => writeCall(writer, jellier, word, { id, target, method, answer }, call),
      );
    } catch (error) {
      if (this.#lastRequest === id) this.#lastRequest--;
      throw error;
    }
    if (!answer) return this.#link.output.isFull ? this.#link.output.drained() : Promise.resolve();
    const result = this.pending.add(id, method, options);
    // Whoever waits for an answer has to read.
    this.#link.resume();
    return result;
  }

  /**
   * Takes an answer whose value is to be read next.
   *
   * @param id Request number of the call.
   * @param succeeded Whether the value is the result, or else an error.
   * @param unjellier Reads the value.
   * @throws {ProtocolError} If no call waits for it.
   */
  answered(id: number | bigint, succeeded: boolean, unjellier: Unjellier): void {
    const { resolve, reject, isGivenUp } = this.pending.take(id);
    // Nobody would catch what is thrown at a caller who has gone.
    const fail = (error: Error) => isGivenUp ? undefined : resolve(throwAtCaller(error));
    let value: unknown;
    let hasThen: boolean;
    try {
      value = unjellier.read();
      hasThen = isPromise(value);
    } catch (error) {
      // An error of the program's own says best itself where it came from.
      return error instanceof JellyError ? fail(error) : reject(error);
    }
    if (!succeeded) return fail(errorOf(value));
    if (!hasThen) return resolve(value);
    // Resolved with it, the promise would call a method of it.
    reject(new ProtocolError("Cannot take answer: it has a method then, as promises do"));
  }
}

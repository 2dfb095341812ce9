/**
 * Our own calls that wait for an answer.
 *
 * @module
 */

import { causedBy } from "../errors/caused_by.ts";
import { CallTimeoutError, LimitError, PBConnectionLost, ProtocolError } from "../errors/errors.ts";
import { throwAtCaller } from "../errors/remote_error.ts";
import type { CallOptions } from "../flavors/kwargs.ts";
import { RisingTable } from "./rising_table.ts";

/** A call that waits. */
interface PendingCall {
  readonly id: number;
  readonly method: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
  /** Stops watching a signal and a timeout; undefined for a call without either. */
  release: (() => void) | undefined;
  /** Whether nothing waits any more, as the call was given up. */
  isGivenUp: boolean;
}

/** Is told of calls of ours. */
export interface PendingCallsHooks {
  /** Called when a call was given up. */
  progressed(): void;
}

/**
 * The calls that wait for an answer, by request number.
 *
 * A call that was given up keeps its place until the peer has answered it, since an answer to a
 * call that was never made is a fault of the peer.
 */
export class PendingCalls {
  readonly #maxCalls: number;
  readonly #hooks: PendingCallsHooks;
  readonly #calls = new RisingTable<PendingCall>();
  #givenUp = 0;

  /**
   * Creates an empty table.
   *
   * @param maxCalls Maximum number of calls that may wait at once.
   * @param hooks Learns of calls that were given up.
   */
  constructor(maxCalls: number, hooks: PendingCallsHooks) {
    this.#maxCalls = maxCalls;
    this.#hooks = hooks;
  }

  /** Number of waiting calls. */
  get size(): number {
    return this.#calls.size;
  }

  /** Number of them that are still wanted, that is, not given up. */
  get wanted(): number {
    return this.#calls.size - this.#givenUp;
  }

  /**
   * Throws if no more calls may wait.
   *
   * @param method The method to be called.
   * @throws {LimitError} If too many calls wait.
   */
  checkRoom(method: string): void {
    if (this.#calls.size < this.#maxCalls) return;
    throw new LimitError(
      "maxCallsOut",
      `Cannot call "${method}": ${this.#maxCalls} calls wait for an answer`,
    );
  }

  /**
   * Adds a call.
   *
   * @param id Its request number.
   * @param method The method that was called.
   * @param options A signal and a timeout that may end the wait.
   * @returns Settles as the call does.
   */
  add(id: number, method: string, options: CallOptions | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call: PendingCall = {
        id,
        method,
        resolve,
        reject,
        release: undefined,
        isGivenUp: false,
      };
      this.#calls.add(call);
      if (options !== undefined) limit(call, options, () => this.#gaveUp());
    });
  }

  /**
   * Removes the call that was answered.
   *
   * @param id Request number in the answer.
   * @returns The functions that settle the call.
   * @throws {ProtocolError} If no such call waits.
   */
  take(id: number | bigint): Pick<PendingCall, "resolve" | "reject" | "isGivenUp"> {
    // A bigint is never a number of ours: it is larger than any safe integer.
    const call = typeof id === "number" ? this.#calls.take(id) : undefined;
    if (call === undefined) {
      throw new ProtocolError(`Cannot take answer to request ${id}: there is none`);
    }
    call.release?.();
    if (call.isGivenUp) this.#givenUp--;
    return call;
  }

  /**
   * Removes a call that was given up, so that it need not be made any more.
   *
   * @param id Its request number.
   * @returns False if the call is still wanted: then it stays.
   */
  dropGivenUp(id: number): boolean {
    const call = this.#calls.take(id);
    if (call === undefined) return true;
    if (call.isGivenUp) {
      this.#givenUp--;
      return true;
    }
    this.#calls.add(call);
    return false;
  }

  #gaveUp(): void {
    this.#givenUp++;
    this.#hooks.progressed();
  }

  /**
   * Rejects all calls because the connection is lost.
   *
   * @param cause Why it is lost.
   */
  fail(cause: Error | undefined): void {
    this.#givenUp = 0;
    for (const { method, reject, release } of this.#calls.takeAll()) {
      release?.();
      reject(connectionLost(method, cause));
    }
  }
}

/**
 * Returns the error for a call that a lost connection ends.
 *
 * @param method The method that was called.
 * @param cause Why the connection is lost.
 * @returns The error.
 */
export function connectionLost(method: string, cause: Error | undefined): PBConnectionLost {
  const why = cause === undefined ? "" : `: ${cause.message}`;
  return new PBConnectionLost(
    `Cannot finish call "${method}": connection lost${why}`,
    causedBy(cause),
  );
}

/** Lets a signal and a timeout end the wait for an answer. */
function limit(
  call: PendingCall,
  { signal, timeout }: CallOptions,
  onGiveUp: () => void,
): void {
  const giveUp = () => {
    call.release?.();
    call.isGivenUp = true;
    onGiveUp();
  };
  const abort = () => {
    giveUp();
    call.reject(signal!.reason);
  };
  const expire = () => {
    giveUp();
    call.resolve(throwAtCaller(new CallTimeoutError(call.method, timeout!)));
  };
  const timer = timeout === undefined ? undefined : setTimeout(expire, timeout);
  signal?.addEventListener("abort", abort, { once: true });
  // A function written as the value that a property is set to would be old from birth
  // (docs/performance.md, "Functions are not born old").
  const release = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    call.release = undefined;
  };
  call.release = release;
}

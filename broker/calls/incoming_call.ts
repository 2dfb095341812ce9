/**
 * A call that has arrived.
 *
 * @module
 */

import { PBError } from "../errors/errors.ts";
import type { Kwargs } from "../flavors/kwargs.ts";
import type { RemoteTarget } from "../flavors/referenceable.ts";
import type { ObjectId } from "../flavors/remote_reference.ts";
import type { CallHead } from "./message_parts.ts";
import type { PromisedResult } from "./promised_results.ts";

/** A call that the peer makes. */
export type IncomingCall = ReadCall | FaultyCall;

/** A call with its arguments. */
export interface ReadCall extends CallParts {
  /** The positional arguments. */
  readonly args: unknown[];
  /** The keyword arguments, if there are any. */
  readonly kw: Kwargs | undefined;
  /** Results of earlier calls that take the place of arguments, if any do. */
  readonly passedOn: readonly PassedResult[] | undefined;
}

/** A result that takes the place of an argument. */
export interface PassedResult {
  /** The position of a positional argument, or the name of another one. */
  readonly place: ObjectId;
  /** The result. */
  readonly result: PromisedResult;
}

/** A call that fails without being made. */
export interface FaultyCall extends CallParts {
  /** There are none. */
  readonly args: undefined;
  /** Why: what the call fails with. */
  readonly fault: unknown;
}

/** What all calls have. */
export interface CallParts {
  /** What comes before the arguments. */
  readonly head: CallHead;
  /** The object that is called, or will be once it is known; undefined if there is none. */
  readonly object: RemoteTarget | PromisedResult | undefined;
  /** Length in bytes of its message, and of the results that were passed on to it. */
  readonly length: number;
  /** Its result, if the peer may call it before it has the answer. */
  readonly promised: PromisedResult | undefined;
  /**
   * Called when the call begins, if it was read before its turn; returns whether its object is
   * still there.
   */
  readonly begun?: () => boolean;
}

/**
 * Returns the error for a call of an object that is not there, in Twisted's words.
 *
 * @returns The error.
 */
export function invalidObject(): PBError {
  return new PBError("Invalid Object ID");
}

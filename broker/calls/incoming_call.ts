/**
 * A call that has arrived.
 *
 * @module
 */

import type { Kwargs } from "../flavors/kwargs.ts";
import type { RemoteTarget } from "../flavors/referenceable.ts";
import type { CallHead } from "./message_parts.ts";
import type { PromisedResult } from "./promised_results.ts";

/** A call that the peer makes. */
export interface IncomingCall {
  /** What comes before the arguments. */
  readonly head: CallHead;
  /** The object that is called, or will be once it is known; undefined if there is none. */
  readonly object: RemoteTarget | PromisedResult | undefined;
  /** What comes behind the head. */
  readonly input: CallInput;
  /** Length of its message in bytes. */
  readonly length: number;
  /** Its result, if the peer may call it before it has the answer. */
  readonly promised: PromisedResult | undefined;
  /**
   * Called when the call begins, if it was read before its turn; returns whether its object is
   * still there.
   */
  readonly begun?: () => boolean;
}

/** The arguments of a call, or why it fails without being made. */
export type CallInput =
  | { readonly kind: "arguments"; readonly args: unknown[]; readonly kw: Kwargs | undefined }
  | { readonly kind: "fault"; readonly error: unknown };

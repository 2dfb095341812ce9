/**
 * What the parts of a connection ask of it, and tell it.
 *
 * @module
 */

import type { Unjellier } from "../../jelly/mod.ts";
import type { IncomingCallsHooks } from "../calls/incoming_calls.ts";
import type { OutgoingCallsHooks } from "../calls/outgoing_calls.ts";
import type { LinkHandler } from "../link/link.ts";
import type { TableHooks } from "../tables/table_hooks.ts";

/**
 * A connection as its parts see it: a single object, where functions would take one object each.
 */
export interface ConnectionHooks
  extends LinkHandler, IncomingCallsHooks, OutgoingCallsHooks, TableHooks {
  /** Number of our calls that the peer has not answered, including those that were given up. */
  readonly callsOut: number;
  /** Number of our calls that somebody is still waiting for. */
  readonly callsWanted: number;
  /** Called when both ends have agreed on a dialect. */
  opened(): void;
  /**
   * Handles an answer to one of our calls, whose value is the next to be read.
   *
   * @param id Request number of the call.
   * @param succeeded True if the value is the result, false if it is an error.
   * @param unjellier Reads the value.
   * @returns Whether the value could be read.
   */
  answered(id: number | bigint, succeeded: boolean, unjellier: Unjellier): boolean;
  /**
   * Cleans up: the connection has ended, and nothing more can be written.
   *
   * @param reason Why it has; undefined if on purpose.
   */
  clear(reason: Error | undefined): void;
  /**
   * Called when nothing is left of the connection.
   *
   * @param reason Why it has ended; undefined if on purpose.
   */
  ended(reason: Error | undefined): void;
}

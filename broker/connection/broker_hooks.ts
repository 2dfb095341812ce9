/**
 * What the parts of a broker ask of it, and tell it.
 *
 * @module
 */

import type { Unjellier } from "../../jelly/mod.ts";
import type { LinkHandler } from "../link/link.ts";

/** Closes a connection because of a fault. */
export interface Faults {
  /**
   * Closes the connection at once.
   *
   * @param error The fault.
   */
  fail(error: Error): void;
  /**
   * Closes the connection once the message being written, and those before it, have gone out.
   *
   * @param error The fault.
   */
  dismiss(error: Error): void;
}

/**
 * The inside of a broker, as its parts see it: a single object, where functions would take one
 * object each.
 */
export interface BrokerHooks extends LinkHandler, Faults {
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
   */
  answered(id: number | bigint, succeeded: boolean, unjellier: Unjellier): void;
  /** Called when a call from the peer that was not answered at once has ended. */
  callEnded(): void;
  /** Called when one of our calls was given up. */
  callGivenUp(): void;
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

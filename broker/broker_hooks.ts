/**
 * What the parts of a broker ask of it, and tell it.
 *
 * @module
 */

import type { Unjellier } from "../jelly/mod.ts";
import type { LinkHandler } from "./link.ts";

/** Closes a connection for a fault. */
export interface Faults {
  /**
   * Closes the connection at once.
   *
   * @param error The fault.
   */
  fail(error: Error): void;
  /**
   * Closes the connection when what is being said, and what was said before, has gone out.
   *
   * @param error The fault.
   */
  dismiss(error: Error): void;
}

/** The inside of a broker, as its parts see it: one object, where functions would be one for each. */
export interface BrokerHooks extends LinkHandler, Faults {
  /** How many calls of ours the peer has not answered, also those that were given up. */
  readonly callsOut: number;
  /** How many calls of ours somebody waits for. */
  readonly callsWanted: number;
  /** Learns that both ends have agreed on a dialect. */
  opened(): void;
  /**
   * Takes an answer to a call of ours, whose value is to be read next.
   *
   * @param id Request number of the call.
   * @param succeeded Whether the value is the result, or else an error.
   * @param unjellier Reads the value.
   */
  answered(id: number | bigint, succeeded: boolean, unjellier: Unjellier): void;
  /** Learns that a call of the peer's has ended that was not answered at once. */
  callEnded(): void;
  /** Learns that a call of ours was given up. */
  callGivenUp(): void;
  /**
   * Clears up: the connection has ended, and nothing can be written any more.
   *
   * @param reason Why it has; undefined if on purpose.
   */
  clear(reason: Error | undefined): void;
  /**
   * Learns that nothing is left of the connection.
   *
   * @param reason Why it has ended; undefined if on purpose.
   */
  ended(reason: Error | undefined): void;
}

/**
 * What the tables of a connection ask of it.
 *
 * @module
 */

import type { StrangerBounds } from "../link/bound.ts";
import type { Faults } from "../link/faults.ts";

/** A connection as its tables see it. */
export interface TableHooks extends Faults {
  /** Limits on a peer that has not logged in, while it has not. */
  readonly bounds: StrangerBounds | undefined;
  /**
   * Returns a number for an object that is being sent, as a reference or a cache.
   *
   * @returns One that no object of this connection has had.
   */
  newId(): number;
  /**
   * Runs functions of the program; if one throws, that is logged and the others still run.
   *
   * @param callbacks The functions.
   */
  notifyAll(callbacks: Iterable<() => unknown>): void;
  /**
   * Reads the arguments of calls that were put off, until enough of them are read.
   *
   * @param isEnough Returns whether no more is needed.
   */
  readAhead(isEnough: () => boolean): void;
}

/**
 * Limits of a single connection, in addition to those that all connections have.
 *
 * @module
 */

/** A maximum that applies for now. */
export interface Bound {
  /** The maximum. */
  readonly most: number;
  /** Creates the error with which the connection ends when the maximum is exceeded. */
  passed(): Error;
}

/** Limits on a peer that has not logged in yet. */
export interface StrangerBounds {
  /**
   * Number of bytes in one message, complete or not, give or take one read; and in failed calls whose
   * results are kept.
   */
  readonly messageBytes: Bound;
  /** Number of the peer's objects that are held at once, and of results that are kept for it. */
  readonly references: Bound;
}

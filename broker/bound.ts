/**
 * Limits of one connection, beside those that all connections have.
 *
 * @module
 */

/** A number that may not be passed for now. */
export interface Bound {
  /** The most that there may be. */
  readonly most: number;
  /** Makes the error with which the connection ends when there is more. */
  passed(): Error;
}

/** What a peer is held to that nobody knows yet. */
export interface StrangerBounds {
  /** Bytes of one message, finished or not, give or take one read. */
  readonly messageBytes: Bound;
  /** Objects of the peer's that are held at once. */
  readonly references: Bound;
}

/**
 * Results that need to know whether they reached the peer.
 *
 * @module
 */

/** Name of a method of a result that is called if the result is not sent, for whatever reason. */
export const UNSENT: unique symbol = Symbol("unsent");

/** A result or an error that is told if it is not sent. */
export interface Unsent {
  /** Gives back what was reserved for the peer. */
  [UNSENT](): void;
}

/**
 * Tells a result that it was not sent, if it wants to know.
 *
 * @param value The result of a call, or the error that it failed with.
 */
export function notSent(value: unknown): void {
  if (value instanceof Object && UNSENT in value) (value as Unsent)[UNSENT]();
}

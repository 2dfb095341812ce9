/**
 * Closing a connection because of a fault.
 *
 * @module
 */

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

/**
 * Errors that a transport ends in.
 *
 * @module
 */

/** Base of what goes wrong below the protocol: in opening, carrying or closing a connection. */
export class TransportError extends Error {
  /**
   * Creates the error.
   *
   * @param message What could not be done and why.
   * @param options The underlying error as `cause`.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "TransportError";
  }
}

/** A read or write met a connection that is closed or was cut. */
export class TransportClosedError extends TransportError {
  /**
   * Creates the error.
   *
   * @param message What could not be done and why.
   * @param options The underlying error as `cause`.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "TransportClosedError";
  }
}

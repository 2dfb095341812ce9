/**
 * Errors of connections and calls.
 *
 * @module
 */

import { EXCEPTION } from "./error_names.ts";

/**
 * An error that a program raises on purpose, for the caller to see (`twisted.spread.pb.Error`).
 *
 * If a method throws one, its call fails, and nothing is logged. Extend it for errors of your own;
 * a static `jellyName` is their name on the wire.
 *
 * @example
 * ```ts
 * import { PBError } from "@perspective/broker/broker";
 *
 * class OutOfStock extends PBError {
 *   static override readonly jellyName = "shop.OutOfStock";
 * }
 * ```
 */
export class PBError extends Error {
  /** Name of the class on the wire. */
  static readonly jellyName: string = "twisted.spread.pb.Error";

  /**
   * Creates the error.
   *
   * @param message What happened; it is sent to the caller.
   * @param options The cause, which is not sent.
   */
  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/**
 * The base class of this library's errors about connections and calls that are not a
 * {@linkcode PBError}.
 */
export class BrokerError extends Error {
  /** Name of the class. */
  override readonly name: string = "BrokerError";
  /** Names of the class and its bases on the wire. */
  static readonly jellyParents: readonly string[] = EXCEPTION;

  /**
   * Creates the error.
   *
   * @param message What happened, or what could not be done and why.
   * @param options The cause.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The peer broke the protocol (`twisted.spread.pb.ProtocolError`); the connection is closed. */
export class ProtocolError extends BrokerError {
  /** Name of the class. */
  override readonly name: string = "ProtocolError";
  /** Names of the class and its bases on the wire. */
  static override readonly jellyParents: readonly string[] = [
    "twisted.spread.pb.ProtocolError",
    ...EXCEPTION,
  ];
}

/**
 * A call was made on a reference that is released, or whose connection is closed
 * (`twisted.spread.pb.DeadReferenceError`).
 */
export class DeadReferenceError extends ProtocolError {
  /** Name of the class. */
  override readonly name: string = "DeadReferenceError";
  /** Names of the class and its bases on the wire. */
  static override readonly jellyParents: readonly string[] = [
    "twisted.spread.pb.DeadReferenceError",
    "twisted.spread.pb.ProtocolError",
    ...EXCEPTION,
  ];
}

/** The connection closed before a call was answered (`twisted.spread.pb.PBConnectionLost`). */
export class PBConnectionLost extends BrokerError {
  /** Name of the class. */
  override readonly name: string = "PBConnectionLost";
  /** Names of the class and its bases on the wire. */
  static override readonly jellyParents: readonly string[] = [
    "twisted.spread.pb.PBConnectionLost",
    ...EXCEPTION,
  ];
}

/** The object has no such remote method (`twisted.spread.flavors.NoSuchMethod`). */
export class NoSuchMethod extends BrokerError {
  /** Name of the class. */
  override readonly name: string = "NoSuchMethod";
  /** Names of the class and its bases on the wire. */
  static override readonly jellyParents: readonly string[] = [
    "twisted.spread.flavors.NoSuchMethod",
    "builtins.AttributeError",
    ...EXCEPTION,
  ];
}

/**
 * A call was not answered in the time that it was given; an answer that arrives later is dropped.
 */
export class CallTimeoutError extends BrokerError {
  /** Name of the class. */
  override readonly name: string = "CallTimeoutError";
  /** The remote method that was called. */
  readonly method: string;
  /** The time that the call was given, in milliseconds. */
  readonly timeout: number;

  /**
   * Creates the error.
   *
   * @param method The remote method.
   * @param timeout The time that the call was given, in milliseconds.
   */
  constructor(method: string, timeout: number) {
    super(`Cannot finish call "${method}": no answer within ${timeout} ms`);
    this.method = method;
    this.timeout = timeout;
  }
}

/** A limit of the connection was exceeded; see `BrokerLimits`. */
export class LimitError extends PBError {
  /** Name of the class on the wire: what Twisted raises in this case. */
  static override readonly jellyName: string = "twisted.spread.pb.Error";
  /** Name of the limit. */
  readonly limit: string;

  /**
   * Creates the error.
   *
   * @param limit Name of the limit.
   * @param message What could not be done.
   */
  constructor(limit: string, message: string) {
    super(message);
    this.name = "LimitError";
    this.limit = limit;
  }
}

/**
 * A connection was closed because nobody logged in over it within the limits; see `PortalOptions`.
 */
export class LoginLimitError extends LimitError {
  /**
   * Creates the error.
   *
   * @param limit Name of the limit.
   * @param message Why the connection was closed.
   */
  constructor(limit: string, message: string) {
    super(limit, message);
    this.name = "LoginLimitError";
  }
}

/** The peer is going away, and accepts no more calls; a call that fails with this was not begun. */
export class GoingAwayError extends PBError {
  /** Name of the class on the wire. */
  static override readonly jellyName: string = "perspective.broker.GoingAwayError";

  /**
   * Creates the error.
   *
   * @param message What the caller is told.
   */
  constructor(message: string = "Cannot take call: this end of the connection goes away") {
    super(message);
    this.name = "GoingAwayError";
  }
}

/**
 * The peer has been silent, or has accepted none of the answers that wait for it, for so long that
 * it counts as gone; the connection is closed.
 */
export class PeerGoneError extends BrokerError {
  /** Name of the class. */
  override readonly name: string = "PeerGoneError";
  /**
   * Milliseconds within which it should have given a sign of life; see `BrokerOptions.keepAlive`.
   */
  readonly keepAlive: number;

  /**
   * Creates the error.
   *
   * @param address Address of the peer.
   * @param keepAlive Milliseconds within which it should have given a sign of life.
   */
  constructor(address: string, keepAlive: number) {
    super(`Cannot reach peer "${address}": no sign of life within ${keepAlive} ms`);
    this.keepAlive = keepAlive;
  }
}

/** A session is not connected; the work that was to use it was not begun. */
export class NotConnectedError extends BrokerError {
  /** Name of the class. */
  override readonly name: string = "NotConnectedError";
}

/** Pages did not arrive in full, or could not be sent in full. */
export class PagingError extends BrokerError {
  /** Name of the class. */
  override readonly name: string = "PagingError";
}

/**
 * Errors below the protocol: those of opening, using or closing a connection.
 *
 * @module
 */

/**
 * Base class of the errors of transports.
 *
 * @example All of them at once
 * ```ts
 * import { dial, TransportError } from "@perspective/broker/transport";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => dial("pb+unix:///nowhere/pb.sock"), TransportError);
 * ```
 */
export class TransportError extends Error {
  /**
   * Creates the error.
   *
   * @param message What could not be done, and why.
   * @param options The underlying error as `cause`.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "TransportError";
  }
}

/**
 * Thrown when a read or write finds the connection closed or cut; if the system finds it first, its
 * own error is thrown, such as `Deno.errors.ConnectionReset`.
 */
export class TransportClosedError extends TransportError {
  /**
   * Creates the error.
   *
   * @param message What could not be done, and why.
   * @param options The underlying error as `cause`.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "TransportClosedError";
  }
}

/** Thrown when a connection could not be opened. */
export class ConnectError extends TransportError {
  /** The URL that could not be reached, without user and password. */
  readonly url: string;

  /**
   * Creates the error.
   *
   * @param url The URL that could not be reached, without user and password.
   * @param fact Why it could not be opened.
   * @param options The system's own error as `cause`.
   */
  constructor(url: string, fact: string, options?: ErrorOptions) {
    super(`Cannot connect to "${url}": ${fact}`, options);
    this.name = "ConnectError";
    this.url = url;
  }
}

/** Thrown when a program cannot listen at a place. */
export class ListenError extends TransportError {
  /** The place. */
  readonly url: string;

  /**
   * Creates the error.
   *
   * @param url The place.
   * @param fact Why the program cannot listen there.
   * @param options The system's own error as `cause`.
   */
  constructor(url: string, fact: string, options?: ErrorOptions) {
    super(`Cannot listen on "${url}": ${fact}`, options);
    this.name = "ListenError";
    this.url = url;
  }
}

/**
 * Reported when no connection can be accepted at the moment, for lack of file handles, say; the
 * listener then tries again.
 */
export class AcceptError extends TransportError {
  /**
   * Creates the error.
   *
   * @param fact Why none can be accepted.
   * @param options The system's own error as `cause`.
   */
  constructor(fact: string, options?: ErrorOptions) {
    super(`Cannot accept connections: ${fact}; trying again`, options);
    this.name = "AcceptError";
  }
}

/** Options for {@linkcode HandshakeError}. */
export interface HandshakeErrorOptions extends ErrorOptions {
  /** Whether the peer left before it sent anything. Defaults to false. */
  isProbe?: boolean;
}

/** Reported when a peer connects, but does not complete the handshake of TLS or WebSocket. */
export class HandshakeError extends TransportError {
  /** Address of the peer. */
  readonly address: string;
  /**
   * Whether the peer left, in whatever way, before it sent anything. Load balancers do this to
   * check whether a server is there, so a log may leave such errors out.
   */
  readonly isProbe: boolean;

  /**
   * Creates the error.
   *
   * @param address Address of the peer.
   * @param fact What was wrong.
   * @param options The underlying error as `cause`, and whether the peer left before it sent
   * anything.
   */
  constructor(address: string, fact: string, options: HandshakeErrorOptions = {}) {
    const { isProbe = false, ...rest } = options;
    super(`Cannot accept connection from "${address}": ${fact}`, rest);
    this.name = "HandshakeError";
    this.address = address;
    this.isProbe = isProbe;
  }
}

/** Thrown when a WebSocket peer breaks a rule or exceeds a limit. */
export class WebSocketError extends TransportError {
  /**
   * The close code that says which, such as 1002 for a broken rule and 1009 for an exceeded limit.
   */
  readonly code: number;

  /**
   * Creates the error.
   *
   * @param code The close code.
   * @param fact What was wrong.
   * @param options The underlying error as `cause`.
   */
  constructor(code: number, fact: string, options?: ErrorOptions) {
    super(`Cannot continue WebSocket: ${fact}`, options);
    this.name = "WebSocketError";
    this.code = code;
  }
}

/** The system's codes for a connection that is gone. */
const GONE: readonly unknown[] = Object.freeze([
  "ECONNABORTED",
  "ECONNRESET",
  "ENOTCONN",
  "EPIPE",
  "ETIMEDOUT",
]);

/** Returns whether an error says only that the connection is gone, not what was wrong with it. */
export function isGone(error: unknown): boolean {
  if (error instanceof TransportClosedError) return true;
  return error instanceof Error && "code" in error && GONE.includes(error.code);
}

/** Returns the gist of anything thrown, worded to follow a colon. */
export function factOf(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  // "Connection refused (os error 111)" starts with a capital, and has a number that helps nobody.
  const plain = message.replace(/ \(os error \d+\)/g, "").replace(/\.$/, "");
  return /^[A-Z][a-z]/.test(plain) ? plain.charAt(0).toLowerCase() + plain.slice(1) : plain;
}

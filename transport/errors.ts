/**
 * What goes wrong below the protocol: in opening, carrying or closing a connection.
 *
 * @module
 */

/**
 * Base of the errors of transports.
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
   * @param message What could not be done and why.
   * @param options The underlying error as `cause`.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "TransportError";
  }
}

/** A read or write met a connection that was closed or cut. */
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

/** A connection could not be opened. */
export class ConnectError extends TransportError {
  /** Where it should have led, without user and password. */
  readonly url: string;

  /**
   * Creates the error.
   *
   * @param url Where the connection should have led, without user and password.
   * @param fact Why it could not be opened.
   * @param options The system's own error as `cause`.
   */
  constructor(url: string, fact: string, options?: ErrorOptions) {
    super(`Cannot connect to "${url}": ${fact}`, options);
    this.name = "ConnectError";
    this.url = url;
  }
}

/** A place to listen at could not be had. */
export class ListenError extends TransportError {
  /** The place. */
  readonly url: string;

  /**
   * Creates the error.
   *
   * @param url The place.
   * @param fact Why it could not be had.
   * @param options The system's own error as `cause`.
   */
  constructor(url: string, fact: string, options?: ErrorOptions) {
    super(`Cannot listen on "${url}": ${fact}`, options);
    this.name = "ListenError";
    this.url = url;
  }
}

/** No connection can be accepted at the moment, as for want of file handles; it is tried again. */
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
  /** Whether the peer was gone before it had said anything; false unless given. */
  isProbe?: boolean;
}

/** A peer came, but did not get through the handshake of TLS or WebSocket. */
export class HandshakeError extends TransportError {
  /** Address of the peer. */
  readonly address: string;
  /**
   * Whether the peer was gone before it had said anything, however it went: load balancers look in
   * that way whether a server is there, so that a log may leave it out.
   */
  readonly isProbe: boolean;

  /**
   * Creates the error.
   *
   * @param address Address of the peer.
   * @param fact What was wrong.
   * @param options The underlying error as `cause`, and whether the peer had said anything.
   */
  constructor(address: string, fact: string, options: HandshakeErrorOptions = {}) {
    const { isProbe = false, ...rest } = options;
    super(`Cannot accept connection from "${address}": ${fact}`, rest);
    this.name = "HandshakeError";
    this.address = address;
    this.isProbe = isProbe;
  }
}

/** A WebSocket peer broke a rule or a limit. */
export class WebSocketError extends TransportError {
  /** The close code that says which, such as 1002 for a broken protocol and 1009 for too much. */
  readonly code: number;

  /**
   * Creates the error.
   *
   * @param code The close code.
   * @param fact What was wrong.
   * @param options The underlying error as `cause`.
   */
  constructor(code: number, fact: string, options?: ErrorOptions) {
    super(`Cannot go on with WebSocket: ${fact}`, options);
    this.name = "WebSocketError";
    this.code = code;
  }
}

/** What the system calls a connection that is gone. */
const GONE: readonly unknown[] = Object.freeze([
  "ECONNABORTED",
  "ECONNRESET",
  "ENOTCONN",
  "EPIPE",
  "ETIMEDOUT",
]);

/** Tells whether an error says that the connection is gone, and not what was wrong with it. */
export function isGone(error: unknown): boolean {
  if (error instanceof TransportClosedError) return true;
  return error instanceof Error && "code" in error && GONE.includes(error.code);
}

/** The gist of anything thrown, to stand behind a colon. */
export function factOf(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  // "Connection refused (os error 111)": the start of a sentence, and a number for nobody.
  const plain = message.replace(/ \(os error \d+\)/g, "").replace(/\.$/, "");
  return /^[A-Z][a-z]/.test(plain) ? plain.charAt(0).toLowerCase() + plain.slice(1) : plain;
}

/**
 * What the rest of the library knows about connections: the byte pipe, the peer, and the listener
 * that accepts them.
 *
 * @module
 */

/** Why a connection is closed, for transports that can tell the peer. */
export interface CloseReason {
  /**
   * The kind of reason: all is well, this end is going away (a server that shuts down, a page that
   * is left), or the fault that ended the connection.
   */
  readonly kind:
    | "normal"
    | "goingAway"
    | "protocolError"
    | "policyViolation"
    | "tooLarge"
    | "internalError";
  /** One line for a log; it is sent to the peer, so it must not contain secrets. */
  readonly message: string;
}

/** Bytes of room that {@linkcode Transport.writeInPlace} needs before the bytes to write. */
export const HEADROOM = 16;

/**
 * A byte pipe. Its three required methods are those of every Deno connection, so a `Deno.Conn` can
 * be used as it is.
 *
 * @example Two ends of one pipe
 * ```ts
 * import { memoryPair, type Transport } from "@perspective/broker/transport";
 * import { assertEquals } from "@std/assert";
 *
 * const [here, there] = memoryPair();
 * const pipe: Transport = here.transport;
 * await pipe.write(new TextEncoder().encode("hi"));
 * const buffer = new Uint8Array(16);
 * assertEquals(await there.transport.read(buffer), 2);
 * pipe.close();
 * assertEquals(await there.transport.read(buffer), null);
 * ```
 */
export interface Transport {
  /**
   * Reads into a buffer, one read at a time.
   *
   * @param buffer Where the bytes go; the rest of the buffer may be changed too. It belongs to the
   *   caller again once the promise has settled, unless the caller has closed the connection: bytes
   *   that still arrive then may go into it.
   * @returns The number of bytes read, at least 1; `null` at the end.
   */
  read(buffer: Uint8Array): Promise<number | null>;

  /**
   * Writes, one write at a time. Resolves when more may be written, which provides back-pressure.
   *
   * @param bytes What to send; may be used again once the promise has settled.
   * @returns The number of bytes taken, perhaps not all.
   */
  write(bytes: Uint8Array): Promise<number>;
  /**
   * Writes bytes that the caller no longer needs: the transport may change them, and use the
   * {@linkcode HEADROOM} bytes before them in their buffer. This saves a copy; only transports that
   * wrap or mask the bytes have this method.
   *
   * @param bytes What to send, with room before it in its buffer.
   * @returns The number of bytes taken, perhaps not all.
   */
  writeInPlace?(bytes: Uint8Array): Promise<number>;

  /**
   * Closes both directions at once: a pending read resolves to `null` or rejects. On the transports
   * of this library a second call does nothing (a bare `Deno.Conn` throws).
   *
   * @param reason Sent to the peer by transports that can; others ignore it.
   */
  close(reason?: CloseReason): void;

  /**
   * The reason that the peer gave for closing, known once a read has ended; present only where a
   * peer can give one.
   */
  readonly closeReason?: CloseReason | undefined;

  /**
   * Resolves, and never rejects, once nothing of the connection is left in the system; present only
   * where that takes longer than {@linkcode Transport.close}, as with WebSocket's closing
   * handshake.
   */
  readonly closed?: Promise<void> | undefined;
}

/** The kind of pipe that a connection uses; `other` is one that the program provides. */
export type TransportKind = "tcp" | "tls" | "unix" | "websocket" | "memory" | "port" | "other";

/**
 * Who a peer is according to its TLS certificate, which was verified against the certificate
 * authorities.
 */
export interface PeerCertificate {
  /** The common name (CN) of the subject, where there is exactly one. */
  readonly commonName?: string | undefined;
  /** The values of the subject's attributes by their short names, such as `CN` and `O`. */
  readonly subject: ReadonlyMap<string, readonly string[]>;
  /** The issuer's attributes, in the same form. */
  readonly issuer: ReadonlyMap<string, readonly string[]>;
  /**
   * The alternative names: `DNS:example.org`, `email:ann@example.org`, `URI:spiffe://a/b`,
   * `IP:::1`.
   */
  readonly alternativeNames: readonly string[];
  /** SHA-256 of the certificate, as pairs of upper-case hexadecimal digits joined by colons. */
  readonly fingerprint: string;
  /** The serial number, in upper-case hexadecimal. */
  readonly serialNumber: string;
  /** The certificate itself, in DER form. */
  readonly der: Uint8Array;
}

/** What is known about the peer of a connection. */
export interface Peer {
  /** The kind of pipe that connects it. */
  readonly kind: TransportKind;
  /** Its address in printable form, such as `127.0.0.1:5123`; for logs, not for decisions. */
  readonly address: string;
  /** Whether the bytes are encrypted in transit. */
  readonly secure: boolean;
  /** The verified certificate of the peer, if it presented one and the runtime reveals it. */
  readonly certificate?: PeerCertificate | undefined;
  /** The `Origin` of the page that opened a WebSocket, if a browser sent one. */
  readonly origin?: string | undefined;
  /** The WebSocket sub-protocol that both ends agreed on. */
  readonly protocol?: string | undefined;
}

/** An established connection: the pipe, and who is at the other end. */
export interface Dialed {
  /** The byte pipe; the code that holds it must close it. */
  readonly transport: Transport;
  /** What is known about the other end. */
  readonly peer: Peer;
  /**
   * Resolves when the system has released the connection, where that may be long after the
   * transport has closed: the runtime's own WebSocket stays until its peer answers the closing.
   */
  readonly gone?: Promise<void>;
}

/** Where a {@linkcode Listener} listens. */
export type ListenAddr =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

/** Accepts connections from peers at one place. */
export interface Listener extends AsyncDisposable {
  /** The address, with the port that the system chose if 0 was asked for. */
  readonly addr: ListenAddr;
  /** The URL to reach it from this machine, such as `pb://127.0.0.1:8787`. */
  readonly url: string;
  /**
   * Waits for the next connection; a failure of one never ends the listener.
   *
   * @returns The connection, or `null` once the listener is closed.
   */
  accept(): Promise<Dialed | null>;
  /** Stops listening; a second call does nothing. Connections already accepted stay open. */
  close(): void;
}

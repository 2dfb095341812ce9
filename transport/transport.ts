/**
 * What the rest of the library knows of a connection: a byte pipe, who is at
 * the other end, and where connections come from.
 *
 * @module
 */

/** Why a connection is closed, for transports that can tell the other end. */
export interface CloseReason {
  /**
   * The kind of reason: all is well, this end goes away (a server that shuts
   * down, a page that is left), or the fault that ended the connection.
   */
  readonly kind:
    | "normal"
    | "goingAway"
    | "protocolError"
    | "policyViolation"
    | "tooLarge"
    | "internalError";
  /** One line for the reader of a log; it crosses the wire, so nothing secret. */
  readonly message: string;
}

/** Bytes of room that {@linkcode Transport.writeInPlace} wants before what is written. */
export const HEADROOM = 16;

/**
 * A byte pipe: the three methods that every Deno connection has, so that a
 * `Deno.Conn` is one as it stands.
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
   * @param buffer Where the bytes go, and the rest of which may be changed too. It is the caller's
   *   again once the promise has settled, unless the caller has closed the connection: what still
   *   comes then may go into it.
   * @returns How many bytes were read, at least 1; `null` at the end.
   */
  read(buffer: Uint8Array): Promise<number | null>;

  /**
   * Writes, one write at a time; when it resolves, more may be written, which is the back-pressure.
   *
   * @param bytes What to send; may be used again once the promise has settled.
   * @returns How many bytes were taken, perhaps not all.
   */
  write(bytes: Uint8Array): Promise<number>;
  /**
   * Does the same for bytes that the caller needs no more: the transport may change them, and use the
   * {@linkcode HEADROOM} bytes before them in their buffer. Only on transports that have something to
   * put around or over the bytes; it saves a copy.
   *
   * @param bytes What to send, with room before it in its buffer.
   * @returns How many bytes were taken, perhaps not all.
   */
  writeInPlace?(bytes: Uint8Array): Promise<number>;

  /**
   * Closes both ways at once: a pending read resolves to `null` or rejects. On the transports
   * of this library a second call does nothing (a bare `Deno.Conn` throws).
   *
   * @param reason Told to the other end by transports that can, others ignore it.
   */
  close(reason?: CloseReason): void;

  /** What the other end said when it closed, known once a read has ended; only where it can say. */
  readonly closeReason?: CloseReason | undefined;

  /**
   * Settles, never rejecting, once nothing of the connection is left in the system; only where
   * that takes longer than {@linkcode Transport.close}, such as for WebSocket's closing handshake.
   */
  readonly closed?: Promise<void> | undefined;
}

/** What kind of pipe a connection uses; `other` is one of the program's own. */
export type TransportKind = "tcp" | "tls" | "unix" | "websocket" | "memory" | "port" | "other";

/** Who a peer is by its TLS certificate, which was verified against the certificate authorities. */
export interface PeerCertificate {
  /** The common name (CN) of the subject, where there is exactly one. */
  readonly commonName?: string | undefined;
  /** The subject's attributes by their short names, such as `CN` and `O`, each with its values. */
  readonly subject: ReadonlyMap<string, readonly string[]>;
  /** The issuer's attributes, in the same form. */
  readonly issuer: ReadonlyMap<string, readonly string[]>;
  /** Alternative names: `DNS:example.org`, `email:ann@example.org`, `URI:spiffe://a/b`, `IP:::1`. */
  readonly alternativeNames: readonly string[];
  /** SHA-256 of the certificate, in upper case hexadecimal pairs joined by colons. */
  readonly fingerprint: string;
  /** The serial number in upper case hexadecimal. */
  readonly serialNumber: string;
  /** The certificate itself, in DER form. */
  readonly der: Uint8Array;
}

/** What is known of the other end of a connection. */
export interface Peer {
  /** The kind of pipe between. */
  readonly kind: TransportKind;
  /** Its address in printable form, such as `127.0.0.1:5123`; for logs, not for decisions. */
  readonly address: string;
  /** Whether the bytes are encrypted on their way. */
  readonly secure: boolean;
  /** The verified certificate of the peer, where it showed one and the runtime tells. */
  readonly certificate?: PeerCertificate | undefined;
  /** The `Origin` of the page that opened a WebSocket, where a browser sent one. */
  readonly origin?: string | undefined;
  /** The WebSocket sub-protocol that both ends agreed on. */
  readonly protocol?: string | undefined;
}

/** A connection that stands: the pipe, and who is at its other end. */
export interface Dialed {
  /** The byte pipe; whoever holds it closes it. */
  readonly transport: Transport;
  /** What is known of the other end. */
  readonly peer: Peer;
  /**
   * Resolves when the system has let go of the connection, where that may be long after the transport has
   * closed: a WebSocket of the runtime's own stays until its peer answers the closing.
   */
  readonly gone?: Promise<void>;
}

/** Where a {@linkcode Listener} listens. */
export type ListenAddr =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

/** A place where peers connect. */
export interface Listener extends AsyncDisposable {
  /** The address, with the port that the system chose if 0 was asked for. */
  readonly addr: ListenAddr;
  /** The URL that reaches it from this machine, such as `pb://127.0.0.1:8787`. */
  readonly url: string;
  /**
   * Waits for the next connection; what goes wrong with one of them never ends the listener.
   *
   * @returns The connection, or `null` once the listener is closed.
   */
  accept(): Promise<Dialed | null>;
  /** Stops listening; a second call does nothing. Connections that were accepted stay. */
  close(): void;
}

/**
 * TLS on both sides.
 *
 * Uses `node:tls` on top of TCP: Deno's own TLS connections leave Nagle's algorithm on, which
 * delays small messages by 40 milliseconds; they do not reveal who the client is; and they stay
 * open behind the scenes when closed during a handshake.
 *
 * @module
 */

import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { builtin } from "../base/builtin.ts";
import { closeOnAbort } from "../base/deadline.ts";
import { factOf, HandshakeError, isGone, TransportClosedError } from "../base/errors.ts";
import type { Dialed, PeerCertificate } from "../base/transport.ts";
import { certificateOf } from "./_certificate.ts";
import { streamOf, StreamTransport } from "./_node_stream.ts";
import { PemChecks } from "./_pem_checks.ts";

/** How a client verifies the server and identifies itself. */
export interface TlsClientOptions {
  /** Certificate authorities to trust, in PEM form, instead of those that Deno trusts. */
  caCerts?: readonly string[];
  /** The client's certificate chain in PEM form, for servers that ask for it. */
  cert?: string;
  /** The private key of the client's certificate in PEM form. */
  key?: string;
  /** The name that the server's certificate must be for. Defaults to the host in the URL. */
  serverName?: string;
}

/** How a server identifies itself, and which clients it lets in. */
export interface TlsServerOptions {
  /**
   * The server's certificate chain in PEM form. Without a URL, this, `key` or `clientCaCerts` means
   * TLS; where a URL or a path rules TLS out, none of them may be given. A function is called at each
   * handshake: a new certificate that it returns is used for new connections, and does not affect
   * others.
   */
  cert?: string | (() => string);
  /** The private key of the server's certificate in PEM form, or a function that returns it. */
  key?: string | (() => string);
  /** Authorities in PEM form that sign clients' certificates; if given, clients are asked for one. */
  clientCaCerts?: readonly string[];
  /** Whether a client needs a certificate if `clientCaCerts` are given. Defaults to true. */
  requireClientCert?: boolean;
}

/** What both sides announce about what is inside TLS. */
interface Inside {
  /** Whether there is HTTP inside, which is then announced (ALPN). */
  readonly http: boolean;
}

/** Options of {@linkcode tlsClient} in addition to the caller's. */
export interface TlsClientContext extends TlsClientOptions, Inside {
  /** Host in the URL. */
  readonly hostname: string;
  /** Abandons the handshake. */
  readonly signal: AbortSignal;
}

/**
 * Checks a client's options, because `node:tls` ignores many mistakes.
 *
 * @throws {TypeError} If a certificate or key is unusable, or one is given without the other.
 */
export function checkTlsClient({ caCerts = [], cert, key }: TlsClientOptions): void {
  const checks = new PemChecks("Cannot connect with TLS");
  checks.authorities("caCerts", caCerts);
  if (cert !== undefined && key !== undefined) checks.identity({ cert, key });
  else if (cert !== key) throw checks.fault("options cert and key must be given together");
}

/** Puts TLS on top of a connection, as the client, with options that have been checked. */
export async function tlsClient(dialed: Dialed, options: TlsClientContext): Promise<Dialed> {
  const source = streamOf(dialed.transport);
  const socket = await closeOnAbort(
    options.signal,
    () => source.stream.destroy(),
    secureAsClient(source.stream, options),
  );
  const transport = new StreamTransport(socket, source);
  const { address } = dialed.peer;
  return {
    transport,
    peer: { kind: "tls", address, secure: true, certificate: certificateOf(socket) },
  };
}

/** Runs the handshake as the client. `node:tls` throws at once what it cannot use of the options. */
async function secureAsClient(stream: Duplex, options: TlsClientContext): Promise<TLSSocket> {
  const { caCerts, cert, key, hostname, http, serverName = hostname } = options;
  const { isIP } = builtin("node:net");
  const socket = builtin("node:tls").connect({
    socket: stream,
    host: serverName,
    // This field (SNI) cannot hold an IP address; the certificate is verified against it
    // nonetheless.
    servername: isIP(serverName) === 0 ? serverName : "",
    // This holds whatever the environment variable NODE_TLS_REJECT_UNAUTHORIZED says.
    rejectUnauthorized: true,
    ...(caCerts && { ca: [...caCerts] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(http && { ALPNProtocols: ["http/1.1"] }),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
    onceOver(stream, reject);
  });
  return socket;
}

/** How a server identifies itself in one handshake. */
interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** Puts TLS on top of accepted connections. */
export class TlsAcceptor {
  readonly #options: TlsServerOptions & Inside;
  readonly #identity: () => Identity;
  /** The last one that was found usable. */
  #checked: Identity;

  /**
   * Checks the options.
   *
   * @throws {TypeError} If the certificate or the key is missing or unusable.
   */
  constructor(options: TlsServerOptions & Inside) {
    const { cert, key, clientCaCerts = [] } = options;
    const checks = new PemChecks("Cannot listen with TLS");
    if (cert === undefined || key === undefined) {
      throw checks.fault("options cert and key are required");
    }
    this.#identity = () => ({ cert: current(cert), key: current(key) });
    this.#checked = this.#identity();
    checks.identity(this.#checked);
    checks.authorities("clientCaCerts", clientCaCerts);
    this.#options = options;
  }

  /**
   * Runs the handshake.
   *
   * @throws {HandshakeError} If it fails; the connection is then closed.
   */
  async handshake(dialed: Dialed): Promise<Dialed> {
    const { address } = dialed.peer;
    const identity = this.#identityFor(dialed);
    const source = streamOf(dialed.transport);
    try {
      const socket = await this.#secured(source.stream, identity).catch((error) => {
        source.stream.destroy();
        throw error;
      });
      const transport = new StreamTransport(socket, source);
      const certificate = certificateOf(socket);
      const refusal = this.#refusalOf(socket, certificate);
      if (refusal !== undefined) {
        transport.close();
        throw new Error(refusal);
      }
      return { transport, peer: { kind: "tls", address, secure: true, certificate } };
    } catch (error) {
      const fact = (error as { code?: unknown })?.code === "ERR_SSL_WRONG_VERSION_NUMBER"
        ? "the peer does not speak TLS"
        : `TLS handshake failed, ${factOf(error)}`;
      const isProbe = !source.isHeard && isGone(error);
      throw new HandshakeError(address, fact, { cause: error, isProbe });
    }
  }

  /**
   * Returns the current certificate and key, and checks them if they are new: a renewed certificate
   * may be only half written, or its key may be missing.
   *
   * @throws {HandshakeError} If they are unusable; the connection is then closed.
   */
  #identityFor({ transport, peer }: Dialed): Identity {
    try {
      const now = this.#identity();
      if (now.cert !== this.#checked.cert || now.key !== this.#checked.key) {
        new PemChecks("Cannot show it").identity(now);
        this.#checked = now;
      }
      return now;
    } catch (error) {
      transport.close();
      const fact = `the server has no certificate, ${factOf(error)}`;
      throw new HandshakeError(peer.address, fact, { cause: error });
    }
  }

  async #secured(stream: Duplex, identity: Identity): Promise<TLSSocket> {
    const { clientCaCerts, http } = this.#options;
    // A server for one connection, which does not listen: this is the public way to put TLS on a
    // stream as the server, with the client's certificate checked, and to know which stream it is.
    const server = builtin("node:tls").createServer({
      ...identity,
      ...(clientCaCerts && { ca: [...clientCaCerts], requestCert: true }),
      // Refusing here would not reveal the reason.
      rejectUnauthorized: false,
      // Never: the caller sets a deadline. The server's own timer would keep a failed handshake for
      // two minutes.
      handshakeTimeout: -1,
      ...(http && { ALPNProtocols: ["http/1.1"] }),
    });
    const done = new Promise<TLSSocket>((resolve, reject) => {
      server.once("secureConnection", resolve);
      server.on("tlsClientError", reject);
      onceOver(stream, reject);
    });
    server.emit("connection", stream);
    return await done;
  }

  /** Returns why a client is not let in, or undefined if it is. */
  #refusalOf(socket: TLSSocket, certificate: PeerCertificate | undefined): string | undefined {
    const { clientCaCerts, requireClientCert = true } = this.#options;
    if (socket.authorized) return undefined;
    if (certificate !== undefined) {
      return `the certificate of the client is refused: ${factOf(socket.authorizationError)}`;
    }
    const isRequired = clientCaCerts !== undefined && requireClientCert;
    return isRequired ? "the client presented no certificate" : undefined;
  }
}

/** Returns the current value of an option. */
function current(pem: string | (() => string)): string {
  return typeof pem === "function" ? pem() : pem;
}

/** Rejects a handshake once nothing more can arrive for it. */
function onceOver(stream: Duplex, reject: (error: Error) => void): void {
  const over = () => reject(new TransportClosedError("connection closed during the handshake"));
  stream.once("error", reject).once("end", over).once("close", over);
}

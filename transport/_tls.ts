/**
 * TLS on both sides.
 *
 * By `node:tls` on top of TCP: Deno's own TLS connections leave Nagle's algorithm on, which makes
 * small messages wait for 40 milliseconds, do not tell who the client is, and stay open behind the
 * scenes when they are closed during a handshake.
 *
 * @module
 */

import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { builtin } from "./_builtin.ts";
import { certificateOf } from "./_certificate.ts";
import { closeOnAbort } from "./_deadline.ts";
import { streamOf, StreamTransport } from "./_node_stream.ts";
import { PemChecks } from "./_pem_checks.ts";
import { factOf, HandshakeError } from "./errors.ts";
import type { Dialed, PeerCertificate } from "./transport.ts";

/** How a client verifies the server, and shows who it is. */
export interface TlsClientOptions {
  /** Certificate authorities to trust, in PEM form, in place of those that Deno trusts. */
  caCerts?: readonly string[];
  /** The client's certificate chain in PEM form, for servers that ask. */
  cert?: string;
  /** The private key of the client's certificate in PEM form. */
  key?: string;
  /** The name that the server's certificate must be for, if other than the host in the URL. */
  serverName?: string;
}

/** How a server shows who it is, and whom it lets in. */
export interface TlsServerOptions {
  /**
   * The server's certificate chain in PEM form. A function is asked at each handshake: a certificate that it
   * gives anew is that of new connections, and ends no others.
   */
  cert?: string | (() => string);
  /** The private key of the server's certificate in PEM form, or a function that gives it. */
  key?: string | (() => string);
  /** Authorities in PEM form that sign the certificates of clients; clients are asked if given. */
  clientCaCerts?: readonly string[];
  /** Whether a client needs a certificate where `clientCaCerts` are given; `true` unless given. */
  requireClientCert?: boolean;
}

/** What both sides say to each other about what is inside of TLS. */
interface Inside {
  /** Whether HTTP comes inside, which one then announces (ALPN). */
  readonly http: boolean;
}

/** Options of {@linkcode tlsClient} beside the caller's. */
export interface TlsClientContext extends TlsClientOptions, Inside {
  /** Host in the URL. */
  readonly hostname: string;
  /** Gives the handshake up. */
  readonly signal: AbortSignal;
}

/**
 * Checks a client's options, of which `node:tls` passes over much that is wrong.
 *
 * @throws {TypeError} If a certificate or a key is of no use, or one is there without the other.
 */
export function checkTlsClient({ caCerts = [], cert, key }: TlsClientOptions): void {
  const checks = new PemChecks("Cannot connect with TLS");
  checks.authorities("caCerts", caCerts);
  if (cert !== undefined && key !== undefined) checks.identity(cert, key);
  else if (cert !== key) throw checks.fault("options cert and key are needed together");
}

/** Puts TLS on top of a connection, as the client; its options were checked. */
export async function tlsClient(dialed: Dialed, options: TlsClientContext): Promise<Dialed> {
  const { caCerts, cert, key, hostname, http, signal, serverName = hostname } = options;
  const { connect } = builtin("node:tls");
  const { isIP } = builtin("node:net");
  const source = streamOf(dialed.transport);
  const socket = connect({
    socket: source.stream,
    host: serverName,
    // The protocol has no place for an address; it is verified all the same.
    servername: isIP(serverName) === 0 ? serverName : "",
    // Whatever the environment of Node's programs says.
    rejectUnauthorized: true,
    ...(caCerts && { ca: [...caCerts] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(http && { ALPNProtocols: ["http/1.1"] }),
  });
  const done = new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
    onceOver(source.stream, reject);
  });
  await closeOnAbort(signal, () => source.stream.destroy(), done);
  const transport = new StreamTransport(socket, source);
  const { address } = dialed.peer;
  return {
    transport,
    peer: { kind: "tls", address, secure: true, certificate: certificateOf(socket) },
  };
}

/** Puts TLS on top of accepted connections. */
export class TlsAcceptor {
  readonly #options: TlsServerOptions & Inside;

  /**
   * Checks the options.
   *
   * @throws {TypeError} If the certificate or the key is missing or of no use.
   */
  constructor(options: TlsServerOptions & Inside) {
    const { cert, key, clientCaCerts = [] } = options;
    const checks = new PemChecks("Cannot listen with TLS");
    if (cert === undefined || key === undefined) {
      throw checks.fault("options cert and key are needed");
    }
    checks.identity(current(cert), current(key));
    checks.authorities("clientCaCerts", clientCaCerts);
    this.#options = options;
  }

  /**
   * Runs the handshake.
   *
   * @throws {HandshakeError} If it fails; the connection is closed then.
   */
  async handshake(dialed: Dialed): Promise<Dialed> {
    const { address } = dialed.peer;
    const source = streamOf(dialed.transport);
    try {
      const socket = await this.#secured(source.stream).catch((error) => {
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
      throw new HandshakeError(address, fact, { cause: error, isProbe: !source.isHeard });
    }
  }

  async #secured(stream: Duplex): Promise<TLSSocket> {
    const { cert, key, clientCaCerts, http } = this.#options;
    // A server for one connection that does not listen: the public way to put TLS on a stream as
    // the server, with the client's certificate checked, and to know which stream it was.
    const server = builtin("node:tls").createServer({
      cert: current(cert!),
      key: current(key!),
      ...(clientCaCerts && { ca: [...clientCaCerts], requestCert: true }),
      // It would not tell why.
      rejectUnauthorized: false,
      // Never: who calls sees to the time. Its own timer would keep what has failed for two minutes.
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

  /** Says why a client is not let in, if it is not. */
  #refusalOf(socket: TLSSocket, certificate: PeerCertificate | undefined): string | undefined {
    const { clientCaCerts, requireClientCert = true } = this.#options;
    if (socket.authorized) return undefined;
    if (certificate !== undefined) {
      return `the certificate of the client is refused: ${factOf(socket.authorizationError)}`;
    }
    const isRequired = clientCaCerts !== undefined && requireClientCert;
    return isRequired ? "the client has shown no certificate" : undefined;
  }
}

/** Gives an option as it is now. */
function current(pem: string | (() => string)): string {
  return typeof pem === "function" ? pem() : pem;
}

/** Tells when there is nothing more to come for a handshake. */
function onceOver(stream: Duplex, reject: (error: Error) => void): void {
  const over = () => reject(new Error("connection closed during the handshake"));
  stream.once("error", reject).once("end", over).once("close", over);
}

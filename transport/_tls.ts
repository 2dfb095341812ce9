/**
 * TLS on both sides.
 *
 * Deno's own TLS connections leave Nagle's algorithm on, which makes small messages wait for 40
 * milliseconds, and do not tell who the client is. So TCP comes first, without delay, and TLS is
 * put on top: by `Deno.startTls` for a client without a certificate, else by `node:tls`.
 *
 * @module
 */

import type { TLSSocket } from "node:tls";
import { certificateOf } from "./_certificate.ts";
import { closeOnAbort } from "./_deadline.ts";
import { builtin, streamOf, StreamTransport } from "./_node_stream.ts";
import { hostAndPort, SocketTransport } from "./_socket.ts";
import { factOf, HandshakeError } from "./errors.ts";
import type { Dialed, Peer } from "./transport.ts";

/** How a client verifies the server, and shows who it is. */
export interface TlsClientOptions {
  /** Certificate authorities in PEM form, in addition to the usual ones. */
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
  /** The server's certificate chain in PEM form. */
  cert?: string;
  /** The private key of the server's certificate in PEM form. */
  key?: string;
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

/** Puts TLS on top of a TCP connection, as the client. */
export async function tlsClient(conn: Deno.TcpConn, options: TlsClientContext): Promise<Dialed> {
  const { caCerts = [], cert, key, hostname, http, signal, serverName = hostname } = options;
  conn.setNoDelay(true);
  const { remoteAddr } = conn;
  const peer: Peer = {
    kind: "tls",
    address: hostAndPort(remoteAddr.hostname, remoteAddr.port),
    secure: true,
  };
  if (cert === undefined && key === undefined) {
    const tls = await Deno.startTls(conn, {
      hostname: serverName,
      caCerts: [...caCerts],
      ...(http && { alpnProtocols: ["http/1.1"] }),
    });
    const transport = new SocketTransport(tls);
    await closeOnAbort(signal, () => transport.close(), tls.handshake());
    return { transport, peer };
  }
  const { connect, rootCertificates } = builtin("node:tls");
  const { isIP } = builtin("node:net");
  const source = streamOf(new SocketTransport(conn));
  const socket = connect({
    socket: source.stream,
    host: serverName,
    servername: isIP(serverName) === 0 ? serverName : "",
    ca: [...rootCertificates, ...caCerts],
    cert,
    key,
    ...(http && { ALPNProtocols: ["http/1.1"] }),
  });
  const done = new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("connection closed")));
  });
  await closeOnAbort(signal, () => socket.destroy(), done);
  return { transport: new StreamTransport(socket, source), peer };
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
    if (cert === undefined || key === undefined) {
      throw new TypeError("Cannot listen with TLS: options cert and key are needed");
    }
    const { X509Certificate, createPrivateKey } = builtin("node:crypto");
    const check = (what: string, valid: () => boolean) => {
      let fact = "";
      try {
        if (valid()) return;
      } catch (error) {
        fact = `: ${factOf(error)}`;
      }
      throw new TypeError(`Cannot listen with TLS: ${what}${fact}`);
    };
    check("option cert is not a PEM certificate", () => new X509Certificate(cert) !== undefined);
    check("option key is not a PEM private key", () => createPrivateKey(key) !== undefined);
    check(
      "option key is not the key of option cert",
      () => new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)),
    );
    for (const ca of clientCaCerts) {
      check("option clientCaCerts is not PEM certificates", () => !!new X509Certificate(ca));
    }
    this.#options = options;
  }

  /**
   * Runs the handshake.
   *
   * @throws {HandshakeError} If it fails; the connection is closed then.
   */
  async handshake(dialed: Dialed, signal: AbortSignal): Promise<Dialed> {
    const { cert, key, clientCaCerts, requireClientCert = true, http } = this.#options;
    const { address } = dialed.peer;
    // A server for one connection that does not listen: the public way to put TLS on a stream as
    // the server, with the client's certificate checked, and to know which stream it was.
    const server = builtin("node:tls").createServer({
      cert,
      key,
      ...(clientCaCerts && { ca: [...clientCaCerts], requestCert: true }),
      rejectUnauthorized: clientCaCerts !== undefined && requireClientCert,
      ...(http && { ALPNProtocols: ["http/1.1"] }),
    });
    const source = streamOf(dialed.transport);
    const { stream } = source;
    const done = new Promise<TLSSocket>((resolve, reject) => {
      server.once("secureConnection", resolve);
      server.on("tlsClientError", reject);
      stream.once("error", reject);
      stream.once("close", () => reject(new Error("connection closed during the handshake")));
    });
    server.emit("connection", stream);
    try {
      const socket = await closeOnAbort(signal, () => stream.destroy(), done);
      const transport = new StreamTransport(socket, source);
      const certificate = certificateOf(socket);
      if (certificate !== undefined && !socket.authorized) {
        transport.close();
        throw socket.authorizationError;
      }
      return { transport, peer: { kind: "tls", address, secure: true, certificate } };
    } catch (error) {
      const fact = (error as { code?: unknown })?.code === "ERR_SSL_WRONG_VERSION_NUMBER"
        ? "the peer does not speak TLS"
        : `TLS handshake failed, ${factOf(error)}`;
      throw new HandshakeError(address, fact, { cause: error });
    }
  }
}

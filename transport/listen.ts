/**
 * Listens for connections.
 *
 * @module
 */

import { factOf, ListenError } from "./base/errors.ts";
import { hostAndPort } from "./base/host.ts";
import type { Dialed, ListenAddr, Listener } from "./base/transport.ts";
import { type AcceptOptions, type Acceptor, TcpAcceptor, UnixAcceptor } from "./stream/acceptor.ts";
import { TlsAcceptor, type TlsServerOptions } from "./stream/tls.ts";
import { DEFAULT_PORT, parseUrl, type PBScheme } from "./url.ts";
import { FramedTransport } from "./websocket/framed_transport.ts";
import {
  type Handshake,
  HandshakeAcceptor,
  type HandshakeOptions,
  handshakeOptions,
} from "./websocket/handshake_acceptor.ts";
import { webSocketLimits, type WebSocketOptions } from "./websocket/websocket_options.ts";
import { openAsServer, type UpgradePolicy, WINDOWED } from "./websocket/websocket_handshake.ts";

/** Options for {@linkcode listen}. */
export interface ListenOptions
  extends TlsServerOptions, UpgradePolicy, WebSocketOptions, HandshakeOptions, AcceptOptions {
  /** Where to listen, instead of `hostname`, `port` and `path`. */
  url?: string | URL;
  /** Address to listen at. Defaults to `0.0.0.0`, which means every IPv4 address of the machine. */
  hostname?: string;
  /** Port to listen at, or 0 to let the system choose. Defaults to 8787. */
  port?: number;
  /**
   * Path of a Unix socket to listen at instead. A file that a server left behind is replaced, and
   * the file is removed when the listener closes.
   */
  path?: string;
  /**
   * Permissions of the Unix socket, such as `0o600`. Defaults to those of any new file of the
   * process.
   */
  mode?: number;
  /**
   * Whether several processes may share the port, on Linux; Deno requires `--unstable-net` for it.
   * Defaults to false.
   */
  reusePort?: boolean;
}

/** The place to listen at, from a URL or from options. */
interface Place {
  readonly scheme: PBScheme;
  readonly hostname: string;
  readonly port: number;
  readonly path: string;
}

/**
 * Listens for connections: on TCP (`pb`), with TLS (`pbs`), on a Unix socket (`pb+unix`), or for
 * WebSocket (`ws`, `wss`), with a small server of its own. To serve other pages too, use
 * {@linkcode upgradeWebSocket}.
 *
 * @example Two peers, each known by its address
 * ```ts
 * import { dial, listen } from "@perspective/broker/transport";
 * import { assertEquals, assertMatch } from "@std/assert";
 *
 * await using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const here = await dial(listener.url);
 * const there = await listener.accept();
 * assertEquals(there?.peer.kind, "tcp");
 * assertMatch(there?.peer.address ?? "", /^127\.0\.0\.1:/);
 * here.transport.close();
 * there?.transport.close();
 * ```
 *
 * @param options Where and how to listen, or just a URL.
 * @returns The listener, which is already listening.
 * @throws {TypeError} If the options contradict each other, or the certificate is unusable.
 * @throws {RangeError} If the port is not an integer from 0 to 65535, or another number makes no
 * sense.
 * @throws {ListenError} If the program cannot listen there. If the file of a Unix socket
 *   already exists, it takes a while to find out whether a server listens on it, so it is
 *   `accept()` that rejects.
 */
export function listen(options: ListenOptions | string | URL): Listener {
  if (typeof options === "string" || options instanceof URL) options = { url: options };
  const place = placeOf(options);
  const url = urlOf(place);
  // Checked before anything is opened.
  checkMode(options);
  checkTlsOptions(place, options);
  handshakeOptions(options);
  webSocketLimits(options);
  try {
    if (place.scheme === "pb+unix") {
      const { path } = place;
      const acceptor = new UnixAcceptor(path, options);
      return new AcceptorListener(acceptor, { transport: "unix", path }, url);
    }
    const handshake = handshakeFor(place, options);
    const socket = listenTcp(place, options.reusePort ?? false);
    const { hostname, port } = socket.addr;
    const addr: ListenAddr = { transport: "tcp", hostname, port };
    const tcp = new TcpAcceptor(socket, options);
    const acceptor = handshake ? new HandshakeAcceptor(tcp, handshake, options) : tcp;
    return new AcceptorListener(acceptor, addr, urlOf({ ...place, port }));
  } catch (error) {
    if (error instanceof TypeError) throw error;
    throw new ListenError(url, factOf(error), { cause: error });
  }
}

function placeOf(options: ListenOptions): Place {
  const { url, hostname, port, path } = options;
  if (url !== undefined) {
    if (hostname !== undefined || port !== undefined || path !== undefined) {
      throw new TypeError("Cannot listen: give a URL, or hostname, port and path, but not both");
    }
    const parsed = parseUrl(url);
    if (parsed.username !== undefined || parsed.objectName !== "root") {
      throw new TypeError(
        `Cannot listen on "${parsed.href}": a server's URL cannot have a user or an object`,
      );
    }
    if (parsed.scheme !== "pb+unix" && parsed.path.includes("?")) {
      throw new TypeError(`Cannot listen on "${parsed.href}": a server's URL cannot have a query`);
    }
    return parsed;
  }
  if (path !== undefined) {
    if (hostname !== undefined || port !== undefined) {
      throw new TypeError("Cannot listen: a Unix socket has a path, but no hostname and port");
    }
    if (path === "") throw new TypeError("Cannot listen: the path of a Unix socket is empty");
    return { scheme: "pb+unix", hostname: "", port: 0, path };
  }
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65536)) {
    throw new RangeError(`Cannot listen on port "${port}": it is not an integer from 0 to 65535`);
  }
  const scheme = wantsTls(options) ? "pbs" : "pb";
  return { scheme, hostname: hostname ?? "0.0.0.0", port: port ?? DEFAULT_PORT, path: "" };
}

/** Returns whether any option is about TLS: if others are missing, that must not go unnoticed. */
function wantsTls({ cert, key, clientCaCerts }: ListenOptions): boolean {
  return cert !== undefined || key !== undefined || clientCaCerts !== undefined;
}

/**
 * Checks permissions, which may be in decimal by mistake: 600 is 0o1130, which locks the owner out.
 */
function checkMode({ mode = 0 }: ListenOptions): void {
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0o777) return;
  throw new RangeError(
    `Cannot set mode to "${mode}": it is not an integer from 0 to 0o777, such as 0o600`,
  );
}

/** Checks that no option about TLS goes unnoticed. */
function checkTlsOptions({ scheme }: Place, options: ListenOptions): void {
  const { clientCaCerts, requireClientCert = false } = options;
  if (requireClientCert && clientCaCerts === undefined) {
    throw new TypeError("Cannot listen: option requireClientCert needs clientCaCerts");
  }
  if (scheme === "pbs" || scheme === "wss" || !wantsTls(options)) return;
  throw new TypeError(
    "Cannot listen: options cert, key and clientCaCerts need TLS, such as a pbs: URL",
  );
}

/** Returns the URL by which a program on the same machine reaches the place. */
function urlOf({ scheme, hostname, port, path }: Place): string {
  if (scheme === "pb+unix") {
    const absolute = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
    return `pb+unix://${absolute.split("/").map(encodeURIComponent).join("/")}`;
  }
  const near = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
  return `${scheme}://${hostAndPort(near, port)}${path}`;
}

/** Returns the handshake that connections must complete before they are accepted, if any. */
function handshakeFor(place: Place, options: ListenOptions): Handshake | undefined {
  const { scheme } = place;
  if (scheme === "pb") return undefined;
  const tls = scheme === "ws" ? undefined : new TlsAcceptor({ ...options, http: scheme === "wss" });
  const web = scheme === "pbs" ? undefined : webSocketHandshake(place, options);
  if (tls === undefined) return web;
  return async (dialed) => {
    const secured = await tls.handshake(dialed);
    return await web?.(secured) ?? secured;
  };
}

function webSocketHandshake(
  { path }: Place,
  { origins, hosts, ...options }: ListenOptions,
): Handshake {
  const policy = { origins, hosts, path };
  const limits = webSocketLimits(options);
  return async (dialed) => {
    const { transport: conn, peer } = dialed;
    const { protocol, headers, early, last } = await openAsServer(dialed, policy);
    const windowed = protocol === WINDOWED;
    const transport = new FramedTransport(conn, {
      client: false,
      windowed,
      early,
      handshake: last,
      ...limits,
    });
    const origin = headers.get("origin");
    return { transport, peer: { ...peer, kind: "websocket", origin, protocol } };
  };
}

function listenTcp({ hostname, port }: Place, reusePort: boolean): Deno.TcpListener {
  // If the flag is missing, Deno exits the whole program; the same flag provides this function.
  if (reusePort && !("listenDatagram" in Deno)) {
    throw new Error("option reusePort needs Deno to be run with --unstable-net");
  }
  return Deno.listen({ hostname, port, ...(reusePort && { reusePort }) });
}

class AcceptorListener implements Listener {
  readonly #acceptor: Acceptor;
  readonly addr: ListenAddr;
  readonly url: string;

  constructor(acceptor: Acceptor, addr: ListenAddr, url: string) {
    this.#acceptor = acceptor;
    this.addr = addr;
    this.url = url;
  }

  accept(): Promise<Dialed | null> {
    return this.#acceptor.accept();
  }

  close(): void {
    this.#acceptor.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}

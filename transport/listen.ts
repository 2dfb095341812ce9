/**
 * Listening for connections.
 *
 * @module
 */

import { type Acceptor, TcpAcceptor, UnixAcceptor } from "./_acceptor.ts";
import { HandshakeAcceptor, type HandshakeOptions } from "./_handshake_acceptor.ts";
import { hostAndPort } from "./_socket.ts";
import { TlsAcceptor, type TlsServerOptions } from "./_tls.ts";
import { factOf, ListenError } from "./errors.ts";
import type { Dialed, ListenAddr, Listener } from "./transport.ts";
import { DEFAULT_PORT, parseUrl, type PBScheme } from "./url.ts";

/** Options for {@linkcode listen}. */
export interface ListenOptions extends TlsServerOptions, HandshakeOptions {
  /** Where to listen, instead of `hostname`, `port` and `path`. */
  url?: string | URL;
  /** Address to listen at; `0.0.0.0`, which is every IPv4 address of the machine, unless given. */
  hostname?: string;
  /** Port to listen at, 0 for one that the system chooses; 8787 unless given. */
  port?: number;
  /**
   * Path of a Unix socket to listen at instead. The file of a server that is gone is replaced, and
   * the file is removed when the listener closes.
   */
  path?: string;
  /** Permissions of the Unix socket, such as `0o600`; what the process gives to new files otherwise. */
  mode?: number;
  /** Lets several processes share the port, on Linux; Deno wants `--unstable-net` for it. */
  reusePort?: boolean;
}

/** What is listened to, by URL or by options. */
interface Place {
  readonly scheme: PBScheme;
  readonly hostname: string;
  readonly port: number;
  readonly path: string;
}

/**
 * Listens for connections: on TCP (`pb`), with TLS (`pbs`), or on a Unix socket (`pb+unix`).
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
 * @param options Where and how; a URL alone says where.
 * @returns The listener, which listens already.
 * @throws {TypeError} If the options contradict each other, or the certificate is of no use.
 * @throws {ListenError} If the place cannot be had; a Unix socket that another server may have
 *   left behind is tried first, so that `accept()` is what rejects.
 */
export function listen(options: ListenOptions | string | URL): Listener {
  if (typeof options === "string" || options instanceof URL) options = { url: options };
  const place = placeOf(options);
  const url = urlOf(place);
  try {
    if (place.scheme === "pb+unix") {
      const { path } = place;
      const acceptor = new UnixAcceptor(path, options.mode);
      return new AcceptorListener(acceptor, { transport: "unix", path }, url);
    }
    const tls = place.scheme === "pbs" ? new TlsAcceptor({ ...options, http: false }) : undefined;
    const socket = listenTcp(place, options.reusePort ?? false);
    const { port } = socket.addr;
    const addr: ListenAddr = { transport: "tcp", hostname: socket.addr.hostname, port };
    const source = new TcpAcceptor(socket);
    const acceptor = tls === undefined ? source : new HandshakeAcceptor(
      source,
      (dialed, signal) => tls.handshake(dialed, signal),
      options,
    );
    return new AcceptorListener(acceptor, addr, urlOf({ ...place, port }));
  } catch (error) {
    if (error instanceof TypeError) throw error;
    throw new ListenError(url, factOf(error), { cause: error });
  }
}

function placeOf(options: ListenOptions): Place {
  const { url, hostname, port, path, cert } = options;
  if (url !== undefined) {
    if (hostname !== undefined || port !== undefined || path !== undefined) {
      throw new TypeError("Cannot listen: give a URL, or hostname, port and path, but not both");
    }
    const parsed = parseUrl(url);
    if (parsed.username !== undefined || parsed.objectName !== "root") {
      throw new TypeError(
        `Cannot listen on "${parsed.href}": user and object are for those who connect`,
      );
    }
    return parsed;
  }
  if (path !== undefined) {
    if (hostname !== undefined || port !== undefined) {
      throw new TypeError("Cannot listen: a Unix socket has a path, but no hostname and port");
    }
    return { scheme: "pb+unix", hostname: "", port: 0, path };
  }
  const scheme = cert === undefined ? "pb" : "pbs";
  return { scheme, hostname: hostname ?? "0.0.0.0", port: port ?? DEFAULT_PORT, path: "" };
}

/** How a program on the same machine reaches the place. */
function urlOf({ scheme, hostname, port, path }: Place): string {
  if (scheme === "pb+unix") return `pb+unix://${encodeURI(path)}`;
  const near = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
  return `${scheme}://${hostAndPort(near, port)}${path}`;
}

function listenTcp({ hostname, port }: Place, reusePort: boolean): Deno.TcpListener {
  // Deno ends the whole program if the flag is missing; this function comes with the same flag.
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

/**
 * Opens connections to URLs.
 *
 * @module
 */

import { closeOnAbort, withDeadline } from "./base/deadline.ts";
import { ConnectError, factOf } from "./base/errors.ts";
import { bracketed, hostAndPort } from "./base/host.ts";
import type { Dialed } from "./base/transport.ts";
import { checkDialNumbers } from "./dial_checks.ts";
import { tcpDialed, unixDialed } from "./stream/socket.ts";
import { checkTlsClient, tlsClient, type TlsClientOptions } from "./stream/tls.ts";
import { parseUrl, type PBUrl } from "./url.ts";
import { FramedTransport } from "./websocket/framed_transport.ts";
import { openWebSocket } from "./websocket/websocket.ts";
import { webSocketLimits, type WebSocketOptions } from "./websocket/websocket_options.ts";
import { openAsClient, WINDOWED } from "./websocket/websocket_handshake.ts";

/** Options for {@linkcode dial}. */
export interface DialOptions extends TlsClientOptions, WebSocketOptions {
  /** Aborts the attempt to connect; has no effect on an established connection. */
  signal?: AbortSignal | undefined;
  /** Milliseconds within which the connection must be established. Defaults to 30,000. */
  timeout?: number;
  /**
   * Headers of the request that opens a WebSocket, such as `Authorization`; ignored in browsers.
   */
  headers?: HeadersInit;
}

/**
 * Opens a connection to a URL: `pb` (TCP), `pbs` (TLS), `pb+unix` (a Unix socket), `ws` or `wss`
 * (WebSocket, which is all that a browser has).
 *
 * @example To a listener of this program
 * ```ts
 * import { dial, listen } from "@perspective/broker/transport";
 * import { assertEquals } from "@std/assert";
 *
 * await using listener = listen("pb://127.0.0.1:0");
 * const [here, there] = await Promise.all([dial(listener.url), listener.accept()]);
 * await here.transport.write(Uint8Array.of(1, 2, 3));
 * assertEquals(await there?.transport.read(new Uint8Array(8)), 3);
 * here.transport.close();
 * there?.transport.close();
 * ```
 *
 * @param url The URL, or its parsed form; a user, a password and an object's name in it are left to
 * the caller.
 * @param options Options for connecting.
 * @returns The connection.
 * @throws {TypeError} If the URL is unusable, or, with TLS, a certificate or key in the options is.
 * @throws {RangeError} If a number in the options makes no sense.
 * @throws {ConnectError} If the connection cannot be opened.
 */
export async function dial(url: string | URL | PBUrl, options: DialOptions = {}): Promise<Dialed> {
  const { timeout = 30_000, signal } = options;
  checkDialNumbers(options);
  const target = typeof url === "string" || url instanceof URL ? parseUrl(url) : url;
  // A browser manages certificates itself.
  if (target.secure && typeof Deno !== "undefined") checkTlsClient(options);
  try {
    return await withDeadline(
      { timeout, signal },
      (signal) => dialTarget(target, { ...options, signal }),
    );
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new ConnectError(target.href, factOf(error), { cause: error });
  }
}

type DialContext = DialOptions & { readonly signal: AbortSignal };

async function dialTarget(target: PBUrl, options: DialContext): Promise<Dialed> {
  const { scheme, hostname, port, path, secure, href } = target;
  if (typeof Deno === "undefined") {
    if (scheme === "ws" || scheme === "wss") return await openWebSocket(href, options);
    throw new Error("a browser can connect only to ws and wss URLs");
  }
  if (scheme === "pb+unix") {
    return unixDialed(await Deno.connect({ transport: "unix", path }), path);
  }
  const { signal } = options;
  const http = scheme === "ws" || scheme === "wss";
  let dialed = tcpDialed(await connectTcp(hostname, port, signal));
  if (secure) dialed = await tlsClient(dialed, { ...options, hostname, http });
  return http ? await dialWebSocket(dialed, target, options) : dialed;
}

/** Opens a TCP connection, and closes one that is established just as the signal aborts. */
async function connectTcp(
  hostname: string,
  port: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  const attempt = new AbortController();
  // Deno calls this in the end, even if the connection has been established; if it threw then,
  // nothing would close the connection.
  attempt.signal.throwIfAborted = () => {};
  const conn = await closeOnAbort(
    signal,
    () => attempt.abort(),
    Deno.connect({ hostname, port, signal: attempt.signal }),
  );
  if (!signal.aborted) return conn;
  conn.close();
  throw signal.reason;
}

/**
 * Opens a WebSocket on a connection. Deno's own client is not used: it delays small messages by 40
 * milliseconds (Nagle's algorithm) and cannot make a server wait.
 */
async function dialWebSocket(
  { transport: conn, peer }: Dialed,
  { hostname, port, path, secure }: PBUrl,
  options: DialContext,
): Promise<Dialed> {
  const isUsualPort = port === (secure ? 443 : 80);
  const host = isUsualPort ? bracketed(hostname) : hostAndPort(hostname, port);
  const { protocol, early } = await closeOnAbort(
    options.signal,
    () => conn.close(),
    openAsClient(conn, { host, path, headers: options.headers }),
  );
  const windowed = protocol === WINDOWED;
  const limits = webSocketLimits(options);
  const transport = new FramedTransport(conn, { client: true, windowed, early, ...limits });
  return { transport, peer: { ...peer, kind: "websocket", protocol } };
}

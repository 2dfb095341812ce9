/**
 * Connects by WebSocket: bytes in binary messages, in pieces of any size.
 *
 * @module
 */

import { millisecondsOrNone } from "../base/checks.ts";
import { closeOnAbort, orAborted } from "../base/deadline.ts";
import { TransportClosedError } from "../base/errors.ts";
import { hostAndPort } from "../base/host.ts";
import { oneLine } from "../base/printable.ts";
import type { Dialed, Peer } from "../base/transport.ts";
import { EventTransport } from "./_event_transport.ts";
import { webSocketLimits, type WebSocketOptions } from "./websocket_options.ts";
import { judgeUpgrade, PLAIN, type UpgradePolicy, WINDOWED } from "./websocket_handshake.ts";

/** Options for {@linkcode upgradeWebSocket}. */
export interface UpgradeOptions extends WebSocketOptions, UpgradePolicy {
  /** Address of the peer, from the second argument of a handler of `Deno.serve`. */
  remoteAddr?: Deno.Addr;
  /**
   * Whether the bytes are encrypted in transit, by `Deno.serve` or a proxy with TLS, which the
   * request does not reveal: the scheme of its URL is up to the client. Defaults to false.
   */
  secure?: boolean;
  /**
   * Milliseconds of silence before `Deno.serve` pings the peer; if the peer stays silent, the
   * connection is closed. 0 means never. Defaults to that of Deno, 30 seconds.
   */
  idleTimeout?: number;
}

/** What {@linkcode upgradeWebSocket} returns. */
export interface Upgrade {
  /** The response that the request's handler must return. */
  readonly response: Response;
  /** Resolves to the connection once it is established; missing if the response is a refusal. */
  readonly dialed?: Promise<Dialed>;
}

/**
 * Answers a request in a handler of `Deno.serve` by opening a WebSocket, if its origin, host and
 * sub-protocol are acceptable.
 *
 * @example A refusal
 * ```ts
 * import { upgradeWebSocket } from "@perspective/broker/transport";
 * import { assertEquals } from "@std/assert";
 *
 * const { response, dialed } = upgradeWebSocket(new Request("http://localhost/"));
 * assertEquals(response.status, 426);
 * assertEquals(dialed, undefined);
 * ```
 *
 * @param request The request.
 * @param options Who may connect, and limits.
 * @returns The response, and the connection unless it is a refusal.
 * @throws {RangeError} If a limit or the time is out of range.
 */
export function upgradeWebSocket(request: Request, options: UpgradeOptions = {}): Upgrade {
  const limits = webSocketLimits(options);
  if (options.idleTimeout !== undefined) millisecondsOrNone("idleTimeout", options.idleTimeout);
  const { method } = request;
  const headers = new Map(request.headers);
  const verdict = judgeUpgrade({ method, headers }, options);
  if (verdict.kind === "refused") {
    const { status, fact } = verdict;
    return { response: new Response(`${fact}\n`, { status, headers: verdict.headers }) };
  }
  const { protocol } = verdict;
  const { idleTimeout, remoteAddr, secure = false } = options;
  // Read now, because the request cannot be read after the upgrade.
  const origin = headers.get("origin");
  const { socket, response } = Deno.upgradeWebSocket(
    request,
    idleTimeout === undefined ? {} : { idleTimeout: idleTimeout / 1000 },
  );
  // Deno's own option is not used: it treats "binary,base64", Autobahn's offer, as one name.
  if (protocol !== undefined) response.headers.set("sec-websocket-protocol", protocol);
  const peer: Peer = {
    kind: "websocket",
    address: remoteAddr === undefined ? "" : addressOf(remoteAddr),
    secure,
    origin,
    protocol,
  };
  return { response, dialed: opened(socket, peer, limits) };
}

/**
 * Opens a WebSocket with the runtime's own `WebSocket`, as a browser must; a fragment of the URL is
 * ignored.
 *
 * @throws {Error} If it does not open, for which browsers give a page no reason; or the signal's
 * reason, as soon as it aborts.
 */
export async function openWebSocket(
  url: string,
  options: WebSocketOptions & { signal: AbortSignal },
): Promise<Dialed> {
  const limits = webSocketLimits(options);
  const { signal } = options;
  signal.throwIfAborted();
  const target = new URL(url);
  const { host, protocol } = target;
  // The name of an object, which is not for the server's eyes, and which `WebSocket` refuses.
  target.hash = "";
  const socket = new WebSocket(target, [WINDOWED, PLAIN]);
  const peer: Peer = { kind: "websocket", address: host, secure: protocol === "wss:" };
  // Closing it need not settle the promise: a socket that is closed before it opens may never emit
  // an event.
  const dialed = orAborted(opened(socket, peer, limits), signal);
  return await closeOnAbort(signal, () => socket.close(), dialed);
}

/** Waits until a socket is open. */
function opened(
  socket: WebSocket,
  peer: Peer,
  limits: Required<WebSocketOptions>,
): Promise<Dialed> {
  const { promise: gone, resolve: setGone } = Promise.withResolvers<void>();
  const dialed = new Promise<Dialed>((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    socket.addEventListener("open", () => {
      // The server's socket does not know the sub-protocol that was agreed on.
      const protocol = peer.protocol ?? (socket.protocol || undefined);
      const windowed = protocol === WINDOWED;
      const transport = new EventTransport(socket, { ...limits, windowed });
      resolve({ transport, peer: { ...peer, protocol }, gone });
    });
    socket.addEventListener("error", () => {
      if (socket.readyState !== socket.CLOSED) return;
      // Usually "close" follows at once, with more information. In Chromium it does not if the
      // page's content security policy forbids the connection.
      timer = setTimeout(() => {
        setGone();
        reject(
          new TransportClosedError("WebSocket failed before it was open, and no reason was given"),
        );
      }, 0);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      clearTimeout(timer);
      setGone();
      const text = reason === "" ? "" : `, which says "${oneLine(reason)}"`;
      reject(new TransportClosedError(`WebSocket closed before it was open (code ${code}${text})`));
    });
  });
  dialed.catch(() => {});
  return dialed;
}

function addressOf(addr: Deno.Addr): string {
  if ("hostname" in addr) return hostAndPort(addr.hostname, addr.port);
  return "path" in addr ? addr.path : "";
}

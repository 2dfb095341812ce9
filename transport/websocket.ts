/**
 * WebSocket: bytes in binary messages, in any pieces.
 *
 * @module
 */

import { EventTransport } from "./_event_transport.ts";
import { hostAndPort } from "./_host.ts";
import { judgeUpgrade, PLAIN, type UpgradePolicy, WINDOWED } from "./_websocket_handshake.ts";
import { positiveInteger } from "./checks.ts";
import { TransportClosedError } from "./errors.ts";
import { oneLine } from "./printable.ts";
import type { Dialed, Peer } from "./transport.ts";

/** Limits of a WebSocket connection. */
export interface WebSocketOptions {
  /** Most bytes of one message from the peer; 16 MiB unless given. */
  maxMessageSize?: number;
  /**
   * Bytes that a peer may have sent and this program not yet read, where both ends are of this
   * library and so the peer can be told to wait; 1 MiB unless given, and at least 64 KiB.
   */
  window?: number;
  /**
   * The same where the peer cannot be told and reading cannot be stopped, as in a browser or with
   * `Deno.serve` and Autobahn: the connection is closed beyond; 16 MiB unless given.
   */
  maxUnread?: number;
  /** Bytes in the buffer of the system's WebSocket up to which a write does not wait; 256 KiB. */
  highWaterMark?: number;
}

/** Options for {@linkcode upgradeWebSocket}. */
export interface UpgradeOptions extends WebSocketOptions, UpgradePolicy {
  /** Address of the peer, as the second argument of a handler of `Deno.serve` has it. */
  remoteAddr?: Deno.Addr;
  /**
   * Whether the bytes are encrypted on their way, by TLS of `Deno.serve` or of a proxy; false unless
   * given. The request does not tell: what scheme its URL has is up to the client.
   */
  secure?: boolean;
  /** Milliseconds of silence after which `Deno.serve` pings the peer, and closes if it stays silent. */
  idleTimeout?: number;
}

/** What {@linkcode upgradeWebSocket} gives. */
export interface Upgrade {
  /** What the handler of the request answers. */
  readonly response: Response;
  /** The connection, once it stands; not there if the response is a refusal. */
  readonly dialed?: Promise<Dialed>;
}

/** Fills the defaults in; throws a `RangeError` if an option is no positive integer. */
export function webSocketLimits(options: WebSocketOptions): Required<WebSocketOptions> {
  const {
    maxMessageSize = 2 ** 24,
    window = 2 ** 20,
    maxUnread = 2 ** 24,
    highWaterMark = 2 ** 18,
  } = options;
  const limits = { maxMessageSize, window, maxUnread, highWaterMark };
  for (const [name, value] of Object.entries(limits)) positiveInteger(name, value);
  return limits;
}

/**
 * Answers a request inside of any handler of `Deno.serve` by opening a WebSocket, if origin, host
 * and sub-protocol are as they should be.
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
 * @throws {RangeError} If a limit is no positive integer.
 */
export function upgradeWebSocket(request: Request, options: UpgradeOptions = {}): Upgrade {
  const limits = webSocketLimits(options);
  const { method } = request;
  const headers = new Map(request.headers);
  const verdict = judgeUpgrade({ method, headers }, options);
  if (verdict.kind === "refused") {
    const { status, fact } = verdict;
    return { response: new Response(`${fact}\n`, { status, headers: verdict.headers }) };
  }
  const { protocol } = verdict;
  const { idleTimeout, remoteAddr, secure = false } = options;
  // Read now: nothing of the request is left after the upgrade.
  const origin = headers.get("origin");
  const { socket, response } = Deno.upgradeWebSocket(
    request,
    idleTimeout === undefined ? {} : { idleTimeout: idleTimeout / 1000 },
  );
  // Not by Deno's own option: it takes "binary,base64", which is Autobahn's offer, for one name.
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
 * Opens a WebSocket by the runtime's own `WebSocket`, as a browser must.
 *
 * @throws {Error} If it does not open, for which no runtime tells a page why; or the reason of the
 * signal, at once.
 */
export async function openWebSocket(
  url: string,
  options: WebSocketOptions & { signal: AbortSignal },
): Promise<Dialed> {
  const limits = webSocketLimits(options);
  const { signal } = options;
  signal.throwIfAborted();
  const socket = new WebSocket(url, [WINDOWED, PLAIN]);
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const giveUp = () => {
    socket.close();
    // Not by its events: those of a socket that is closed before it was open may never come.
    reject(signal.reason);
  };
  signal.addEventListener("abort", giveUp, { once: true });
  const { host, protocol } = new URL(url);
  const peer: Peer = { kind: "websocket", address: host, secure: protocol === "wss:" };
  try {
    return await Promise.race([opened(socket, peer, limits), givenUp]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
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
      // The server's socket does not know what was agreed on.
      const protocol = peer.protocol ?? (socket.protocol || undefined);
      const windowed = protocol === WINDOWED;
      const transport = new EventTransport(socket, { ...limits, windowed });
      resolve({ transport, peer: { ...peer, protocol }, gone });
    });
    socket.addEventListener("error", () => {
      if (socket.readyState !== socket.CLOSED) return;
      // Mostly "close" follows at once, and has more to say. In Chromium it does not where the page's
      // content security policy is in the way.
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

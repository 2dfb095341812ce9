/**
 * Limits of WebSocket connections.
 *
 * @module
 */

import { positiveInteger } from "../base/checks.ts";

/** Limits of a WebSocket connection. */
export interface WebSocketOptions {
  /** Maximum bytes of one message from the peer; 16 MiB unless given. */
  maxMessageSize?: number;
  /**
   * Maximum bytes that the peer may have sent and this program has not read, if both ends use this
   * library, so that the peer can be told to wait; 1 MiB unless given, and at least 64 KiB.
   */
  window?: number;
  /**
   * The same if the peer cannot be told and reading cannot be stopped, as in a browser or with
   * `Deno.serve` and Autobahn: beyond it, the connection is closed; 16 MiB unless given.
   */
  maxUnread?: number;
  /**
   * Maximum bytes in the buffer of the runtime's own WebSocket before a write waits, if the peer
   * cannot tell how much it accepts; 256 KiB unless given.
   */
  highWaterMark?: number;
}

/** Fills in the defaults; throws a `RangeError` if an option is not a positive integer. */
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

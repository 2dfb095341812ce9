/**
 * Limits of WebSocket connections.
 *
 * @module
 */

import { positiveInteger } from "../base/checks.ts";

/** Limits of a WebSocket connection. */
export interface WebSocketOptions {
  /** Maximum bytes of one message from the peer. Defaults to 16 MiB. */
  maxMessageSize?: number;
  /**
   * Maximum bytes from the peer that this program has not read yet, if both ends use this library,
   * so that the peer can be told to wait. At least 64 KiB. Defaults to 1 MiB.
   */
  window?: number;
  /**
   * Maximum bytes from the peer that this program has not read yet, if the peer cannot be told to
   * wait and reading cannot be stopped, as in a browser or with `Deno.serve` and Autobahn: beyond
   * it, the connection is closed. Defaults to 16 MiB.
   */
  maxUnread?: number;
  /**
   * Maximum bytes in the buffer of the runtime's own WebSocket before a write waits, if the peer
   * cannot tell how much it accepts. Defaults to 256 KiB.
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

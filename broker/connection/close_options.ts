/**
 * How a connection is to be closed.
 *
 * @module
 */

import type { CloseReason } from "../../transport/mod.ts";

/** Options for {@linkcode Broker.close}. */
export interface CloseOptions {
  /**
   * Milliseconds that calls under way, the peer's and ours, have to finish; new calls from the peer
   * are refused meanwhile. `Infinity` waits until all have finished. Defaults to 0.
   */
  readonly graceful?: number;
  /**
   * Sent to the peer by transports that can. An error means that the connection is closed because
   * of a fault: {@linkcode Broker.closed} resolves to it. Defaults to `normal`.
   */
  readonly reason?: CloseReason | Error;
}

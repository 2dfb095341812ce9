/**
 * What a peer is told about the end of a connection.
 *
 * @module
 */

import { BananaError } from "../../jelly/banana/mod.ts";
import type { CloseReason } from "../../transport/mod.ts";
import { LimitError, LoginLimitError, ProtocolError } from "../errors/errors.ts";

/**
 * Returns why a connection is closed, in the form that transports use.
 *
 * @param error What went wrong.
 * @returns The reason; a fault of our own is not described to the peer.
 */
export function closeReason(error: unknown): CloseReason {
  if (error instanceof LoginLimitError) {
    return { kind: "policyViolation", message: error.message };
  }
  if (error instanceof LimitError || (error instanceof BananaError && error.limit !== undefined)) {
    return { kind: "tooLarge", message: error.message };
  }
  if (isFaultOfPeer(error)) return { kind: "protocolError", message: (error as Error).message };
  return { kind: "internalError", message: "" };
}

/**
 * Returns whether an error is about what the peer sent.
 *
 * @param error What went wrong.
 * @returns True if the peer broke the protocol or a limit.
 */
export function isFaultOfPeer(error: unknown): boolean {
  return error instanceof ProtocolError || error instanceof BananaError ||
    error instanceof LimitError;
}

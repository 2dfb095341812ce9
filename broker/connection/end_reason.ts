/**
 * Words for why a connection has ended.
 *
 * @module
 */

import { factOf, isGone } from "../../transport/base/errors.ts";
import { oneLine } from "../../transport/base/printable.ts";
import type { CloseReason } from "../../transport/mod.ts";
import { causedBy } from "../errors/caused_by.ts";
import { PBConnectionLost, ProtocolError } from "../errors/errors.ts";
import { toError } from "../errors/to_error.ts";
import { guessPeer, guessShutDoor, guessSilentPeer } from "../link/guess_peer.ts";

/** Maximum number of characters repeated from what the peer said when it closed. */
const MAX_MESSAGE = 200;

/** What is known about the end of a connection that was not closed here on purpose. */
export interface ConnectionEnd {
  /** Which end this is. */
  readonly role: "client" | "server";
  /** Whether it ended before both ends had agreed on a dialect. */
  readonly isNegotiating: boolean;
  /** What went wrong here, if anything did. */
  readonly error: unknown;
  /** The first of the bytes that were not understood. */
  readonly unread: Uint8Array;
  /** Whether any byte had arrived. */
  readonly isHeard: boolean;
  /** What the peer said when it closed, if it could. */
  readonly closeReason: CloseReason | undefined;
}

/**
 * Returns why a connection has ended.
 *
 * @param end What is known.
 * @returns The reason; undefined if the peer closed it in an orderly way, or was a client that left
 * without having sent anything.
 */
export function endReason(end: ConnectionEnd): Error | undefined {
  const { role, isNegotiating, error, isHeard, closeReason } = end;
  if (isNegotiating) {
    // Load balancers check in this way that a server is there; many leave with a reset, as they
    // have not read what the server sent.
    const isLeft = error === undefined || isGone(error);
    if (role === "server" && !isHeard && isLeft) return undefined;
    return new ProtocolError(`Cannot connect over PB: ${notConnected(end)}`, causedBy(error));
  }
  if (error !== undefined) return toError(error);
  if (closeReason === undefined || closeReason.kind === "normal") return undefined;
  return new PBConnectionLost(`Cannot go on: the other end closed, ${words(closeReason)}`);
}

/** Says why the connection failed, and what the peer may be. */
function notConnected({ role, error, unread, isHeard, closeReason }: ConnectionEnd): string {
  const guess = guessPeer(unread);
  const fact = error === undefined ? "the other end closed the connection" : factOf(error);
  if (guess !== undefined) return guess;
  if (error === undefined) {
    if (closeReason !== undefined) return `${fact}, ${words(closeReason)}`;
    return role === "client" && !isHeard ? `${fact}; ${guessShutDoor()}` : fact;
  }
  return isHeard ? fact : `${fact}; ${guessSilentPeer(role)}`;
}

function words({ kind, message }: CloseReason): string {
  const known = KINDS[kind];
  return message === "" || message === known ? known : `${known}: ${oneLine(message, MAX_MESSAGE)}`;
}

const KINDS: { readonly [Kind in CloseReason["kind"]]: string } = Object.freeze({
  normal: "as it had finished",
  goingAway: "as it goes away",
  protocolError: "as it did not understand this end",
  policyViolation: "as it did not permit this",
  tooLarge: "as something was too large",
  internalError: "as something went wrong there",
});

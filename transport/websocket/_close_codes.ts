/**
 * The close codes of WebSocket, and the reasons they stand for.
 *
 * @module
 */

import type { CloseReason } from "../base/transport.ts";

/** The close codes of RFC 6455 that are used here. */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  /** Not sent: stands for a close frame without a code. */
  none: 1005,
  invalidText: 1007,
  policyViolation: 1008,
  tooLarge: 1009,
  internalError: 1011,
} as const;

/**
 * Added where a program may use only private codes, from 3000 up: when its user leaves, a page
 * sends 4001 instead of 1001.
 */
const PRIVATE_OFFSET = 3000;

const KINDS: ReadonlyMap<number, CloseReason["kind"]> = new Map([
  [1000, "normal"],
  [1001, "goingAway"],
  [1002, "protocolError"],
  [1003, "protocolError"],
  [1005, "normal"],
  [1007, "protocolError"],
  [1008, "policyViolation"],
  [1009, "tooLarge"],
  [1010, "protocolError"],
  [1012, "goingAway"],
  [1013, "goingAway"],
]);

/** Returns whether a peer may send the code. */
export function closeCodeIsLegal(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

/** Returns the code for a reason. */
export function closeCodeOf(reason: CloseReason): number {
  return CloseCode[reason.kind];
}

/** Returns what stands for a code where only private ones are allowed. */
export function privateCodeOf(code: number): number {
  return code === CloseCode.normal ? code : code + PRIVATE_OFFSET;
}

/** Returns the reason that a code and its text stand for. */
export function reasonOf(code: number, message: string): CloseReason {
  const standard = code > 4000 && code < 4100 ? code - PRIVATE_OFFSET : code;
  const kind = KINDS.get(standard) ?? "internalError";
  return { kind, message: message || `WebSocket close code ${code}` };
}

/** Encodes as much of a text as a close frame has room for: 123 bytes of UTF-8. */
export function closeText(message: string): Uint8Array {
  const room = new Uint8Array(123);
  return room.subarray(0, new TextEncoder().encodeInto(message, room).written);
}

/**
 * Checks what is sent against the limits, as a scanner checks what is received.
 *
 * @module
 */

import { BananaError } from "./errors.ts";
import type { BananaLimits } from "./limits.ts";

/**
 * Checks the length of a list.
 *
 * @param length How many items it has.
 * @param limits The limits.
 * @throws {BananaError} If there are too many.
 */
export function checkList(length: number, limits: BananaLimits): void {
  if (length > limits.maxListItems) refuse(`list of ${length} items`, "maxListItems", limits);
}

/**
 * Checks the length of a string.
 *
 * @param length How many bytes it has.
 * @param limits The limits.
 * @throws {BananaError} If there are too many.
 */
export function checkString(length: number, limits: BananaLimits): void {
  if (length > limits.maxStringBytes) refuse(`string of ${length} bytes`, "maxStringBytes", limits);
}

/**
 * Checks an integer.
 *
 * @param value The integer.
 * @param limits The limits.
 * @throws {BananaError} If it is too large or too small.
 */
export function checkInteger(value: bigint, limits: BananaLimits): void {
  const bits = 7 * limits.maxPrefixBytes;
  const bound = 1n << BigInt(bits);
  if (value < bound && value > -bound) return;
  refuse(`integer of more than ${bits} bits`, "maxPrefixBytes", limits);
}

/**
 * Checks the length of a whole message.
 *
 * @param length How many bytes it has so far.
 * @param limits The limits.
 * @throws {BananaError} If there are too many.
 */
export function checkMessage(length: number, limits: BananaLimits): void {
  if (length <= limits.maxMessageBytes) return;
  refuse(`message of ${length} bytes or more`, "maxMessageBytes", limits);
}

/**
 * Checks what is known only at the end, as the receiver of an expression will.
 *
 * @param receive Checks the whole expression.
 * @throws {BananaError} If a limit is exceeded.
 */
export function checkReceived(receive: () => void): void {
  try {
    receive();
  } catch (cause) {
    if (!(cause instanceof BananaError)) throw cause;
    const message = cause.message.replace(/^Cannot read/, "Cannot send");
    throw new BananaError(message, { cause, limit: cause.limit });
  }
}

function refuse(what: string, limit: keyof BananaLimits, limits: BananaLimits): never {
  throw new BananaError(`Cannot send ${what}: the limit is ${limits[limit]} (${limit})`, { limit });
}

/**
 * Checks options for dialing, also before it is time to dial.
 *
 * @module
 */

import { deadline } from "./base/checks.ts";
import type { DialOptions } from "./dial.ts";
import { webSocketLimits } from "./websocket/websocket_options.ts";

/**
 * Checks the numbers in options for `dial`.
 *
 * @param options The options.
 * @throws {RangeError} If one of them makes no sense.
 */
export function checkDialNumbers(options: DialOptions): void {
  if (options.timeout !== undefined) deadline("timeout", options.timeout);
  webSocketLimits(options);
}

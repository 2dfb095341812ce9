/**
 * How checkers learn that nobody waits for the outcome any more, from those who make credentials.
 *
 * @module
 */

import type { ICredentials } from "./credentials.ts";

/** Name of the method that tells whether somebody still waits for the outcome. */
export const WANTED: unique symbol = Symbol("wanted");

/** Credentials that may tell it. */
interface Wanted {
  /** Somebody always does unless given. */
  [WANTED]?: () => boolean;
}

/**
 * Tells whether somebody still waits to learn whether credentials are right.
 *
 * @param credentials The credentials.
 * @returns Whether somebody may.
 */
export function isWanted(credentials: ICredentials): boolean {
  return (credentials as Wanted)[WANTED]?.() ?? true;
}

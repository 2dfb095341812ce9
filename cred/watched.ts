/**
 * How credentials tell the code that checks them about the attempt, and learn about its progress.
 *
 * @module
 */

import type { AvatarId } from "./checkers.ts";
import type { ICredentials } from "./credentials.ts";

/** Name of the property of credentials that holds the watcher of their attempt. */
export const WATCHER: unique symbol = Symbol("watcher");

/** Follows an attempt to log in. */
export interface Watcher {
  /** Whether anyone is still waiting for the outcome. */
  readonly isWaiting: boolean;
  /**
   * Called when a checker has accepted the credentials, before the realm is asked.
   *
   * @param avatarId Whose they are.
   */
  accepted(avatarId: AvatarId): void;
}

/** Credentials of an attempt that may be watched. */
export interface Watched {
  /** If missing, someone is always waiting. */
  [WATCHER]?: Watcher;
}

/**
 * Reports that a checker has accepted credentials.
 *
 * @param credentials The credentials.
 * @param avatarId Whose they are.
 */
export function accepted(credentials: ICredentials, avatarId: AvatarId): void {
  (credentials as Watched)[WATCHER]?.accepted(avatarId);
}

/**
 * Returns whether anyone is still waiting to learn whether credentials are right.
 *
 * @param credentials The credentials.
 * @returns False once the client is known to be gone.
 */
export function isWanted(credentials: ICredentials): boolean {
  return (credentials as Watched)[WATCHER]?.isWaiting ?? true;
}

/**
 * How credentials tell the code that checks them about the attempt, and learn about its progress.
 *
 * @module
 */

import type { AvatarId } from "./checkers.ts";
import type { ICredentials } from "./credentials.ts";

/**
 * Name of the method called when a checker has accepted the credentials, before the realm is asked.
 */
export const ACCEPTED: unique symbol = Symbol("accepted");

/** Name of the method that returns whether anyone is still waiting for the outcome. */
export const WANTED: unique symbol = Symbol("wanted");

/** Credentials of an attempt that is watched; `Logins` adds both methods. */
export interface Watched {
  /** Receives the avatar id. */
  [ACCEPTED]?: (avatarId: AvatarId) => void;
  /** If missing, someone is always waiting. */
  [WANTED]?: () => boolean;
}

/**
 * Reports that a checker has accepted credentials.
 *
 * @param credentials The credentials.
 * @param avatarId Whose they are.
 */
export function accepted(credentials: ICredentials, avatarId: AvatarId): void {
  (credentials as Watched)[ACCEPTED]?.(avatarId);
}

/**
 * Returns whether anyone is still waiting to learn whether credentials are right.
 *
 * @param credentials The credentials.
 * @returns False once the client is known to be gone.
 */
export function isWanted(credentials: ICredentials): boolean {
  return (credentials as Watched)[WANTED]?.() ?? true;
}

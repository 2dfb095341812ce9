/**
 * How credentials learn that they were accepted, for those who make some and have a portal check them.
 *
 * @module
 */

import type { AvatarId } from "./checkers.ts";

/** Name of the method that is called when a checker has accepted the credentials, before the realm is asked. */
export const ACCEPTED: unique symbol = Symbol("accepted");

/** Credentials that may want to learn it. */
export interface Acceptable {
  /** Gets whose they are; nobody is told unless given. */
  [ACCEPTED]?: (avatarId: AvatarId) => void;
}

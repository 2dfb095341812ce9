/**
 * The credentials in a URL.
 *
 * @module
 */

import { type ICredentials, UsernamePassword } from "../../cred/credentials.ts";
import type { PBUrl } from "../../transport/mod.ts";

/**
 * Returns the credentials in a URL.
 *
 * @param url The URL.
 * @returns User and password, or undefined if it names no user.
 */
export function credentialsIn({ username, password = "" }: PBUrl): ICredentials | undefined {
  return username === undefined ? undefined : new UsernamePassword(username, password);
}

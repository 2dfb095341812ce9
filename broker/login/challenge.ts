/**
 * Challenge and response with MD5, as in Twisted's PB (`twisted.spread.pb.challenge`, `respond`).
 *
 * docs/login.md says what this protects, and what it does not.
 *
 * @module
 */

import { equalSecrets } from "../../cred/bytes.ts";
import type { CredInterface } from "../../cred/cred_interface.ts";
import { IUsernameHashedPassword, IUsernameMD5Password } from "../../cred/credentials.ts";
import { digest } from "../../cred/hashes.ts";

/** Length of a challenge in bytes. */
const CHALLENGE_BYTES = 16;

/**
 * Creates a challenge.
 *
 * @example
 * ```ts
 * import { challenge } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(challenge().length, 16);
 * ```
 *
 * @returns Sixteen bytes from the cryptographic source of the runtime.
 */
export function challenge(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(CHALLENGE_BYTES));
}

/**
 * Answers a challenge.
 *
 * @example
 * ```ts
 * import { respond } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(respond(new Uint8Array(16), "secret").length, 16);
 * ```
 *
 * @param challenge The challenge.
 * @param password The password, as bytes or as text in UTF-8.
 * @returns The MD5 digest of the password's MD5 digest and the challenge.
 */
export function respond(challenge: Uint8Array, password: string | Uint8Array): Uint8Array {
  return respondMD5(challenge, digest("MD5", password));
}

/** Answers a challenge, given the MD5 digest of the password. */
function respondMD5(challenge: Uint8Array, passwordMD5: Uint8Array): Uint8Array {
  return digest("MD5", passwordMD5, challenge);
}

/** A name, a challenge, and the response that the client made from it and the password. */
export class ChallengedCredentials implements IUsernameHashedPassword, IUsernameMD5Password {
  /** The kinds of credentials that these are. */
  readonly provides: readonly CredInterface[] = [IUsernameHashedPassword, IUsernameMD5Password];
  /** The name that the client gave. */
  readonly username: string;
  readonly #challenge: Uint8Array;
  readonly #response: Uint8Array;

  /**
   * Creates credentials from a response.
   *
   * @param username The name that the client gave.
   * @param challenge The challenge that it was sent.
   * @param response Its response.
   */
  constructor(username: string, challenge: Uint8Array, response: Uint8Array) {
    this.username = username;
    this.#challenge = challenge;
    this.#response = response;
  }

  /**
   * Checks the response against a password, in constant time.
   *
   * @param password The right password.
   * @returns Whether the response was made from it.
   */
  checkPassword(password: string | Uint8Array): boolean {
    return this.checkMD5Password(digest("MD5", password));
  }

  /**
   * Checks the response against the MD5 digest of a password, in constant time.
   *
   * @param passwordMD5 The digest of the right password.
   * @returns Whether the response was made from it.
   */
  checkMD5Password(passwordMD5: Uint8Array): boolean {
    return equalSecrets(this.#response, respondMD5(this.#challenge, passwordMD5));
  }
}

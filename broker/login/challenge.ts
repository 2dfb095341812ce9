/**
 * Challenge and response with MD5, as in Twisted's PB (`twisted.spread.pb.challenge`, `respond`).
 *
 * docs/login.md says what this protects, and what it does not.
 *
 * @module
 */

import { crypto as stdCrypto } from "@std/crypto/crypto";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import type { CredInterface } from "../../cred/cred_interface.ts";
import { IUsernameHashedPassword, IUsernameMD5Password } from "../../cred/credentials.ts";

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
 * @returns MD5 of the password's MD5 and the challenge.
 */
export function respond(challenge: Uint8Array, password: string | Uint8Array): Uint8Array {
  return respondMD5(challenge, md5(password));
}

/** Answers a challenge, given the MD5 of the password. */
function respondMD5(challenge: Uint8Array, digest: Uint8Array): Uint8Array {
  const both = new Uint8Array(digest.length + challenge.length);
  both.set(digest);
  both.set(challenge, digest.length);
  return md5(both);
}

/** Hashes bytes, or text in UTF-8, with MD5. */
function md5(data: string | Uint8Array): Uint8Array {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data.slice();
  return new Uint8Array(stdCrypto.subtle.digestSync("MD5", bytes));
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
    return this.checkMD5Password(md5(password));
  }

  /**
   * Checks the response against the MD5 of a password, in constant time.
   *
   * @param digest MD5 of the right password.
   * @returns Whether the response was made from it.
   */
  checkMD5Password(digest: Uint8Array): boolean {
    const right = respondMD5(this.#challenge, digest);
    return this.#response.length === right.length && timingSafeEqual(this.#response, right);
  }
}

/**
 * Challenge and response by HMAC-MD5 (RFC 2195), as mail servers use it.
 *
 * @module
 */

import { hexHmac } from "./hashes.ts";
import { equalSecrets, toBytes, toText } from "./bytes.ts";
import type { CredInterface } from "./cred_interface.ts";
import { IUsernameHashedPassword } from "./credentials.ts";
import { LoginFailed } from "./errors.ts";

/** A name, white space (of ASCII, as in Twisted), and all that follows it. */
const PARTS = /^[\t-\r ]*([^\t-\r ]+)[\t-\r ]+([^\t-\r ].*)$/s;

/**
 * A CRAM-MD5 challenge, and the client's answer to it.
 *
 * An object serves one login: it creates the challenge when first asked for it.
 *
 * @example
 * ```ts
 * import { CramMD5Credentials } from "@perspective/broker/cred";
 * import { assert } from "@std/assert";
 *
 * const credentials = new CramMD5Credentials("mail.example.com");
 * assert(credentials.getChallenge().endsWith("@mail.example.com>"));
 *
 * credentials.setResponse("alice b913a602c7eda7a495b4e6e7334d3890"); // for another challenge
 * assert(!credentials.checkPassword("secret"));
 * ```
 */
export class CramMD5Credentials implements IUsernameHashedPassword {
  /** The interfaces that these credentials provide. */
  readonly provides: readonly CredInterface[] = [IUsernameHashedPassword];

  /** Name of this host, as shown in the challenge. */
  readonly host: string;

  #challenge: string | undefined;
  #username = "";
  #response = "";

  /**
   * Creates credentials that wait for a response.
   *
   * @param host Name of this host.
   */
  constructor(host = "localhost") {
    this.host = host;
  }

  /** The name that the client claims; empty until it has answered. */
  get username(): string {
    return this.#username;
  }

  /**
   * Returns the challenge to send: random digits, the time and the host in angle brackets.
   *
   * @returns The same string at each call.
   */
  getChallenge(): string {
    return this.#challenge ??= `<${randomDigits()}.${Date.now()}@${this.host}>`;
  }

  /**
   * Receives the client's answer.
   *
   * @param response The user's name, white space, and 32 hexadecimal digits.
   * @throws {LoginFailed} If it is not two parts in UTF-8.
   */
  setResponse(response: string | Uint8Array): void {
    const text = typeof response === "string" ? response : toText(response);
    const parts = text === undefined ? null : PARTS.exec(text);
    if (parts === null) throw new LoginFailed("Cannot read response: not a name and a digest");
    [, this.#username = "", this.#response = ""] = parts;
  }

  /**
   * Returns whether another challenge follows.
   *
   * @returns False: there is only one challenge.
   */
  moreChallenges(): boolean {
    return false;
  }

  /**
   * Checks the client's answer against the right password, in constant time.
   *
   * @param password The right password; a string stands for its UTF-8 bytes.
   * @returns Whether the answer was made from it.
   */
  checkPassword(password: string | Uint8Array): boolean {
    const expected = hexHmac("MD5", password, toBytes(this.getChallenge()));
    return equalSecrets(expected, this.#response);
  }
}

function randomDigits(): bigint {
  return BigInt(`0x${crypto.getRandomValues(new Uint8Array(16)).toHex()}`);
}

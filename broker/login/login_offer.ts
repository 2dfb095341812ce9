/**
 * What a server says about its logins before it is asked (docs/protocol.md, "What is added").
 *
 * It comes with the offer of dialects, as with the greetings of POP3 and MySQL, so that a client
 * need neither ask for the mechanisms nor, for MD5, for a challenge.
 *
 * @module
 */

import type { LoginMechanism } from "./mechanisms.ts";

/** What the name of MD5 is followed by, and then by a challenge. */
const MD5 = "MD5=";

/** What a server says about its logins. */
export interface LoginOffer {
  /** Names of the mechanisms that it takes, unless the server is wrong. */
  readonly mechanisms: readonly unknown[];
  /** A challenge for one login by MD5, in ASCII. */
  readonly challenge?: string | undefined;
}

/**
 * Writes an offer.
 *
 * @param mechanisms The mechanisms.
 * @param challenge The challenge for MD5; needed if that is one of them.
 * @returns The words of the offer, separated by spaces.
 */
export function writeLoginOffer(
  mechanisms: readonly LoginMechanism[],
  challenge: string | undefined,
): string {
  return mechanisms.map((name) => name === "MD5" ? `${MD5}${challenge}` : name).join(" ");
}

/**
 * Reads an offer.
 *
 * @param text The words of the offer, separated by spaces.
 * @returns The offer.
 */
export function readLoginOffer(text: string): LoginOffer {
  let challenge: string | undefined;
  const mechanisms = text.split(" ").map((word) => {
    if (!word.startsWith(MD5)) return word;
    challenge = word.slice(MD5.length);
    return "MD5";
  });
  return { mechanisms, challenge };
}

/**
 * The ways to log in, and which of them are allowed (docs/login.md, "Mechanisms").
 *
 * @module
 */

import { IBearerToken } from "../../cred/bearer_token.ts";
import { type CredInterface, providedBy } from "../../cred/cred_interface.ts";
import {
  IAnonymous,
  type ICredentials,
  IUsernameHashedPassword,
  IUsernameMD5Password,
  IUsernamePassword,
} from "../../cred/credentials.ts";
import { IScramCredentials } from "../../cred/scram_credentials.ts";
import type { Peer } from "../../transport/mod.ts";

/**
 * A way to log in: SCRAM-SHA-256, the password itself, a token itself, Twisted's challenge and
 * response with MD5, or without a name.
 */
export type LoginMechanism = "SCRAM-SHA-256" | "PLAIN" | "BEARER" | "MD5" | "ANONYMOUS";

/** Which mechanisms may be used; the same options at both ends. */
export interface MechanismOptions {
  /** The mechanisms that may be used, in any order. Defaults to all of them. */
  mechanisms?: readonly LoginMechanism[];
  /**
   * When weak mechanisms (MD5 and PLAIN) may be used: over any connection, over a secure one only,
   * or never. PLAIN and BEARER need a secure connection in any case. Defaults to `always`.
   */
  weakMechanisms?: "always" | "secure" | "never";
  /**
   * Whether the connection is safe from eavesdroppers. Defaults to true for connections over TLS,
   * and for those within one machine or program. Set it to true where a proxy does the TLS.
   */
  secure?: boolean;
}

/** The properties of a mechanism. */
interface Traits {
  /** What a client needs for it. */
  readonly needs: CredInterface;
  /** What a checker gets to see; one that can check any of these can serve it. */
  readonly shows: readonly CredInterface[];
  /** Whether a password can easily be guessed from it, or is revealed to a false server. */
  readonly isWeak: boolean;
  /** Whether an eavesdropper could log in afterwards. */
  readonly isOpen: boolean;
}

/** The mechanisms, the strongest first. */
const MECHANISMS: ReadonlyMap<LoginMechanism, Traits> = new Map<LoginMechanism, Traits>([
  ["SCRAM-SHA-256", {
    needs: IUsernamePassword,
    shows: [IScramCredentials, IUsernameHashedPassword],
    isWeak: false,
    isOpen: false,
  }],
  ["BEARER", { needs: IBearerToken, shows: [IBearerToken], isWeak: false, isOpen: true }],
  ["PLAIN", { needs: IUsernamePassword, shows: [IUsernamePassword], isWeak: true, isOpen: true }],
  ["MD5", {
    needs: IUsernamePassword,
    shows: [IUsernameHashedPassword, IUsernameMD5Password],
    isWeak: true,
    isOpen: false,
  }],
  ["ANONYMOUS", { needs: IAnonymous, shows: [IAnonymous], isWeak: false, isOpen: false }],
]);

/** The names of the mechanisms, the strongest first. */
export const ALL_MECHANISMS: readonly LoginMechanism[] = Object.freeze([...MECHANISMS.keys()]);

/**
 * Checks the names of mechanisms.
 *
 * @param options The options that name them.
 * @throws {TypeError} If there is no such mechanism.
 */
export function checkMechanisms({ mechanisms = [] }: MechanismOptions): void {
  const unknown = mechanisms.find((name) => !MECHANISMS.has(name));
  if (unknown === undefined) return;
  throw new TypeError(
    `Cannot allow mechanism "${unknown}": there are ${ALL_MECHANISMS.join(", ")}`,
  );
}

/**
 * Returns the mechanisms that the options allow over a connection.
 *
 * @param peer What is known about the peer.
 * @param options The options.
 * @returns The mechanisms, the strongest first.
 */
export function allowedMechanisms(peer: Peer, options: MechanismOptions): LoginMechanism[] {
  return ALL_MECHANISMS.filter((mechanism) => isAllowed(mechanism, peer, options));
}

/**
 * Returns whether the options allow a mechanism over a connection.
 *
 * @param mechanism The mechanism.
 * @param peer What is known about the peer.
 * @param options The options.
 * @returns True if it may be used.
 */
export function isAllowed(
  mechanism: LoginMechanism,
  peer: Peer,
  options: MechanismOptions,
): boolean {
  const { mechanisms, weakMechanisms = "always", secure = peer.secure || isLocal(peer) } = options;
  const { isWeak, isOpen } = MECHANISMS.get(mechanism)!;
  return (mechanisms?.includes(mechanism) ?? true) && (secure || !isOpen) &&
    (!isWeak || weakMechanisms === "always" || (secure && weakMechanisms === "secure"));
}

/**
 * Returns whether there is a checker for a mechanism.
 *
 * @param mechanism The mechanism.
 * @param kinds The kinds of credentials that can be checked.
 * @returns True if one of them will do.
 */
export function isServed(mechanism: LoginMechanism, kinds: readonly CredInterface[]): boolean {
  const { shows } = MECHANISMS.get(mechanism)!;
  return kinds.some((kind) => shows.some((shown) => shown.extends(kind)));
}

/**
 * Returns whether credentials are of the kind that a mechanism needs.
 *
 * @param mechanism The mechanism.
 * @param credentials The client's credentials.
 * @returns True if they are.
 */
export function suits(mechanism: LoginMechanism, credentials: ICredentials): boolean {
  return providedBy(MECHANISMS.get(mechanism)!.needs, credentials);
}

/**
 * Returns whether a peer is within the same machine or program, by the kind of its connection.
 *
 * @param peer What is known about the peer.
 * @returns True if it is.
 */
export function isLocal({ kind }: Peer): boolean {
  return kind === "unix" || kind === "memory" || kind === "port";
}

/**
 * Options for serving a portal.
 *
 * @module
 */

import type { LoginLimiter } from "../../cred/login_limiter.ts";
import { MAX_TIMEOUT } from "../../transport/base/checks.ts";
import { hostOf } from "../../transport/base/crowd.ts";
import type { Peer } from "../../transport/mod.ts";
import { checkMechanisms, isLocal, type MechanismOptions } from "./mechanisms.ts";

/**
 * Options for serving a portal. A limit may be `Infinity`, which removes it.
 *
 * @example A server that refuses weak mechanisms, and guessers
 * ```ts
 * import {
 *   Avatar,
 *   IPerspective,
 *   LoginThrottle,
 *   Portal,
 *   type PortalOptions,
 *   serve,
 * } from "@perspective/broker";
 *
 * const login: PortalOptions = { weakMechanisms: "never", limiter: new LoginThrottle() };
 * const portal = new Portal({ requestAvatar: () => [IPerspective, new Avatar(), () => {}] });
 * await using server = serve(portal, { hostname: "127.0.0.1", port: 0, login });
 * ```
 */
export interface PortalOptions extends MechanismOptions {
  /** Asked before each attempt, and told how it ended. Defaults to none. */
  limiter?: LoginLimiter;
  /**
   * Returns the address by which the limiter knows a peer, or undefined for none. Defaults to the
   * host of a network connection, and to none for any other. Behind a proxy that host is the proxy:
   * return another one, or undefined.
   */
  addressOf?: (peer: Peer) => string | undefined;
  /**
   * Number of SCRAM iterations, at least 4,096, where a checker has the password itself, so that the
   * server performs them all at each login, and where a checker refuses without asking for a proof.
   * Defaults to 4,096.
   */
  scramIterations?: number;
  /** Milliseconds that a client has to respond to a challenge it asked for. Defaults to 60,000. */
  challengeTimeout?: number;
  /**
   * Milliseconds after which a connection is closed if no client has logged in. Defaults to 60,000.
   */
  loginTimeout?: number;
  /** Number of failed logins after which a connection is closed. Defaults to 10. */
  maxFailedLogins?: number;
  /** Maximum number of pending logins at once over a connection. Defaults to 64. */
  maxPendingLogins?: number;
  /**
   * Maximum number of logins held at once over a connection, including pending ones. Defaults to
   * 1,000.
   */
  maxLogins?: number;
  /**
   * Maximum number of strangers: connections over which no client has proved its identity to a
   * checker, or logged in anonymously. One more closes the oldest from the place that most of them
   * come from. Defaults to 1,000.
   */
  maxStrangers?: number;
  /**
   * Approximate maximum number of bytes of an unfinished message from a stranger, of errors and
   * texts that are kept as results for a stranger's other calls, of what all pending logins over a
   * connection have brought, including their minds, and of unanswered calls, beyond which nothing is
   * read until some are answered. Defaults to 65,536.
   */
  maxStrangerBytes?: number;
  /**
   * Maximum number of a stranger's objects held at once, and of results kept for a stranger's other
   * calls. The mind of each pending login may be one of the objects. Defaults to 64.
   */
  maxStrangerReferences?: number;
}

const DEFAULT_LIMITS = Object.freeze({
  challengeTimeout: 60_000,
  loginTimeout: 60_000,
  maxFailedLogins: 10,
  maxPendingLogins: 64,
  maxLogins: 1000,
  maxStrangers: 1000,
  maxStrangerBytes: 64 * 1024,
  maxStrangerReferences: 64,
});

/** Names of the options that are limits. */
type LimitOption = keyof typeof DEFAULT_LIMITS;

/** Options with their defaults filled in. */
export type PortalSettings = Readonly<
  & PortalOptions
  & Required<Pick<PortalOptions, LimitOption | "addressOf" | "scramIterations">>
>;

/** Minimum number of SCRAM iterations, by RFC 7677. */
const MIN_ITERATIONS = 4096;

/**
 * Fills in the defaults, and checks the rest.
 *
 * @param options The options.
 * @returns The settings, frozen.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If there is no such mechanism.
 */
export function portalSettings(options: PortalOptions): PortalSettings {
  checkMechanisms(options);
  const { addressOf = networkHost, scramIterations = MIN_ITERATIONS } = options;
  if (!Number.isInteger(scramIterations) || scramIterations < MIN_ITERATIONS) {
    throw new RangeError(
      `Cannot set scramIterations to "${scramIterations}": ${MIN_ITERATIONS} are the least`,
    );
  }
  const limits: Record<LimitOption, number> = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(limits) as LimitOption[]) {
    limits[name] = limit(name, options[name] ?? limits[name]);
  }
  return Object.freeze({ ...options, ...limits, addressOf, scramIterations });
}

function limit(name: string, value: number): number {
  const most = name.endsWith("Timeout") ? MAX_TIMEOUT : Number.MAX_SAFE_INTEGER;
  if (value === Infinity || (Number.isInteger(value) && value > 0 && value <= most)) return value;
  throw new RangeError(
    `Cannot set ${name} to "${value}": it must be a positive integer up to ${most}, or Infinity`,
  );
}

/** Returns the host of a peer on a network; undefined if there is none, or it is not known. */
function networkHost(peer: Peer): string | undefined {
  // Where a handler did not say who asks, all peers are unknown, rather than one and the same.
  return isLocal(peer) || peer.address === "" ? undefined : hostOf(peer.address);
}

/**
 * Options for serving a portal.
 *
 * @module
 */

import type { LoginLimiter } from "../cred/login_limiter.ts";
import type { Peer } from "../transport/mod.ts";
import { MAX_TIMEOUT } from "../transport/checks.ts";
import { checkMechanisms, type MechanismOptions } from "./mechanisms.ts";

/**
 * Options for serving a portal. A limit may be `Infinity`, which takes it away.
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
  /** Is asked before each attempt, and told how it ended; nobody unless given. */
  limiter?: LoginLimiter;
  /**
   * Gives the address by which the limiter knows a peer; the host of a network connection, and none
   * of any other, unless given. Behind a proxy it must be another one, or undefined for none.
   */
  addressOf?: (peer: Peer) => string | undefined;
  /**
   * Iterations of SCRAM where a checker has the password itself, so that the server does them all at
   * each login, and where it refuses without asking; from 4096 up, and 4096 unless given.
   */
  scramIterations?: number;
  /** Time for the response to a challenge, in milliseconds; 60,000 unless given. */
  challengeTimeout?: number;
  /** Time until somebody has logged in, else the connection is closed, in milliseconds; 60,000 unless given. */
  loginTimeout?: number;
  /** Failed logins after which a connection is closed; 10 unless given. */
  maxFailedLogins?: number;
  /** Most logins that may be under way at once over a connection; 64 unless given. */
  maxPendingLogins?: number;
  /**
   * Most logins that may be held at once over a connection, with those that are under way; 1,000 unless
   * given.
   */
  maxLogins?: number;
  /**
   * Most connections over which nobody has shown who he is, to a checker, or has logged in as nobody in
   * particular; one more closes the oldest of them; 1,000 unless given.
   */
  maxStrangers?: number;
  /**
   * About how many bytes of an unfinished message are kept until then, and how many all logins that
   * are under way over a connection may have brought, with their minds; 65,536 unless given.
   */
  maxStrangerBytes?: number;
  /**
   * Most of the peer's objects that are held at once until then; 64 unless given. The mind of each login
   * that is under way may be one of them.
   */
  maxStrangerReferences?: number;
}

/** Names of the options that are numbers. */
type LimitOption =
  | "challengeTimeout"
  | "loginTimeout"
  | "maxFailedLogins"
  | "maxPendingLogins"
  | "maxLogins"
  | "maxStrangers"
  | "maxStrangerBytes"
  | "maxStrangerReferences";

/** Options with all defaults filled in. */
export type PortalSettings =
  & Readonly<Omit<PortalOptions, LimitOption | "scramIterations">>
  & Readonly<Record<LimitOption | "scramIterations", number>>;

const DEFAULTS: Readonly<Record<LimitOption, number>> = Object.freeze({
  challengeTimeout: 60_000,
  loginTimeout: 60_000,
  maxFailedLogins: 10,
  maxPendingLogins: 64,
  maxLogins: 1000,
  maxStrangers: 1000,
  maxStrangerBytes: 64 * 1024,
  maxStrangerReferences: 64,
});

/** Fewest iterations of SCRAM, by RFC 7677. */
const MIN_ITERATIONS = 4096;

/**
 * Fills in what is not given, and checks what is.
 *
 * @param options The options.
 * @returns The settings, frozen.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If there is no such mechanism.
 */
export function portalSettings(options: PortalOptions): PortalSettings {
  checkMechanisms(options);
  const { scramIterations = MIN_ITERATIONS } = options;
  if (!Number.isInteger(scramIterations) || scramIterations < MIN_ITERATIONS) {
    throw new RangeError(
      `Cannot set scramIterations to "${scramIterations}": ${MIN_ITERATIONS} are the least`,
    );
  }
  const limits: Record<LimitOption, number> = { ...DEFAULTS };
  for (const name of Object.keys(limits) as LimitOption[]) {
    limits[name] = limit(name, options[name] ?? limits[name]);
  }
  return Object.freeze({ ...options, ...limits, scramIterations });
}

function limit(name: string, value: number): number {
  const most = name.endsWith("Timeout") ? MAX_TIMEOUT : Number.MAX_SAFE_INTEGER;
  if (value === Infinity || (Number.isInteger(value) && value > 0 && value <= most)) return value;
  throw new RangeError(
    `Cannot set ${name} to "${value}": it must be a positive integer up to ${most}, or Infinity`,
  );
}

/**
 * A limit on failed logins, per address and user.
 *
 * @module
 */

import { LoginDenied, LoginFailed, UnhandledCredentials } from "./errors.ts";
import type { AvatarGrant } from "./portal.ts";

/** What is known of an attempt to log in before it is made. */
export interface LoginFacts {
  /** Address that it comes from, without the port; left out where there is none. */
  readonly address?: string;

  /** Who the client says it is; left out for anonymous logins. */
  readonly username?: string;
}

/**
 * Is asked before each attempt to log in, and told how it ended.
 *
 * Attempts that nobody could check, or that were given up, end in neither way.
 */
export interface LoginLimiter {
  /**
   * Lets an attempt pass, or not.
   *
   * @param facts What is known of it.
   * @throws {LoginDenied} If it may not be made now.
   */
  check(facts: LoginFacts): void | Promise<void>;

  /**
   * Takes note that credentials were not accepted.
   *
   * @param facts What was known of the attempt.
   */
  failed(facts: LoginFacts): void | Promise<void>;

  /**
   * Takes note that somebody logged in.
   *
   * @param facts What was known of the attempt.
   */
  succeeded(facts: LoginFacts): void | Promise<void>;

  /**
   * Holds an attempt back, before `check`, while others are under way that may all turn out to be
   * wrong; a limiter without this method lets as many pass as come before the first one has failed.
   *
   * @param facts What is known of it.
   * @param signal Aborts when nobody waits for the attempt any more.
   * @returns What to call when the attempt has ended, however it did.
   * @throws {LoginDenied} If too many are held back already.
   */
  enter?(facts: LoginFacts, signal?: AbortSignal): Promise<() => void>;
}

/** Options for {@linkcode limitLogin}: what is known of the attempt, and who is asked. */
export interface LimitLoginOptions extends LoginFacts {
  /** Is asked, and told. */
  readonly limiter: LoginLimiter;
  /** Aborts when nobody waits for the attempt any more; then it is not made, if it was not begun. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes an attempt to log in, if the limiter lets it pass, and tells the limiter how it ended.
 *
 * @example
 * ```ts
 * import {
 *   InMemoryUsernamePasswordDatabaseDontUse,
 *   type IRealm,
 *   limitLogin,
 *   LoginDenied,
 *   LoginThrottle,
 *   Portal,
 *   UnauthorizedLogin,
 *   UsernamePassword,
 * } from "@perspective/broker/cred";
 * import { assertRejects } from "@std/assert";
 *
 * const realm: IRealm = { requestAvatar: () => Promise.reject(new Error("never asked")) };
 * const users = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" });
 * const portal = new Portal(realm, [users]);
 *
 * const limiter = new LoginThrottle({ allowances: { pair: 1 } });
 * const facts = { address: "192.0.2.1", username: "alice" };
 * const guess = () =>
 *   limitLogin(() => portal.login(new UsernamePassword("alice", "guess"), null), {
 *     limiter,
 *     ...facts,
 *   });
 * await assertRejects(guess, UnauthorizedLogin);
 * await assertRejects(guess, LoginDenied);
 * ```
 *
 * @typeParam T What the avatar can do.
 * @param attempt Logs in, by a portal for example.
 * @param options The limiter, and what is known of the attempt.
 * @returns What the attempt gave.
 * @throws {LoginDenied} If the limiter does not let it pass.
 * @throws {unknown} The signal's reason, if it aborts before the attempt is made.
 */
export function limitLogin<T>(
  attempt: () => Promise<AvatarGrant<T>>,
  options: LimitLoginOptions,
): Promise<AvatarGrant<T>> {
  return limitExchange(async (admit) => {
    await admit();
    return await attempt();
  }, options);
}

/**
 * Does the same for an attempt that waits for the client on its way. It asks for admission when
 * it has what the client says, and can be decided: else whoever says nothing would hold up others.
 *
 * @typeParam T What the avatar can do.
 * @param attempt Logs in; it gets what asks the limiter, and throws if the limiter says no.
 * @param options The limiter, and what is known of the attempt.
 * @returns What the attempt gave.
 */
export async function limitExchange<T>(
  attempt: (admit: () => Promise<void>) => Promise<AvatarGrant<T>>,
  { limiter, signal, ...facts }: LimitLoginOptions,
): Promise<AvatarGrant<T>> {
  let leave: (() => void) | undefined;
  // The attempt may fail while it waits, as by a time limit of its own: then it is to take no place any more.
  const over = new AbortController();
  const ends = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
  const admit = async () => {
    const entered = await limiter.enter?.(facts, ends);
    if (ends.aborted) {
      entered?.();
      throw ends.reason;
    }
    leave = entered;
    await limiter.check(facts);
  };
  try {
    const grant = await attempt(admit).catch(async (error: unknown) => {
      if (isRefusal(error)) await limiter.failed(facts);
      throw error;
    });
    try {
      await limiter.succeeded(facts);
    } catch (error) {
      await grant[2]();
      throw error;
    }
    return grant;
  } finally {
    over.abort();
    leave?.();
  }
}

/** Tells whether somebody looked at the credentials and said no. */
function isRefusal(error: unknown): boolean {
  return error instanceof LoginFailed &&
    !(error instanceof LoginDenied || error instanceof UnhandledCredentials);
}

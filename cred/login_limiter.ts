/**
 * A limit on failed logins, per address and user.
 *
 * @module
 */

import { LoginDenied, LoginFailed, UnhandledCredentials } from "./errors.ts";
import type { AvatarGrant } from "./portal.ts";

/** What is known about an attempt to log in before it is made. */
export interface LoginFacts {
  /** Address that it comes from, without the port; left out if there is none. */
  readonly address?: string;

  /** The name that the client claims; left out for anonymous logins. */
  readonly username?: string;
}

/**
 * Decides whether each attempt to log in may be made, and is told how it ended.
 *
 * For an attempt that was denied, could not be checked or was abandoned, neither `failed` nor
 * `succeeded` is called.
 */
export interface LoginLimiter {
  /**
   * Allows an attempt, or denies it.
   *
   * @param facts What is known about it.
   * @throws {LoginDenied} If the attempt may not be made now.
   */
  check(facts: LoginFacts): void | Promise<void>;

  /**
   * Records that credentials were not accepted.
   *
   * @param facts What was known about the attempt.
   */
  failed(facts: LoginFacts): void | Promise<void>;

  /**
   * Records that a user has logged in.
   *
   * @param facts What was known about the attempt.
   */
  succeeded(facts: LoginFacts): void | Promise<void>;

  /**
   * Holds an attempt back, before `check`, while others are under way that might all fail; a
   * limiter without this method allows as many as arrive before the first one has failed.
   *
   * @param facts What is known about it.
   * @param signal Aborts when nobody is waiting for the attempt any more.
   * @returns A function to call when the attempt has ended, whatever its outcome.
   * @throws {LoginDenied} If too many are already held back.
   */
  enter?(facts: LoginFacts, signal?: AbortSignal): Promise<() => void>;
}

/** Options for {@linkcode limitLogin}: what is known about the attempt, and the limiter. */
export interface LimitLoginOptions extends LoginFacts {
  /** Decides whether the attempt may be made, and is told how it ended. */
  readonly limiter: LoginLimiter;
  /**
   * Aborts when nobody is waiting for the attempt any more; one that has not begun is then not
   * made.
   */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes an attempt to log in, if the limiter allows it, and tells the limiter how it ended.
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
 * @param attempt Logs in, through a portal for example.
 * @param options The limiter, and what is known about the attempt.
 * @returns What the attempt resolves to.
 * @throws {LoginDenied} If the limiter denies it.
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
 * Makes an attempt that waits for the client along the way, if the limiter allows it, and tells the
 * limiter how it ended; see {@linkcode limitLogin}. The attempt must not ask the limiter until it
 * has what the client sends and can be decided: otherwise a client that sends nothing would hold up
 * others.
 *
 * @typeParam T What the avatar can do.
 * @param attempt Logs in; it is passed the function that asks the limiter, which rejects if the
 * limiter denies the attempt.
 * @param options The limiter, and what is known about the attempt.
 * @returns What the attempt resolves to.
 */
export async function limitExchange<T>(
  attempt: (admit: () => Promise<void>) => Promise<AvatarGrant<T>>,
  { limiter, signal, ...facts }: LimitLoginOptions,
): Promise<AvatarGrant<T>> {
  let leave: (() => void) | undefined;
  // An attempt that fails while it waits, because of its own time limit, say, must not take a
  // place.
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

/** Returns whether the credentials were examined and refused. */
function isRefusal(error: unknown): boolean {
  return error instanceof LoginFailed &&
    !(error instanceof LoginDenied || error instanceof UnhandledCredentials);
}

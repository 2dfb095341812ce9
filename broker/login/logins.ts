/**
 * What the logins of one connection share: how many there are, and how many have failed.
 *
 * @module
 */

import { ANONYMOUS, type AvatarId } from "../../cred/checkers.ts";
import type { ICredentials } from "../../cred/credentials.ts";
import { LoginDenied, LoginFailed } from "../../cred/errors.ts";
import { limitExchange } from "../../cred/login_limiter.ts";
import type { AvatarGrant } from "../../cred/portal.ts";
import { Turns } from "../../cred/turns.ts";
import { type Watched, WATCHER, type Watcher } from "../../cred/watched.ts";
import { type Alarm, CLOCK } from "../../transport/base/clock.ts";
import type { Broker } from "../connection/broker.ts";
import { LoginLimitError, PBConnectionLost } from "../errors/errors.ts";
import { isExpected, messageOf } from "../errors/failure.ts";
import type { IPerspective } from "../flavors/avatar.ts";
import { CONNECTION } from "../flavors/invoker.ts";
import { Admission, Refusal } from "./login_outcome.ts";
import type { PortalSettings } from "./portal_options.ts";

/** Maximum length in characters of a name in the log. */
const MAX_LOGGED_NAME = 64;

/** Waits for the limiter's consent to an attempt; rejects if the limiter denies it. */
export type AskLimiter = () => Promise<void>;

/** Asks a portal for an avatar, and before that the limiter, once it has what the client sends. */
export type Attempt = (askLimiter: AskLimiter) => Promise<AvatarGrant<IPerspective>>;

/** The consent to every attempt where there is no limiter. */
const CONSENT: AskLimiter = () => Promise.resolve();

/** Learns how far the logins of a connection have got. */
export interface LoginSteps {
  /** Called when a checker has said whose some credentials are, unless they are anonymous. */
  accepted(): void;
  /** Called when a client has logged in. */
  loggedIn(): void;
}

/** Names of the settings that are times. */
type Timeout = "challengeTimeout" | "loginTimeout";

/** The logins of one connection. */
export class Logins implements Watcher {
  /** The connection. */
  readonly broker: Broker;
  /** The options of the portal. */
  readonly settings: PortalSettings;
  readonly #steps: LoginSteps;
  /** Attempts that are under way may all fail, so the others may have to wait for them. */
  readonly #turns = new Turns();
  /** The avatars that the present logins were given. */
  readonly #present = new Set<object>();
  /** Number of logins whose users have not left; several may share an avatar. */
  #held = 0;
  #pending = 0;
  /** Approximate number of bytes that pending logins have brought, mostly in minds. */
  #pendingBytes = 0;
  #failures = 0;

  /**
   * Creates the record of a connection's logins.
   *
   * @param broker The connection.
   * @param settings The options of the portal.
   * @param steps Learns how far the logins have got.
   */
  constructor(broker: Broker, settings: PortalSettings, steps: LoginSteps) {
    this.broker = broker;
    this.settings = settings;
    this.#steps = steps;
  }

  /** Whether no more logins are possible. */
  get #isOver(): boolean {
    return this.#failures >= this.settings.maxFailedLogins || this.broker.isClosed;
  }

  /**
   * Takes a place among the pending logins.
   *
   * @param username The name that the client claims, if any.
   * @returns A function that gives the place back; a second call does nothing.
   * @throws {Refusal} If there is no place.
   */
  enter(username?: string): () => void {
    const { maxPendingLogins, maxStrangerBytes, maxLogins } = this.settings;
    const bytes = this.broker[CONNECTION].incoming.messageBytes;
    if (this.#isOver || this.#pending >= maxPendingLogins) throw tooMany();
    // Together they may bring as much as one alone may.
    if (this.#pending !== 0 && this.#pendingBytes + bytes > maxStrangerBytes) throw tooMany();
    if (this.#held + this.#pending >= maxLogins) throw this.#full(username);
    this.#pending++;
    this.#pendingBytes += bytes;
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#pending--;
      this.#pendingBytes -= bytes;
    };
  }

  /**
   * Logs in with what the client has sent.
   *
   * @param ask Asks the portal for the avatar.
   * @param username The name that the client claims, if any.
   * @returns The avatar, to be sent to the client.
   * @throws {Refusal} If the login fails.
   */
  login(
    ask: () => Promise<AvatarGrant<IPerspective>>,
    username?: string,
  ): Promise<Admission> {
    return this.exchange(async (askLimiter) => {
      await askLimiter();
      return await ask();
    }, username);
  }

  /**
   * Logs in by an attempt that waits for the client along the way.
   *
   * @param attempt Asks the limiter and the portal.
   * @param username The name that the client claims, if any.
   * @returns The avatar, to be sent to the client.
   * @throws {Refusal} If the login fails.
   */
  async exchange(attempt: Attempt, username?: string): Promise<Admission> {
    const leave = this.enter(username);
    await this.#turns.enter((underWay) =>
      this.#isOver || this.#failures + underWay < this.settings.maxFailedLogins
    );
    try {
      if (this.#isOver) throw tooMany();
      return await this.#make(attempt, leave, username);
    } finally {
      this.#turns.leave();
      leave();
    }
  }

  /**
   * Makes credentials report when they are accepted, and whether the client still waits.
   *
   * @param credentials The credentials.
   * @returns The same credentials.
   */
  watched(credentials: ICredentials): ICredentials {
    const watched: ICredentials & Watched = credentials;
    watched[WATCHER] = this;
    return watched;
  }

  /** Whether the client may still be waiting. */
  get isWaiting(): boolean {
    return !this.broker.isClosed;
  }

  /**
   * Learns that a checker has accepted credentials.
   *
   * @param avatarId Whose they are.
   */
  accepted(avatarId: AvatarId): void {
    if (avatarId !== ANONYMOUS) this.#steps.accepted();
  }

  /**
   * Counts and logs a failed login, and returns what the client is told.
   *
   * @param error The error that it failed with.
   * @param username The name that the client claims, if any.
   * @returns The refusal; the last one allowed closes the connection once it has been sent.
   */
  refusal(error: unknown, username?: string): Refusal {
    const { isClosed } = this.broker;
    // A client that leaves has given up, but its password may have been checked, and been wrong.
    const isGivenUp = error instanceof LoginDenied || error instanceof PBConnectionLost;
    if (!isClosed || !isGivenUp) this.#logFailure(error, username);
    if (isClosed) return new Refusal(error);
    const { maxFailedLogins } = this.settings;
    if (++this.#failures < maxFailedLogins) return new Refusal(error);
    const fact = `${this.#failures} logins have failed`;
    // The refusal is being written when the callback runs, and must go out first.
    return new Refusal(error, () => queueMicrotask(() => this.close("maxFailedLogins", fact)));
  }

  /**
   * Closes the connection because of a limit.
   *
   * @param limit Name of the limit.
   * @param fact What has happened.
   */
  close(limit: string, fact: string): void {
    this.broker.close(new LoginLimitError(limit, `Cannot keep connection: ${fact}`));
  }

  /**
   * Calls a function after a time, unless that is infinite.
   *
   * @param name Name of the setting.
   * @param callback The function; it gets the time in milliseconds.
   * @returns A function that cancels the call.
   */
  after(name: Timeout, callback: (timeout: number) => void): () => void {
    const delay = this.settings[name];
    const alarm: Alarm = { delay, place: undefined, ring: () => callback(delay) };
    CLOCK.set(alarm);
    return () => CLOCK.clear(alarm);
  }

  /** Makes an attempt; a login that succeeds is no longer pending, but held. */
  async #make(attempt: Attempt, leave: () => void, username?: string): Promise<Admission> {
    try {
      const grant = await this.#limited(attempt, username);
      leave();
      const admission = new Admission(this.broker, this.#counted(grant), this.#present);
      this.#steps.loggedIn();
      return admission;
    } catch (error) {
      throw this.refusal(error, username);
    }
  }

  /** Makes an attempt under the limiter, if there is one. */
  async #limited(attempt: Attempt, username?: string): Promise<AvatarGrant<IPerspective>> {
    const { limiter, addressOf } = this.settings;
    if (limiter === undefined) return await attempt(CONSENT);
    const address = addressOf(this.broker.peer);
    const gone = new AbortController();
    const lost = () => gone.abort(new PBConnectionLost("Cannot log in: connection lost"));
    this.broker.notifyOnDisconnect(lost);
    try {
      return await limitExchange(attempt, {
        limiter,
        signal: gone.signal,
        ...(address !== undefined && { address }),
        ...(username !== undefined && { username }),
      });
    } finally {
      this.broker.dontNotifyOnDisconnect(lost);
    }
  }

  /** Counts a login until its user has left. */
  #counted([type, avatar, logout]: AvatarGrant<IPerspective>): AvatarGrant<IPerspective> {
    this.#held++;
    return [type, avatar, () => {
      this.#held--;
      return logout();
    }];
  }

  /** Refuses a login for which there is no place, and logs it; it does not count as a failure. */
  #full(username: string | undefined): Refusal {
    const { maxLogins } = this.settings;
    const fact = `there may be ${maxLogins} logins over this connection at once`;
    const denied = new LoginDenied(`Cannot log in: ${fact}`);
    const message = `${this.#attemptOf(username)} refused: ${denied.message}`;
    this.broker[CONNECTION].logOften({ event: "loginRefused", level: "warning", message });
    return new Refusal(denied);
  }

  #logFailure(error: unknown, username: string | undefined): void {
    const attempt = this.#attemptOf(username);
    // A realm may refuse a user for a reason of its own, and tell it.
    if (error instanceof LoginFailed || isExpected(error)) {
      const message = `${attempt} refused: ${messageOf(error)}`;
      const { cause } = error as Error;
      this.broker.log({ event: "loginRefused", level: "warning", message, error: cause });
    } else {
      const message = `${attempt} failed`;
      this.broker.log({ event: "loginFailed", level: "error", message, error });
    }
  }

  /** Describes who tries to log in, and from where. */
  #attemptOf(username: string | undefined): string {
    const who = username === undefined
      ? ""
      : ` of ${JSON.stringify(username.slice(0, MAX_LOGGED_NAME))}`;
    return `Login${who} from ${this.broker.peer.address}`;
  }
}

function tooMany(): Refusal {
  return new Refusal(new LoginDenied("Cannot log in: too many logins over this connection"));
}

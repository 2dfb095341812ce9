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
import { ACCEPTED, WANTED, type Watched } from "../../cred/watched.ts";
import { type Alarm, CLOCK } from "../../transport/base/clock.ts";
import { hostOf } from "../../transport/base/crowd.ts";
import type { Peer } from "../../transport/mod.ts";
import type { Broker } from "../connection/broker.ts";
import { LoginLimitError, PBConnectionLost } from "../errors/errors.ts";
import type { IPerspective } from "../flavors/avatar.ts";
import { CONNECTION } from "../flavors/invoker.ts";
import { Admission, Refusal } from "./login_outcome.ts";
import type { PortalSettings } from "./portal_options.ts";

/** Maximum length in characters of a name in the log. */
const MAX_LOGGED_NAME = 64;

/** The admission of every attempt where there is no limiter. */
const ADMITTED = Promise.resolve();

/** Logs in through a portal, and asks for admission once it has what the client sends. */
type Exchange = (admit: () => Promise<void>) => Promise<AvatarGrant<IPerspective>>;

/** Learns how far the logins of a connection have got. */
export interface LoginSteps {
  /**
   * Called when a checker has accepted credentials and said whose they are, unless they are
   * anonymous.
   */
  readonly accepted: () => void;
  /** Called when a client has logged in. */
  readonly admitted: () => void;
}

/** Names of the settings that are times. */
type Timeout = "challengeTimeout" | "loginTimeout";

/** The logins of one connection. */
export class LoginSession {
  /** The connection. */
  readonly broker: Broker;
  /** The options of the portal. */
  readonly settings: PortalSettings;
  /** The address that the connection comes from. */
  readonly host: string;
  readonly #steps: LoginSteps;
  /** The attempts whose outcome is open: each may fail. */
  readonly #attempts = new Turns();
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
    this.host = addressFor(settings, broker.peer) ?? "";
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
   * Makes an attempt to log in.
   *
   * @param attempt Asks the portal.
   * @param username The name that the client claims, if any.
   * @returns The avatar, to be sent to the client.
   * @throws {Refusal} If the attempt fails.
   */
  login(
    attempt: () => Promise<AvatarGrant<IPerspective>>,
    username?: string,
  ): Promise<Admission> {
    return this.exchange(async (admit) => {
      await admit();
      return await attempt();
    }, username);
  }

  /**
   * Makes an attempt to log in that waits for the client along the way.
   *
   * @param attempt Asks the portal; it must ask for admission as soon as it has what the client
   * sends.
   * @param username The name that the client claims, if any.
   * @returns The avatar, to be sent to the client.
   * @throws {Refusal} If the attempt fails.
   */
  async exchange(attempt: Exchange, username?: string): Promise<Admission> {
    const leave = this.enter(username);
    await this.#attempts.enter((underWay) =>
      this.#isOver || this.#failures + underWay < this.settings.maxFailedLogins
    );
    try {
      if (this.#isOver) throw tooMany();
      return await this.#admit(attempt, leave, username);
    } finally {
      this.#attempts.leave();
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
    const accepted = (avatarId: AvatarId): void => {
      if (avatarId !== ANONYMOUS) this.#steps.accepted();
    };
    const watch: Watched = { [ACCEPTED]: accepted, [WANTED]: () => !this.broker.isClosed };
    return Object.assign(credentials, watch);
  }

  /** Makes an attempt; one that succeeds is no longer pending, but held. */
  async #admit(attempt: Exchange, leave: () => void, username?: string): Promise<Admission> {
    try {
      const grant = await this.#limited(attempt, username);
      leave();
      const admission = new Admission(this.broker, this.#counted(grant), this.#present);
      this.#steps.admitted();
      return admission;
    } catch (error) {
      throw this.refusal(error, username);
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

  /** Describes who tries to log in, and from where. */
  #attemptOf(username: string | undefined): string {
    const who = username === undefined
      ? ""
      : ` of ${JSON.stringify(username.slice(0, MAX_LOGGED_NAME))}`;
    return `Login${who} from ${this.broker.peer.address}`;
  }

  /**
   * Counts and logs a failed login, and returns what the client is told.
   *
   * @param error The error that it failed with.
   * @param username The name that the client claims, if any.
   * @returns The refusal; the last one allowed closes the connection once it has been sent.
   */
  refusal(error: unknown, username?: string): Refusal {
    if (this.broker.isClosed) return new Refusal(error);
    const attempt = this.#attemptOf(username);
    if (error instanceof LoginFailed) {
      const message = `${attempt} refused: ${error.message}`;
      this.broker.log({ event: "loginRefused", level: "warning", message, error: error.cause });
    } else {
      this.broker.log({
        event: "loginFailed",
        level: "error",
        message: `${attempt} failed`,
        error,
      });
    }
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
    if (delay === Infinity) return () => {};
    const alarm: Alarm = { delay, place: undefined, ring: () => callback(delay) };
    CLOCK.set(alarm);
    return () => CLOCK.clear(alarm);
  }

  async #limited(
    attempt: Exchange,
    username: string | undefined,
  ): Promise<AvatarGrant<IPerspective>> {
    const { limiter } = this.settings;
    if (limiter === undefined) return await attempt(() => ADMITTED);
    const address = addressFor(this.settings, this.broker.peer);
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
}

function tooMany(): Refusal {
  return new Refusal(new LoginDenied("Cannot log in: too many logins over this connection"));
}

/**
 * Returns the address that counts for a peer; undefined if the peer is on this machine by its
 * nature, or is not known.
 */
function addressFor({ addressOf = addressWithin }: PortalSettings, peer: Peer): string | undefined {
  return addressOf(peer);
}

function addressWithin({ kind, address }: Peer): string | undefined {
  if (kind === "unix" || kind === "memory" || kind === "port") return undefined;
  // Where a handler did not say who asks, all peers are unknown, rather than one and the same.
  return address === "" ? undefined : hostOf(address);
}

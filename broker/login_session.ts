/**
 * What the logins of one connection have in common: how many there are, and how many have failed.
 *
 * @module
 */

import { ACCEPTED } from "../cred/accepted.ts";
import { ANONYMOUS, type AvatarId } from "../cred/checkers.ts";
import type { ICredentials } from "../cred/credentials.ts";
import { LoginDenied, LoginFailed } from "../cred/errors.ts";
import { limitExchange } from "../cred/login_limiter.ts";
import type { AvatarGrant } from "../cred/portal.ts";
import { Turns } from "../cred/turns.ts";
import { type Alarm, CLOCK } from "../transport/clock.ts";
import { hostOf } from "../transport/crowd.ts";
import type { Peer } from "../transport/mod.ts";
import type { IPerspective } from "./avatar.ts";
import type { Broker } from "./broker.ts";
import { LoginLimitError, PBConnectionLost } from "./errors.ts";
import { Admission, Refusal } from "./login_outcome.ts";
import type { PortalSettings } from "./portal_options.ts";

/** Longest name that is written into a log. */
const MAX_LOGGED_NAME = 64;

/** The admission of every attempt, where there is no limiter to ask. */
const ADMITTED = Promise.resolve();

/** Logs in by a portal, and asks for admission when it has what the client says. */
type Exchange = (admit: () => Promise<void>) => Promise<AvatarGrant<IPerspective>>;

/** Learns how far a connection has come. */
export interface LoginSteps {
  /** Is called when a checker has said whose credentials a client has shown, unless they are nobody's. */
  readonly accepted: () => void;
  /** Is called when somebody has logged in. */
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
  /** The attempts whose outcome is open: each may be a failure. */
  readonly #attempts = new Turns();
  /** What those who are logged in have been given. */
  readonly #present = new Set<object>();
  /** How many are logged in; an avatar may be that of several. */
  #held = 0;
  #pending = 0;
  /** About how many bytes they have brought: minds, above all. */
  #pendingBytes = 0;
  #failures = 0;

  /**
   * Creates the account of a connection.
   *
   * @param broker The connection.
   * @param settings The options of the portal.
   * @param steps Learns how far the connection has come.
   */
  constructor(broker: Broker, settings: PortalSettings, steps: LoginSteps) {
    this.broker = broker;
    this.settings = settings;
    this.host = addressFor(settings, broker.peer) ?? "";
    this.#steps = steps;
  }

  /** Whether nobody can log in any more. */
  get #isOver(): boolean {
    return this.#failures >= this.settings.maxFailedLogins || this.broker.isClosed;
  }

  /**
   * Takes a place among the logins that are under way.
   *
   * @param username Who the client says it is, if it does.
   * @returns Gives the place back; a second call does nothing.
   * @throws {Refusal} If there is none.
   */
  enter(username?: string): () => void {
    const { maxPendingLogins, maxStrangerBytes, maxLogins } = this.settings;
    const bytes = this.broker.messageBytes;
    if (this.#isOver || this.#pending >= maxPendingLogins) throw tooMany();
    // All together may bring what one alone may.
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
   * @param username Who the client says it is, if it does.
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
   * Makes an attempt to log in that waits for the client on its way.
   *
   * @param attempt Asks the portal; it is to ask for admission as soon as it has what the client says.
   * @param username Who the client says it is.
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
   * Has credentials tell when they are accepted.
   *
   * @param credentials The credentials.
   * @returns The same.
   */
  watched(credentials: ICredentials): ICredentials {
    const accepted = (avatarId: AvatarId): void => {
      if (avatarId !== ANONYMOUS) this.#steps.accepted();
    };
    return Object.assign(credentials, { [ACCEPTED]: accepted });
  }

  /** Makes an attempt; one that succeeds is under way no more, but held. */
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

  /** Refuses a login for which there is no place, and writes it down; it counts as no failure. */
  #full(username: string | undefined): Refusal {
    const { maxLogins } = this.settings;
    const fact = `there may be ${maxLogins} logins over this connection at once`;
    const denied = new LoginDenied(`Cannot log in: ${fact}`);
    const message = `${this.#attemptOf(username)} refused: ${denied.message}`;
    this.broker.logOften({ event: "loginRefused", level: "warning", message });
    return new Refusal(denied);
  }

  /** Says who tries to log in, and from where. */
  #attemptOf(username: string | undefined): string {
    const who = username === undefined
      ? ""
      : ` of ${JSON.stringify(username.slice(0, MAX_LOGGED_NAME))}`;
    return `Login${who} from ${this.broker.peer.address}`;
  }

  /**
   * Counts a login that failed, writes it down, and says what the client is told.
   *
   * @param error What it failed with.
   * @param username Who the client says it is, if it does.
   * @returns The refusal; the last one that may be closes the connection when it has been sent.
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
    // The refusal is being written when the callback runs, and is to go out first.
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
   * Has something done after a time, unless that is infinite.
   *
   * @param name Name of the setting.
   * @param callback What to do; it gets the time in milliseconds.
   * @returns Keeps it from being done.
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

/** Gives the address that counts for a peer; none if it is on this machine by its nature, or is not known. */
function addressFor({ addressOf = addressWithin }: PortalSettings, peer: Peer): string | undefined {
  return addressOf(peer);
}

function addressWithin({ kind, address }: Peer): string | undefined {
  if (kind === "unix" || kind === "memory" || kind === "port") return undefined;
  // Where a handler did not say who asks, all are unknown, and not one and the same.
  return address === "" ? undefined : hostOf(address);
}

/**
 * Connections of which nobody knows yet whose they are, and what these are held to.
 *
 * @module
 */

import type { Crowd, Visitor } from "../transport/crowd.ts";
import type { StrangerBounds } from "./bound.ts";
import type { Broker } from "./broker.ts";
import { LoginLimitError } from "./errors.ts";
import { LoginSession, type LoginSteps } from "./login_session.ts";
import type { PortalSettings } from "./portal_options.ts";

/** What all strangers of a portal have in common. */
export interface StrangersPlace {
  /** The options of the portal. */
  readonly settings: PortalSettings;
  /** What each is held to. */
  readonly bounds: StrangerBounds;
  /** Those who are there. */
  readonly crowd: Crowd<Stranger>;
}

/** A connection on its way to a login. */
export class Stranger implements Visitor, LoginSteps {
  /** Its logins. */
  readonly session: LoginSession;
  readonly #broker: Broker;
  readonly #crowd: Crowd<Stranger>;
  /** Ends the time that there is for a login. */
  readonly #stopClock: () => void;

  /**
   * Lets a connection in; if there are too many, another one is closed for it.
   *
   * @param broker The connection.
   * @param place Where it comes to.
   */
  constructor(broker: Broker, { settings, bounds, crowd }: StrangersPlace) {
    this.#broker = broker;
    this.#crowd = crowd;
    const session = this.session = new LoginSession(broker, settings, this);
    const { maxStrangers } = settings;
    if (crowd.size >= maxStrangers) {
      const fact = `there are ${maxStrangers} connections without a login`;
      crowd.takeOne()!.session.close("maxStrangers", fact);
    }
    crowd.add(this);
    broker.limitStranger(bounds);
    this.#stopClock = session.after(
      "loginTimeout",
      (timeout) => session.close("loginTimeout", `nobody has logged in within ${timeout} ms`),
    );
    broker.notifyOnDisconnect(this.admitted);
  }

  /** Where the connection comes from. */
  get host(): string {
    return this.session.host;
  }

  /** Ends the limits; not the time, as the realm may still refuse. */
  readonly accepted = (): void => {
    this.#crowd.delete(this);
    this.#broker.limitStranger(undefined);
  };

  /** Ends all that there is for strangers. */
  readonly admitted = (): void => {
    this.#stopClock();
    this.accepted();
    this.#broker.dontNotifyOnDisconnect(this.admitted);
  };
}

/**
 * Makes the limits that hold for a stranger's connection.
 *
 * @param settings The options of the portal.
 * @returns The limits.
 */
export function strangerBounds(settings: PortalSettings): StrangerBounds {
  const { maxStrangerBytes, maxStrangerReferences } = settings;
  return {
    messageBytes: {
      most: maxStrangerBytes,
      passed() {
        const fact = `more than ${maxStrangerBytes} bytes, and nobody has logged in`;
        return new LoginLimitError("maxStrangerBytes", `Cannot read message: ${fact}`);
      },
    },
    references: {
      most: maxStrangerReferences,
      passed() {
        const fact = `more than ${maxStrangerReferences} are held, and nobody has logged in`;
        return new LoginLimitError("maxStrangerReferences", `Cannot take reference: ${fact}`);
      },
    },
  };
}

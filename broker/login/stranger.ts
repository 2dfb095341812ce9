/**
 * Connections without a login, whose users are not known yet, and the limits for them.
 *
 * @module
 */

import type { Crowd, Visitor } from "../../transport/base/crowd.ts";
import type { Broker } from "../connection/broker.ts";
import { LoginLimitError } from "../errors/errors.ts";
import { CONNECTION } from "../flavors/invoker.ts";
import type { StrangerBounds } from "../link/bound.ts";
import { LoginSession, type LoginSteps } from "./login_session.ts";
import type { PortalSettings } from "./portal_options.ts";

/** What all strangers of a portal share. */
export interface StrangersPlace {
  /** The options of the portal. */
  readonly settings: PortalSettings;
  /** The limits for each. */
  readonly bounds: StrangerBounds;
  /** The present strangers. */
  readonly crowd: Crowd<Stranger>;
}

/** A connection on its way to a login. */
export class Stranger implements Visitor, LoginSteps {
  /** Its logins. */
  readonly session: LoginSession;
  readonly #broker: Broker;
  readonly #crowd: Crowd<Stranger>;
  /** Stops the timer for the login. */
  readonly #stopClock: () => void;

  /**
   * Admits a connection; if there are too many, another one is closed to make room.
   *
   * @param broker The connection.
   * @param place What the strangers of the portal share.
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
    broker[CONNECTION].limitStranger(bounds);
    this.#stopClock = session.after(
      "loginTimeout",
      (timeout) => session.close("loginTimeout", `nobody has logged in within ${timeout} ms`),
    );
    broker.notifyOnDisconnect(this.admitted);
  }

  /** The host that the connection comes from. */
  get host(): string {
    return this.session.host;
  }

  /** Ends the limits, but not the timer, as the realm may still refuse. */
  readonly accepted = (): void => {
    this.#crowd.delete(this);
    this.#broker[CONNECTION].limitStranger(undefined);
  };

  /** Ends everything that applies to strangers. */
  readonly admitted = (): void => {
    this.#stopClock();
    this.accepted();
    this.#broker.dontNotifyOnDisconnect(this.admitted);
  };
}

/**
 * Creates the limits for a stranger's connection.
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

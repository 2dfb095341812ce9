/**
 * Connections without a login, whose users are not known yet, and the limits for them.
 *
 * @module
 */

import { Crowd, type Visitor } from "../../transport/base/crowd.ts";
import type { Broker } from "../connection/broker.ts";
import { LoginLimitError } from "../errors/errors.ts";
import { CONNECTION } from "../flavors/invoker.ts";
import type { StrangerBounds } from "../link/bound.ts";
import { Logins, type LoginSteps } from "./logins.ts";
import type { PortalSettings } from "./portal_options.ts";

/** Where the strangers of a portal wait until they are known. */
export class Lobby {
  /** The options of the portal. */
  readonly settings: PortalSettings;
  /** The limits for the connection of each stranger. */
  readonly bounds: StrangerBounds;
  /** The present strangers. */
  readonly strangers: Crowd<Stranger> = new Crowd();

  /**
   * Creates an empty lobby.
   *
   * @param settings The options of the portal.
   */
  constructor(settings: PortalSettings) {
    this.settings = settings;
    this.bounds = strangerBounds(settings);
  }
}

/** A connection on its way to a login. */
export class Stranger implements Visitor, LoginSteps {
  /** The host that the connection comes from. */
  readonly host: string;
  /** Its logins. */
  readonly logins: Logins;
  readonly #broker: Broker;
  readonly #strangers: Crowd<Stranger>;
  /** Stops the timer for the login. */
  readonly #stopTimer: () => void;

  /**
   * Lets a connection in; if there are too many, another one is closed to make room.
   *
   * @param broker The connection.
   * @param lobby Where the strangers of the portal wait.
   */
  constructor(broker: Broker, { settings, bounds, strangers }: Lobby) {
    const { addressOf, maxStrangers } = settings;
    this.host = addressOf(broker.peer) ?? "";
    this.#broker = broker;
    this.#strangers = strangers;
    const logins = this.logins = new Logins(broker, settings, this);
    if (strangers.size >= maxStrangers) {
      const fact = `there are ${maxStrangers} connections without a login`;
      strangers.takeOne()!.logins.close("maxStrangers", fact);
    }
    strangers.add(this);
    broker[CONNECTION].limitStranger(bounds);
    this.#stopTimer = logins.after(
      "loginTimeout",
      (timeout) => logins.close("loginTimeout", `nobody has logged in within ${timeout} ms`),
    );
    broker.notifyOnDisconnect(this.#leave);
  }

  /** Ends the limits, but not the timer, as the realm may still refuse. */
  accepted(): void {
    this.#strangers.delete(this);
    this.#broker[CONNECTION].limitStranger(undefined);
  }

  /** Ends everything that applies to strangers. */
  loggedIn(): void {
    this.#leave();
  }

  readonly #leave = (): void => {
    this.#stopTimer();
    this.accepted();
    this.#broker.dontNotifyOnDisconnect(this.#leave);
  };
}

function strangerBounds(
  { maxStrangerBytes, maxStrangerReferences }: PortalSettings,
): StrangerBounds {
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

/**
 * A portal as what a server publishes: each connection gets a root object that takes logins.
 *
 * @module
 */

import type { Portal } from "../cred/portal.ts";
import { Crowd } from "../transport/crowd.ts";
import type { StrangerBounds } from "./bound.ts";
import type { Broker } from "./broker.ts";
import { LoginLimitError } from "./errors.ts";
import { LoginRoot } from "./login_root.ts";
import { LoginSession } from "./login_session.ts";
import { type PortalOptions, type PortalSettings, portalSettings } from "./portal_options.ts";
import type { IPBRoot, RemoteTarget } from "./referenceable.ts";

/**
 * Gives every connection a root object that takes logins at a portal.
 *
 * `serve(portal, { login })` makes one. Make it yourself where several servers share a portal, so
 * that they share its limits.
 *
 * @example One portal, two servers
 * ```ts
 * import { Avatar, IPerspective, Portal, PortalRoot, serve } from "@perspective/broker";
 *
 * const portal = new Portal({ requestAvatar: () => [IPerspective, new Avatar(), () => {}] });
 * const root = new PortalRoot(portal, { maxStrangers: 100 });
 * await using first = serve(root, { hostname: "127.0.0.1", port: 0 });
 * await using second = serve(root, { hostname: "127.0.0.1", port: 0 });
 * ```
 */
export class PortalRoot implements IPBRoot {
  readonly #portal: Portal;
  readonly #settings: PortalSettings;
  readonly #bounds: StrangerBounds;
  /** The connections over which nobody has logged in. */
  readonly #strangers = new Crowd<LoginSession>();

  /**
   * Creates the root of a portal.
   *
   * @param portal Where to log in.
   * @param options Mechanisms and limits.
   * @throws {RangeError} If a number is out of range.
   * @throws {TypeError} If there is no such mechanism.
   */
  constructor(portal: Portal, options: PortalOptions = {}) {
    this.#portal = portal;
    this.#settings = portalSettings(options);
    this.#bounds = strangerBounds(this.#settings);
  }

  /** How many connections there are over which nobody has logged in. */
  get strangers(): number {
    return this.#strangers.size;
  }

  /**
   * Gives a connection its root object.
   *
   * @param broker The connection.
   * @returns The object that takes logins.
   */
  rootObject(broker: Broker): RemoteTarget {
    let known = (): void => {};
    const session = new LoginSession(broker, this.#settings, () => known());
    known = this.#watch(session);
    return new LoginRoot(this.#portal, session);
  }

  /** Limits what a stranger can do; gives what to call when it is one no more. */
  #watch(session: LoginSession): () => void {
    const { broker } = session;
    const { maxStrangers } = this.#settings;
    if (this.#strangers.size >= maxStrangers) {
      const fact = `there are ${maxStrangers} connections without a login`;
      this.#strangers.takeOne()!.close("maxStrangers", fact);
    }
    this.#strangers.add(session);
    broker.limitStranger(this.#bounds);
    const stop = session.after(
      "loginTimeout",
      (timeout) => session.close("loginTimeout", `nobody has logged in within ${timeout} ms`),
    );
    const known = (): void => {
      stop();
      this.#strangers.delete(session);
      broker.limitStranger(undefined);
      broker.dontNotifyOnDisconnect(known);
    };
    broker.notifyOnDisconnect(known);
    return known;
  }
}

function strangerBounds(settings: PortalSettings): StrangerBounds {
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

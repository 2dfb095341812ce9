/**
 * A portal as the published object of a server: each connection gets a root object that handles
 * logins.
 *
 * @module
 */

import type { Portal } from "../../cred/portal.ts";
import type { Broker } from "../connection/broker.ts";
import type { IPBRoot, RemoteTarget } from "../flavors/referenceable.ts";
import { LoginRoot } from "./login_root.ts";
import { type PortalOptions, portalSettings } from "./portal_options.ts";
import { Lobby, Stranger } from "./stranger.ts";

/**
 * Gives every connection a root object that handles logins to a portal.
 *
 * `serve(portal, { login })` creates one. Create it yourself where several servers share a portal,
 * so that they share its limits.
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
  readonly #lobby: Lobby;

  /**
   * Creates the root of a portal.
   *
   * @param portal The portal to log in to.
   * @param options Mechanisms and limits.
   * @throws {RangeError} If a number is out of range.
   * @throws {TypeError} If there is no such mechanism.
   */
  constructor(portal: Portal, options: PortalOptions = {}) {
    this.#portal = portal;
    this.#lobby = new Lobby(portalSettings(options));
  }

  /** Number of connections over which no client has proved its identity or logged in. */
  get strangers(): number {
    return this.#lobby.strangers.size;
  }

  /**
   * Returns the root object for a connection.
   *
   * @param broker The connection.
   * @returns The object that handles logins.
   */
  rootObject(broker: Broker): RemoteTarget {
    const { logins } = new Stranger(broker, this.#lobby);
    return new LoginRoot(this.#portal, logins);
  }
}

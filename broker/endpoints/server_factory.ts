/**
 * The factory that creates brokers for the connections of a server
 * (`twisted.spread.pb.PBServerFactory`).
 *
 * @module
 */

import { Portal } from "../../cred/portal.ts";
import type { Dialed } from "../../transport/mod.ts";
import { Broker } from "../connection/broker.ts";
import type { ServerRole } from "../connection/broker_role.ts";
import { type BrokerSettings, brokerSettings } from "../connection/options.ts";
import type { IPBRoot, RemoteTarget } from "../flavors/referenceable.ts";
import { LoginRoot } from "../login/login_root.ts";
import type { PortalOptions } from "../login/portal_options.ts";
import { PortalRoot } from "../login/portal_root.ts";
import {
  CONNECTIONS,
  type ConnectionsOptions,
  ServerConnections,
  type ServerStats,
  type ShutdownOptions,
} from "./server_connections.ts";

/**
 * What a server gives its clients: an object, a portal to log in at, or a root that chooses an
 * object for each connection.
 */
export type ServerRoot = Portal | IPBRoot | RemoteTarget;

/** Options for {@linkcode PBServerFactory}. */
export interface ServerOptions extends ConnectionsOptions {
  /** Mechanisms and limits of logins, if the root is a `Portal`. */
  login?: PortalOptions;
}

/**
 * Creates brokers for the server's end of connections, and holds them.
 *
 * `serve` and `handleWebSocket` create one, or accept one: a server that listens in several places
 * has one factory for all of them, so that limits, statistics and shutdown apply to all of its
 * connections.
 *
 * @example
 * ```ts
 * import { PBServerFactory, Root } from "@perspective/broker/broker";
 * import { memoryPair } from "@perspective/broker/transport";
 * import { assertEquals } from "@std/assert";
 *
 * await using factory = new PBServerFactory(new Root(), { maxConnections: 100 });
 * const [here] = memoryPair();
 * const broker = factory.buildBroker(here);
 * assertEquals(factory.brokers.has(broker), true);
 * assertEquals(factory.stats.connections, 1);
 * ```
 */
export class PBServerFactory implements AsyncDisposable {
  /** Rules and limits of each connection. */
  readonly settings: BrokerSettings;
  readonly #role: ServerRole;
  readonly #connections: ServerConnections;

  /**
   * Creates a factory.
   *
   * @param root What each client gets.
   * @param options Rules and limits for each connection, and for all of them together.
   * @throws {TypeError} If the root cannot be used, or there are options for logins and it is not a
   * portal.
   * @throws {RangeError} If a limit is out of range.
   */
  constructor(root: ServerRoot, options: ServerOptions = {}) {
    this.settings = brokerSettings(options);
    const connections = new ServerConnections({ ...options, log: this.settings.log });
    this.#connections = connections;
    this.#role = {
      kind: "server",
      rootFor: rootFor(root, options.login),
      loginsOf: (object) => object instanceof LoginRoot ? object.offer() : undefined,
      onOpened: (broker) => connections.opened(broker),
      onEnded: (broker, reason) => connections.ended(broker, reason),
    };
  }

  /**
   * The connections, with what only this library needs to know of them.
   *
   * @internal
   */
  get [CONNECTIONS](): ServerConnections {
    return this.#connections;
  }

  /** The connections that are open. */
  get brokers(): ReadonlySet<Broker> {
    return this.#connections.brokers;
  }

  /** What is worth monitoring: numbers of connections, calls and bytes. */
  get stats(): ServerStats {
    return this.#connections.stats;
  }

  /** Whether the next connection would be refused: there are too many, or the factory is closed. */
  get isFull(): boolean {
    return this.#connections.isFull;
  }

  /**
   * Begins to serve a connection.
   *
   * @param dialed The connection; the broker closes it, and it is also closed if no broker is
   * created.
   * @returns Its broker.
   * @throws {LimitError} If there are already `maxConnections`.
   * @throws {GoingAwayError} If the factory is closed.
   * @throws {unknown} What the root's `rootObject` throws.
   */
  buildBroker(dialed: Dialed): Broker {
    return this.#connections.add(dialed, () => new Broker(dialed, this.#role, this.settings));
  }

  /**
   * Begins to serve a connection, as {@linkcode PBServerFactory.buildBroker} does, but never
   * throws: for loops that accept connections, which must go on.
   *
   * @param dialed The connection.
   * @returns Its broker, or undefined if it is not served; the log says why.
   */
  accept(dialed: Dialed): Broker | undefined {
    if (this.isFull) {
      this.#connections.refuse(dialed);
      return undefined;
    }
    try {
      return this.buildBroker(dialed);
    } catch (error) {
      const message = `Cannot serve "${dialed.peer.address}": its root object failed`;
      const { peer } = dialed;
      this.settings.log({ event: "connectionFailed", level: "error", message, peer, error });
      return undefined;
    }
  }

  /**
   * Closes all connections for good: later ones are refused. Clients are told that the server is
   * going away, if the transport can tell them. A second call waits
   * too, and calls under way have no more time than it gives them.
   *
   * @param options How much time calls under way have.
   * @returns Resolves when all connections have ended.
   * @throws {RangeError} If the time is not a number of at least 0.
   */
  close(options: ShutdownOptions = {}): Promise<void> {
    return this.#connections.close(options);
  }

  /** Same as {@linkcode PBServerFactory.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function rootFor(root: ServerRoot, login?: PortalOptions): (broker: Broker) => RemoteTarget {
  if (root instanceof Portal) return rootFor(new PortalRoot(root, login));
  if (login !== undefined) {
    throw new TypeError("Cannot use options for logins: the root is not a Portal");
  }
  if ("rootObject" in root) return (broker) => root.rootObject(broker);
  if ("remoteMessageReceived" in root) return () => root;
  throw new TypeError("Cannot serve: the root is neither a Portal nor a Root nor a Referenceable");
}

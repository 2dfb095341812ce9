/**
 * Factories that create brokers for connections (`twisted.spread.pb.PBServerFactory`,
 * `PBClientFactory`).
 *
 * @module
 */

import type { ICredentials } from "../../cred/credentials.ts";
import { Portal } from "../../cred/portal.ts";
import { closeOnAbort } from "../../transport/base/deadline.ts";
import {
  dial,
  type Dialed,
  type DialOptions,
  HandshakeError,
  parseUrl,
} from "../../transport/mod.ts";
import { Outcome } from "../async/outcome.ts";
import { Broker } from "../connection/broker.ts";
import type { BrokerRole } from "../connection/broker_role.ts";
import {
  type BrokerOptions,
  type BrokerSettings,
  brokerSettings,
  clientSettings,
} from "../connection/options.ts";
import type { IPBRoot, RemoteTarget } from "../flavors/referenceable.ts";
import type { RemoteReference } from "../flavors/remote_reference.ts";
import type { CopiedAvatarOptions, LoginOptions } from "../login/login.ts";
import type { PortalOptions } from "../login/portal_options.ts";
import { PortalRoot } from "../login/portal_root.ts";
import {
  Connections,
  type ConnectionsOptions,
  type ServerStats,
  type ShutdownOptions,
} from "./connections.ts";
import { credentialsIn } from "./url_credentials.ts";

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
  readonly #role: BrokerRole;
  readonly #settings: BrokerSettings;
  readonly #connections: Connections;

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
    this.#settings = brokerSettings(options);
    const connections = new Connections({ ...options, log: this.#settings.log });
    this.#connections = connections;
    this.#role = {
      kind: "server",
      rootFor: rootFor(root, options.login),
      onEnded: (broker, reason) => connections.ended(broker, reason),
    };
  }

  /** Rules and limits of each connection. */
  get settings(): BrokerSettings {
    return this.#settings;
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
    return this.#connections.add(dialed, () => new Broker(dialed, this.#role, this.#settings));
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
      this.refuse(dialed);
      return undefined;
    }
    try {
      return this.buildBroker(dialed);
    } catch (error) {
      const message = `Cannot serve "${dialed.peer.address}": its root object failed`;
      const { peer } = dialed;
      this.#settings.log({ event: "connectionFailed", level: "error", message, peer, error });
      return undefined;
    }
  }

  /**
   * Counts a connection that is not served, since there are too many or the factory is closed.
   *
   * @param dialed The connection, to be closed; none if it was not even opened.
   * @returns Why it is not served.
   */
  refuse(dialed?: Dialed): Error {
    return this.#connections.refuse(dialed);
  }

  /**
   * Counts a connection that failed before it was established, such as in a handshake, and logs
   * why, unless the peer only checked that a server is there.
   *
   * @param error What went wrong.
   */
  failed(error: Error): void {
    this.#connections.countFailure();
    if (error instanceof HandshakeError && error.isProbe) return;
    const { message } = error;
    this.#settings.log({ event: "connectionFailed", level: "warning", message });
  }

  /**
   * Registers a function to be called with each connection that has ended.
   *
   * @param listener Receives the broker; must not throw.
   */
  notifyOnEnd(listener: (broker: Broker) => void): void {
    this.#connections.notifyOnEnd(listener);
  }

  /**
   * Undoes {@linkcode PBServerFactory.notifyOnEnd}.
   *
   * @param listener The function.
   */
  dontNotifyOnEnd(listener: (broker: Broker) => void): void {
    this.#connections.dontNotifyOnEnd(listener);
  }

  /**
   * Closes all connections for good: later ones are refused. Clients are told that the server is
   * going away, if the transport can tell them. A second call without `graceful` hurries the first
   * one.
   *
   * @param options How much time calls under way have.
   * @returns Resolves when all connections have ended.
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

/** Options for {@linkcode PBClientFactory}. */
export interface ClientOptions extends BrokerOptions, DialOptions {
  /**
   * Milliseconds for everything until the connection is established, and then again for the server
   * to say which dialects it speaks, if that is less than `negotiationTimeout`; 30,000 unless
   * given.
   */
  timeout?: number;
}

/**
 * Connects to a server, with the methods of Twisted's factory; these use the latest connection.
 *
 * `connect` is all that new programs need; this is for programmers who know Twisted.
 *
 * @example
 * ```ts
 * import { PBClientFactory, Root, serve } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * class Echo extends Root {
 *   remote_echo(text: string): string {
 *     return text;
 *   }
 * }
 * await using server = serve(new Echo(), { hostname: "127.0.0.1", port: 0 });
 * const factory = new PBClientFactory();
 * await factory.connect(server.url);
 * const root = await factory.getRootObject<Echo>();
 * assertEquals(await root.callRemote("echo", "hi"), "hi");
 * await factory.disconnect();
 * ```
 */
export class PBClientFactory {
  readonly #options: ClientOptions;
  readonly #settings: BrokerSettings;
  /** What callers wait for while there is no connection. */
  #connected = new Outcome<Broker>();
  /** The latest connection. */
  #broker: Broker | undefined;

  /**
   * Creates a factory that is not connected.
   *
   * @param options Rules and limits for the connection.
   * @throws {RangeError} If a limit is not a positive integer.
   */
  constructor(options: ClientOptions = {}) {
    this.#options = options;
    this.#settings = clientSettings(options);
  }

  /**
   * Begins to speak PB over a connection.
   *
   * @param dialed The connection; the broker closes it.
   * @returns Its broker.
   */
  buildBroker(dialed: Dialed): Broker {
    return this.#begin(dialed, { kind: "client" }, this.#attempt());
  }

  /**
   * Connects to a server.
   *
   * @param url Where to connect, such as `pb://127.0.0.1:8787`; may contain a user and an object,
   * see `connect`.
   * @returns The broker, once both ends have agreed on a dialect.
   * @throws {TypeError} If the URL, or with TLS a certificate or key in the options, cannot be
   * used.
   * @throws {ConnectError} If no connection can be established.
   * @throws {ProtocolError} If the server does not speak PB.
   */
  async connect(url: string | URL): Promise<Broker> {
    const connected = this.#attempt();
    try {
      const target = parseUrl(url);
      const dialed = await dial(target, this.#options);
      const role: BrokerRole = {
        kind: "client",
        rootName: target.objectName,
        credentials: credentialsIn(target),
        timeout: this.#options.timeout,
      };
      const broker = this.#begin(dialed, role, connected);
      const giveUp = () => void broker.close(new Error("Cannot connect: given up"));
      await closeOnAbort(this.#options.signal, giveUp, broker.ready);
      return broker;
    } catch (error) {
      connected.reject(error);
      throw error;
    }
  }

  /**
   * Returns the outcome of the attempt under way, or else of the next one: callers hear nothing of
   * attempts that are over.
   */
  #attempt(): Outcome<Broker> {
    if (this.#connected.isKnown) this.#connected = new Outcome();
    return this.#connected;
  }

  #begin(dialed: Dialed, role: BrokerRole, connected: Outcome<Broker>): Broker {
    const broker = this.#broker = new Broker(dialed, role, this.#settings);
    broker.ready.then(
      () => connected.resolve(broker),
      (reason) => connected.reject(reason),
    );
    return broker;
  }

  /**
   * Returns a reference to the server's root object; can be called before or after connecting.
   *
   * @returns The reference; rejects if no connection can be established.
   */
  async getRootObject<T = unknown>(): Promise<RemoteReference<T>> {
    return (await this.#latest()).root<T>();
  }

  /**
   * Logs in at a server whose avatars are copies or caches; can be called before or after
   * connecting.
   *
   * @param credentials A name and a password, a token, or `Anonymous`.
   * @param mind An object of ours that the avatar may call, or null.
   * @param options The class of the avatar, and the options of any login.
   * @returns The avatar.
   * @typeParam A The class of the avatar, as it is received.
   */
  login<A extends object>(
    credentials: ICredentials,
    mind: unknown,
    options: CopiedAvatarOptions<A>,
  ): Promise<A>;
  /**
   * Logs in; can be called before or after connecting. See `Broker.login`.
   *
   * @param credentials A name and a password, a token, or `Anonymous`.
   * @param mind An object of ours that the avatar may call, or null.
   * @param options Which mechanisms may be used, and a signal.
   * @returns A reference to the avatar.
   * @typeParam T The class of the avatar.
   */
  login<T = unknown>(
    credentials: ICredentials,
    mind?: unknown,
    options?: LoginOptions,
  ): Promise<RemoteReference<T>>;
  async login(
    credentials: ICredentials,
    mind: unknown = null,
    options: LoginOptions = {},
  ): Promise<object> {
    return await (await this.#latest()).login(credentials, mind, options);
  }

  /** Waits for a connection: the latest one, or the next one if that is closed. */
  async #latest(): Promise<Broker> {
    const broker = this.#broker;
    if (broker === undefined || broker.isClosed) return await this.#attempt().promise;
    await broker.ready;
    return broker;
  }

  /**
   * Closes the latest connection, if there is one.
   *
   * @returns Resolves when it has ended.
   */
  async disconnect(): Promise<void> {
    await this.#broker?.close();
  }
}

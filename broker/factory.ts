/**
 * What makes brokers of connections (`twisted.spread.pb.PBServerFactory`, `PBClientFactory`).
 *
 * @module
 */

import type { ICredentials } from "../cred/credentials.ts";
import { Portal } from "../cred/portal.ts";
import { dial, type Dialed, type DialOptions } from "../transport/mod.ts";
import { Broker } from "./broker.ts";
import type { CopiedAvatarOptions, LoginOptions } from "./login.ts";
import { type BrokerOptions, type BrokerSettings, brokerSettings } from "./options.ts";
import type { PortalOptions } from "./portal_options.ts";
import { PortalRoot } from "./portal_root.ts";
import type { IPBRoot, RemoteTarget } from "./referenceable.ts";
import type { RemoteReference } from "./remote_reference.ts";

/** What a server gives its clients: an object, a portal to log in at, or something of each connection's own. */
export type ServerRoot = Portal | IPBRoot | RemoteTarget;

/** Options for {@linkcode PBServerFactory}. */
export interface ServerOptions extends BrokerOptions {
  /** Mechanisms and limits of logins, where the root is a `Portal`. */
  login?: PortalOptions;
}

/**
 * Makes brokers for the server's end of connections.
 *
 * `serve` uses one; use it yourself to bring connections of your own.
 *
 * @example
 * ```ts
 * import { PBServerFactory, Root } from "@perspective/broker/broker";
 * import { memoryPair } from "@perspective/broker/transport";
 *
 * const factory = new PBServerFactory(new Root());
 * const [here] = memoryPair();
 * const broker = factory.buildBroker(here);
 * await broker.close();
 * ```
 */
export class PBServerFactory {
  readonly #rootFor: (broker: Broker) => RemoteTarget;
  readonly #settings: BrokerSettings;

  /**
   * Creates a factory.
   *
   * @param root What each client gets.
   * @param options Rules and limits for each connection.
   * @throws {TypeError} If the root is none, or is no portal and there are options for logins.
   * @throws {RangeError} If a limit is out of range.
   */
  constructor(root: ServerRoot, options: ServerOptions = {}) {
    this.#rootFor = rootFor(root, options.login);
    this.#settings = brokerSettings(options);
  }

  /** Rules and limits of each connection. */
  get settings(): BrokerSettings {
    return this.#settings;
  }

  /**
   * Begins to serve a connection.
   *
   * @param dialed The connection; the broker closes it.
   * @returns Its broker.
   */
  buildBroker(dialed: Dialed): Broker {
    return new Broker(dialed, { kind: "server", rootFor: this.#rootFor }, this.#settings);
  }
}

function rootFor(root: ServerRoot, login?: PortalOptions): (broker: Broker) => RemoteTarget {
  if (root instanceof Portal) return rootFor(new PortalRoot(root, login));
  if (login !== undefined) {
    throw new TypeError("Cannot use options for logins: the root is no Portal");
  }
  if ("rootObject" in root) return (broker) => root.rootObject(broker);
  if ("remoteMessageReceived" in root) return () => root;
  throw new TypeError("Cannot serve: the root is neither a Portal nor a Root nor a Referenceable");
}

/** Options for {@linkcode PBClientFactory}. */
export interface ClientOptions extends BrokerOptions, DialOptions {}

/**
 * Makes one connection to a server, with the methods of Twisted's factory.
 *
 * New programs do well with `connect`; this is for those who know Twisted.
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
  readonly #connected = Promise.withResolvers<Broker>();
  #broker: Broker | undefined;

  /**
   * Creates a factory that is not connected.
   *
   * @param options Rules and limits for the connection.
   * @throws {RangeError} If a limit is not a positive integer.
   */
  constructor(options: ClientOptions = {}) {
    this.#options = options;
    this.#settings = brokerSettings(options);
    this.#connected.promise.catch(() => {});
  }

  /**
   * Begins to speak over a connection.
   *
   * @param dialed The connection; the broker closes it.
   * @returns Its broker.
   */
  buildBroker(dialed: Dialed): Broker {
    const broker = this.#broker = new Broker(dialed, { kind: "client" }, this.#settings);
    broker.ready.then(() => this.#connected.resolve(broker), this.#connected.reject);
    return broker;
  }

  /**
   * Connects to a server.
   *
   * @param url Where to, such as `pb://127.0.0.1:8787`.
   * @returns The broker, once both ends have agreed on a dialect.
   * @throws {ConnectError} If there is no connection.
   * @throws {ProtocolError} If the other end does not speak PB.
   */
  async connect(url: string | URL): Promise<Broker> {
    try {
      const broker = this.buildBroker(await dial(url, this.#options));
      await broker.ready;
      return broker;
    } catch (error) {
      this.#connected.reject(error);
      throw error;
    }
  }

  /**
   * Gives the root object of the server, before or after the connection is made.
   *
   * @returns A reference to it; rejects if no connection comes about.
   */
  async getRootObject<T = unknown>(): Promise<RemoteReference<T>> {
    return (await this.#connected.promise).root<T>();
  }

  /**
   * Logs in at a server whose avatars are copies or caches, before or after the connection is made.
   *
   * @param credentials A name and a password, a token, or `Anonymous`.
   * @param mind An object of ours that the avatar may call, or null.
   * @param options The class of the avatar, and what there is else to choose.
   * @returns The avatar.
   * @typeParam A The class of the avatar, as it is received.
   */
  login<A extends object>(
    credentials: ICredentials,
    mind: unknown,
    options: CopiedAvatarOptions<A>,
  ): Promise<A>;
  /**
   * Logs in, before or after the connection is made; see `Broker.login`.
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
    return await (await this.#connected.promise).login(credentials, mind, options);
  }

  /**
   * Closes the connection, if there is one.
   *
   * @returns Resolves when it has ended.
   */
  async disconnect(): Promise<void> {
    await this.#broker?.close();
  }
}

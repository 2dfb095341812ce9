/**
 * The factory that connects to servers (`twisted.spread.pb.PBClientFactory`).
 *
 * @module
 */

import type { ICredentials } from "../../cred/credentials.ts";
import { closeOnAbort } from "../../transport/base/deadline.ts";
import { checkDialNumbers } from "../../transport/dial_checks.ts";
import { dial, type Dialed, type DialOptions, parseUrl } from "../../transport/mod.ts";
import { Outcome } from "../async/outcome.ts";
import { Broker } from "../connection/broker.ts";
import type { ClientRole } from "../connection/broker_role.ts";
import { type BrokerOptions, type BrokerSettings, clientSettings } from "../connection/options.ts";
import type { RemoteReference } from "../flavors/remote_reference.ts";
import type { CopiedAvatarOptions, LoginOptions } from "../login/login.ts";
import { credentialsIn } from "./url_credentials.ts";

/** Options for {@linkcode PBClientFactory}. */
export interface ClientOptions extends BrokerOptions, DialOptions {
  /**
   * Milliseconds for everything until the connection is established, and then again for the server
   * to say which dialects it speaks, if that is less than `negotiationTimeout`. Defaults to 30,000.
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
  /** The outcome of the latest attempt to connect; callers wait for it, or for the next one. */
  #outcome = new Outcome<Broker>();
  /** The latest connection. */
  #broker: Broker | undefined;

  /**
   * Creates a factory that is not connected.
   *
   * @param options Rules and limits for the connection.
   * @throws {RangeError} If a limit or a time is out of range.
   */
  constructor(options: ClientOptions = {}) {
    checkDialNumbers(options);
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
    return this.#begin(dialed, { kind: "client" }, this.#nextOutcome());
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
   * @throws {unknown} The signal's reason, if it aborts first.
   */
  async connect(url: string | URL): Promise<Broker> {
    const outcome = this.#nextOutcome();
    try {
      const target = parseUrl(url);
      const dialed = await dial(target, this.#options);
      const role: ClientRole = {
        kind: "client",
        rootName: target.objectName,
        credentials: credentialsIn(target),
        timeout: this.#options.timeout,
      };
      const broker = this.#begin(dialed, role, outcome);
      const giveUp = () => void broker.close(new Error("Cannot connect: given up"));
      await closeOnAbort(this.#options.signal, giveUp, broker.ready);
      return broker;
    } catch (error) {
      outcome.reject(error);
      throw error;
    }
  }

  /**
   * Returns the outcome of the attempt under way, or else of the next one: callers hear nothing of
   * attempts that are over.
   */
  #nextOutcome(): Outcome<Broker> {
    if (this.#outcome.isKnown) this.#outcome = new Outcome();
    return this.#outcome;
  }

  #begin(dialed: Dialed, role: ClientRole, outcome: Outcome<Broker>): Broker {
    const broker = this.#broker = new Broker(dialed, role, this.#settings);
    broker.ready.then(
      () => outcome.resolve(broker),
      (reason) => outcome.reject(reason),
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
    if (broker === undefined || broker.isClosed) return await this.#nextOutcome().promise;
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

/**
 * One connection: its objects, calls and answers (`twisted.spread.pb.Broker`).
 *
 * @module
 */

import type { ICredentials } from "../../cred/credentials.ts";
import type { Dialed, Peer } from "../../transport/mod.ts";
import { CONNECTION } from "../flavors/invoker.ts";
import type { RemoteTarget } from "../flavors/referenceable.ts";
import type { RemotePromise } from "../flavors/remote_promise.ts";
import { type ObjectId, RemoteReference } from "../flavors/remote_reference.ts";
import type { LogEntry } from "../log/log.ts";
import { type CopiedAvatarOptions, login, type LoginOptions } from "../login/login.ts";
import { type LocalObject, ROOT } from "../tables/local_table.ts";
import type { BrokerCounts, Traffic } from "./broker_facts.ts";
import type { BrokerRole, ClientRole } from "./broker_role.ts";
import type { CloseOptions } from "./close_options.ts";
import { Connection } from "./connection.ts";
import type { BrokerSettings } from "./options.ts";

/**
 * One connection to a peer: the calls over it, and the objects of each end that the other refers
 * to.
 *
 * Created by `connect`, `serve` and the like. Once it is closed, its tables of objects are empty,
 * every call has settled, and the disconnect notifiers have run.
 */
export class Broker implements AsyncDisposable {
  /** What is known about the peer. */
  readonly peer: Peer;
  /** The settings of this connection. */
  readonly settings: BrokerSettings;
  /** What a client was told; undefined at a server. */
  readonly #client: ClientRole | undefined;
  readonly #connection: Connection;
  /** References by name, which the peer does not count. */
  #named: Map<string, RemoteReference> | undefined;

  /**
   * Creates a broker on an established connection, and begins to negotiate.
   *
   * @param dialed The connection; the broker closes it.
   * @param role Which end this is.
   * @param settings Limits and rules.
   * @throws {unknown} What `rootFor` throws; the connection is then closed.
   * @throws {JellyError} If the limits forbid the first message; the connection is then closed.
   */
  constructor(dialed: Dialed, role: BrokerRole, settings: BrokerSettings) {
    this.peer = dialed.peer;
    this.settings = settings;
    this.#client = role.kind === "client" ? role : undefined;
    const connection = this.#connection = new Connection(this, dialed, role, settings);
    try {
      let logins: string | undefined;
      if (role.kind === "server") {
        const root = role.rootFor(this);
        this.setNameForLocal(ROOT, root);
        logins = role.loginsOf(root);
      }
      connection.begin(logins);
    } catch (error) {
      connection.life.abandon(error as Error);
      throw error;
    }
  }

  /**
   * What this broker consists of; for the other parts of this library.
   *
   * @internal
   */
  get [CONNECTION](): Connection {
    return this.#connection;
  }

  /**
   * Resolves when both ends have agreed on a dialect; rejects if the connection ends before that.
   */
  get ready(): Promise<void> {
    return this.#connection.life.ready;
  }

  /**
   * Resolves when the connection has ended and everything is cleaned up: to the reason, or to
   * undefined if it ended on purpose.
   */
  get closed(): Promise<Error | undefined> {
    return this.#connection.life.closed;
  }

  /** The perspective on whose behalf a value is being written; for use by `jellyFor` methods. */
  get serializingPerspective(): object | null {
    return this.#connection.outbox.perspective;
  }

  /** The perspective on whose behalf a value is being read; for use by rules. */
  get unserializingPerspective(): object | null {
    return this.#connection.incoming.perspective;
  }

  /**
   * The dialect that both ends agreed on, `perspective-1` if both use this library; undefined until
   * then.
   */
  get dialect(): string | undefined {
    return this.#connection.life.dialect;
  }

  /** Whether the connection has ended. */
  get isClosed(): boolean {
    return this.#connection.life.isClosed;
  }

  /**
   * Whether calls can be made: not once the connection is closed or closing (unless a graceful
   * close still waits for calls), or once nothing more can be written to it.
   */
  get takesCalls(): boolean {
    const { life, link } = this.#connection;
    return life.takesCalls && link.output.failure === undefined;
  }

  /**
   * Whether the peer has refused a call with a `GoingAwayError`: it finishes what it has begun, and
   * will then close the connection.
   */
  get isPeerGoingAway(): boolean {
    return this.#connection.isPeerGoingAway;
  }

  /**
   * Numbers of the things that the broker holds: for monitoring, and for tests that look for leaks.
   */
  get counts(): BrokerCounts {
    return this.#connection.counts;
  }

  /** How much has gone over the connection. */
  get traffic(): Traffic {
    return this.#connection.traffic;
  }

  /**
   * Returns a reference to the object that the server publishes, or to the one that the URL names.
   *
   * @returns The reference.
   * @typeParam T The class of the object.
   */
  root<T = unknown>(): RemoteReference<T> {
    return this.remoteForName<T>(this.#client?.rootName ?? ROOT);
  }

  /**
   * Returns a reference to the object that the peer has published under a name; whether there is
   * one shows only when it is called.
   *
   * @param name The name.
   * @returns The reference.
   * @typeParam T The class of the object.
   */
  remoteForName<T = unknown>(name: string): RemoteReference<T> {
    const named = this.#named ??= new Map();
    const known = named.get(name);
    if (known !== undefined && !known.isReleased) return known as RemoteReference<T>;
    const reference = new RemoteReference<T>(this, name, null, undefined);
    named.set(name, reference as RemoteReference);
    return reference;
  }

  /**
   * Logs in at a server whose avatars are copies or caches.
   *
   * @param credentials A name and a password, a token, or `Anonymous`; undefined for those in the
   * URL.
   * @param mind An object of ours that the avatar may call, or null.
   * @param options The class of the avatar, and the options of any login.
   * @returns The avatar.
   * @typeParam A The class of the avatar, as it is received.
   */
  login<A extends object>(
    credentials: ICredentials | undefined,
    mind: unknown,
    options: CopiedAvatarOptions<A>,
  ): Promise<A>;
  /**
   * Logs in at the server, by the strongest mechanism that both ends know and allow.
   *
   * @param credentials A name and a password, a token, or `Anonymous`. Defaults to those in the
   * URL.
   * @param mind An object of ours that the avatar may call, or null; it may be called even before
   * the login is answered.
   * @param options Which mechanisms may be used, and a signal.
   * @returns A reference to the avatar.
   * @throws {UnauthorizedLogin} If the server does not accept the credentials.
   * @throws {LoginDenied} If it may accept them, but not now.
   * @throws {UnhandledCredentials} If there is no mechanism for such credentials.
   * @throws {ScramError} If the server does not prove that it knows the user too, or breaks the
   * rules of SCRAM.
   * @throws {ProtocolError} If what the server sends is not part of a login.
   * @throws {TypeError} If there are no credentials, or there is no such mechanism.
   * @throws {unknown} The signal's reason, if it aborts first.
   * @typeParam T The class of the avatar.
   */
  login<T = unknown>(
    credentials?: ICredentials,
    mind?: unknown,
    options?: LoginOptions,
  ): Promise<RemoteReference<T>>;
  login(
    credentials?: ICredentials,
    mind: unknown = null,
    options: LoginOptions = {},
  ): Promise<object> {
    return this.#login(credentials, mind, options);
  }

  /**
   * Logs in, and gives the avatar at once: its methods can be called before the login is answered,
   * which then takes one round trip together with the calls. If the login fails, they fail with the
   * same error.
   *
   * With SCRAM, and with a server that does not use this library, the calls wait for the answer.
   * Until somebody has logged in, a server takes no large messages (`maxStrangerBytes`).
   *
   * @example
   * ```ts
   * import { connect, type RemoteReference, UsernamePassword } from "@perspective/broker";
   *
   * interface Member {
   *   perspective_news(): string[];
   * }
   * async function news(url: string, name: string, password: string): Promise<string[]> {
   *   await using broker = await connect(url);
   *   using member = broker.pipelineLogin<Member>(new UsernamePassword(name, password));
   *   return await member.callRemote("news");
   * }
   * ```
   *
   * @param credentials As for {@linkcode Broker.login}.
   * @param mind As for {@linkcode Broker.login}.
   * @param options As for {@linkcode Broker.login}.
   * @returns The avatar; rejects as {@linkcode Broker.login} does.
   * @typeParam T The class of the avatar.
   */
  pipelineLogin<T = unknown>(
    credentials?: ICredentials,
    mind: unknown = null,
    options: LoginOptions = {},
  ): RemotePromise<RemoteReference<T>> {
    const avatar = this.#connection.pipeline(
      "login",
      (onKept) => this.#login(credentials, mind, options, onKept),
    );
    return avatar as RemotePromise<RemoteReference<T>>;
  }

  #login(
    credentials: ICredentials | undefined = this.#client?.credentials,
    mind: unknown,
    options: LoginOptions,
    onKept?: (request: number) => void,
  ): Promise<object> {
    if (credentials !== undefined) return login(this, credentials, mind, options, onKept);
    return Promise.reject(
      new TypeError("Cannot log in: neither credentials nor a user in the URL were given"),
    );
  }

  /**
   * Publishes an object under a name.
   *
   * @param name The name.
   * @param object The object.
   */
  setNameForLocal(name: string, object: RemoteTarget): void {
    this.#connection.locals.setName(name, object);
  }

  /**
   * Finds an object that the peer may call.
   *
   * @param id Its number or name.
   * @returns The object, or undefined.
   */
  localObjectForID(id: ObjectId): RemoteTarget | undefined {
    return this.#connection.locals.get(id);
  }

  /**
   * Counts a reference to an object that is being sent; for `jellyFor` methods that send references
   * under a tag of their own.
   *
   * @param object The object.
   * @returns The object's number, to be sent.
   * @throws {LimitError} If the peer holds too many; the fourth time closes the connection.
   */
  registerReference(object: LocalObject): number {
    return this.#connection.locals.register(object);
  }

  /**
   * Records the arrival of a reference; for rules that read values.
   *
   * @param luid The peer's number for the object, as received.
   * @returns The reference.
   * @throws {JellyError} If that is not a safe integer.
   * @throws {LimitError} If too many objects are held; the object is then given back or, if the
   * limit is one for peers that have not logged in, the connection is closed.
   * @throws {DeadReferenceError} If the connection is closed.
   * @typeParam T The class of the object.
   */
  referenceArrived<T = unknown>(luid: number): RemoteReference<T> {
    return this.#connection.referenceArrived(luid) as RemoteReference<T>;
  }

  /**
   * Waits until most of what was sent has gone out; for producers of many messages.
   *
   * @returns Settles when more may be sent, or the connection is closed.
   */
  drained(): Promise<void> {
    return this.#connection.link.output.drained();
  }

  /**
   * Registers a function to be called when the connection has ended, once for each time it was
   * registered; calls it at once if the connection has already ended.
   *
   * @param notifier The function.
   */
  notifyOnDisconnect(notifier: () => void): void {
    this.#connection.notifyOnDisconnect(notifier);
  }

  /**
   * Undoes one call of {@linkcode Broker.notifyOnDisconnect}.
   *
   * @param notifier The function.
   */
  dontNotifyOnDisconnect(notifier: () => void): void {
    this.#connection.dontNotifyOnDisconnect(notifier);
  }

  /**
   * Logs something about this connection.
   *
   * @param entry The entry, without the peer.
   */
  log(entry: Omit<LogEntry, "peer">): void {
    this.#connection.log(entry);
  }

  /**
   * Closes the connection once what was sent has gone out, or after a second if it has not. Calls
   * that wait for an answer fail, unless `graceful` gives them time to finish. A second call waits
   * for the first, and calls have no more time to finish than it gives them.
   *
   * @param options How, and why; an error alone is the reason.
   * @returns Resolves when the connection has ended.
   * @throws {RangeError} If `graceful` is not a number of at least 0.
   */
  async close(options: CloseOptions | Error = {}): Promise<void> {
    await this.#connection.life.close(options);
  }

  /** Same as {@linkcode Broker.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

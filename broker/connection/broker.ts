/**
 * One connection: its objects, calls and answers (`twisted.spread.pb.Broker`).
 *
 * @module
 */

import type { ICredentials } from "../../cred/credentials.ts";
import { WORD } from "../../jelly/banana/mod.ts";
import { JellyError, type Unjellier } from "../../jelly/mod.ts";
import type { Dialed, Peer } from "../../transport/mod.ts";
import { IncomingCalls } from "../calls/incoming_calls.ts";
import { VERSION, writeNumber } from "../calls/message_parts.ts";
import { type CallTarget, OutgoingCalls } from "../calls/outgoing_calls.ts";
import { causedBy } from "../errors/caused_by.ts";
import { DeadReferenceError } from "../errors/errors.ts";
import { noOperation } from "../errors/failure.ts";
import type { RemoteCacheObserver } from "../flavors/cacheable.ts";
import { BROKER } from "../flavors/invoker.ts";
import { callOptions } from "../flavors/kwargs.ts";
import type { RemoteTarget } from "../flavors/referenceable.ts";
import { RemotePromise } from "../flavors/remote_promise.ts";
import { type Arrivals, type ObjectId, RemoteReference } from "../flavors/remote_reference.ts";
import { Viewable, ViewPoint } from "../flavors/view_point.ts";
import type { StrangerBounds } from "../link/bound.ts";
import { Link, type Received } from "../link/link.ts";
import { Negotiation } from "../link/negotiation.ts";
import { Outbox } from "../link/outbox.ts";
import type { ReadTools } from "../link/toolbox.ts";
import { type CopiedAvatarOptions, login, type LoginOptions } from "../login/login.ts";
import { Caches } from "../tables/caches.ts";
import { ImportTable } from "../tables/import_table.ts";
import { type Cleanup, type LocalObject, LocalTable, ROOT } from "../tables/local_table.ts";
import { ObjectLimit } from "../tables/object_limit.ts";
import type { BrokerCounts, BrokerRole, CloseOptions, Traffic } from "./broker_facts.ts";
import type { BrokerHooks } from "./broker_hooks.ts";
import { Disconnects } from "./disconnects.ts";
import { Flow } from "./flow.ts";
import { KeepAlive } from "./keep_alive.ts";
import { Life } from "./life.ts";
import { callLogged, type LogEntry, LogRate } from "./log.ts";
import { Messages } from "./messages.ts";
import type { BrokerSettings } from "./options.ts";
import { PageTurns } from "./page_turns.ts";

const NO_ANSWER = callOptions({ answer: false });
/** Milliseconds within which a peer that is gone is noticed, by default. */
const KEEP_ALIVE = 60_000;

/**
 * One connection to a peer: the calls over it, and the objects of each end that the other refers
 * to.
 *
 * Created by `connect`, `serve` and the like. Once it is closed, its tables of objects are empty,
 * every call has settled, and the disconnect notifiers have run. Members marked as internal are for
 * other parts of this library, and may change in any version.
 */
export class Broker implements AsyncDisposable {
  /** Marks brokers for code that must not depend on this class. */
  readonly [BROKER] = true;
  /** What is known about the peer. */
  readonly peer: Peer;
  /** The settings of this connection. */
  readonly settings: BrokerSettings;

  readonly #role: BrokerRole;
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #incoming: IncomingCalls;
  #outgoing: OutgoingCalls | undefined;
  readonly #flow: Flow;
  readonly #messages: Messages;
  readonly #locals: LocalTable;
  readonly #hooks: BrokerHooks;
  readonly #limit: ObjectLimit;
  #imports: ImportTable | undefined;
  #caches: Caches | undefined;
  /** Limits on the peer while nobody has logged in. */
  #bounds: StrangerBounds | undefined;
  /** References by name, which the peer does not count. */
  #named: Map<string, RemoteReference> | undefined;
  #keepAlive: KeepAlive | undefined;
  #pageTurns: PageTurns | undefined;
  readonly #life: Life;
  /** The last number given to an object or a cache of ours. */
  #lastLocal = 0;
  #disconnects: Disconnects | undefined;
  #logRate: LogRate | undefined;

  /**
   * Creates a broker on an established connection, and begins to negotiate.
   *
   * @param dialed The connection; the broker closes it.
   * @param role Which end this is.
   * @param settings Limits and rules.
   * @throws {unknown} What `rootFor` throws; the connection is then closed.
   */
  constructor(dialed: Dialed, role: BrokerRole, settings: BrokerSettings) {
    const { limits, log } = settings;
    const { peer } = dialed;
    this.peer = peer;
    this.settings = settings;
    this.#role = role;
    const hooks = this.#hooks = new Broker.#Hooks(this);
    this.#limit = new ObjectLimit("maxReferences", limits.maxReferences, hooks);
    this.#locals = new LocalTable(this.#limit);
    const link = this.#link = new Link(dialed.transport, hooks, settings, this);
    const outbox = this.#outbox = new Outbox(link.output, limits, hooks);
    const calls = this.#incoming = new IncomingCalls({ broker: this, link, outbox, hooks });
    const flow = this.#flow = new Flow({ link, calls, limits, hooks });
    this.#messages = new Messages({
      broker: this,
      flow,
      calls,
      locals: this.#locals,
      outbox,
      hooks,
    });
    const negotiation = new Negotiation({
      role: role.kind,
      link,
      outbox,
      timeout: Math.min(limits.negotiationTimeout, role.timeout ?? Infinity),
      faults: hooks,
    });
    this.#life = new Life(negotiation, {
      peer,
      role: role.kind,
      link,
      flow,
      calls,
      hooks,
      log,
    });
    try {
      if (role.rootFor !== undefined) this.setNameForLocal(ROOT, role.rootFor(this));
    } catch (error) {
      this.#life.abandon(error as Error);
      throw error;
    }
    negotiation.begin();
    link.run();
  }

  /**
   * Resolves when both ends have agreed on a dialect; rejects if the connection ends before that.
   */
  get ready(): Promise<void> {
    return this.#life.ready;
  }

  /**
   * Resolves when the connection has ended and everything is cleaned up: to the reason, or to
   * undefined if it ended on purpose.
   */
  get closed(): Promise<Error | undefined> {
    return this.#life.closed;
  }

  /** The perspective on whose behalf a value is being written; for use by `jellyFor` methods. */
  get serializingPerspective(): object | null {
    return this.#outbox.perspective;
  }

  /** The perspective on whose behalf a value is being read; for use by rules. */
  get unserializingPerspective(): object | null {
    return this.#incoming.perspective;
  }

  /**
   * The dialect that both ends agreed on, `perspective-1` if both use this library; undefined until
   * then.
   */
  get dialect(): string | undefined {
    return this.#life.dialect;
  }

  /** Whether the connection has ended. */
  get isClosed(): boolean {
    return this.#life.isClosed;
  }

  /**
   * Whether calls can be made: not once the connection is closed or closing (unless a graceful
   * close still waits for calls), or once nothing more can be written to it.
   */
  get takesCalls(): boolean {
    return this.#life.takesCalls && this.#link.output.failure === undefined;
  }

  /**
   * Numbers of the things that the broker holds: for monitoring, and for tests that look for leaks.
   */
  get counts(): BrokerCounts {
    return {
      localObjects: this.#locals.size,
      remoteObjects: this.#imports?.size ?? 0,
      cachedObjects: this.#caches?.cacheables.size ?? 0,
      caches: this.#caches?.held.size ?? 0,
      promisedResults: this.#incoming.promised.size,
      callsIn: this.#incoming.size,
      callsOut: this.#hooks.callsOut,
      bufferedBytes: this.#link.output.buffered,
    };
  }

  /** How much has gone over the connection. */
  get traffic(): Traffic {
    return {
      callsReceived: this.#incoming.total,
      callsSent: this.#outgoing?.total ?? 0,
      bytesReceived: this.#link.bytesReceived,
      bytesSent: this.#link.output.bytesSent,
    };
  }

  /**
   * Returns a reference to the object that the server publishes, or to the one that the URL names.
   *
   * @returns The reference.
   * @typeParam T The class of the object.
   */
  root<T = unknown>(): RemoteReference<T> {
    return this.remoteForName<T>(this.#role.rootName ?? ROOT);
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
   * @param credentials A name and a password, a token, or `Anonymous`; those in the URL unless
   * given.
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
    credentials: ICredentials | undefined = this.#role.credentials,
    mind: unknown = null,
    options: LoginOptions = {},
  ): Promise<object> {
    if (credentials !== undefined) return login(this, credentials, mind, options);
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
    this.#locals.setName(name, object);
  }

  /**
   * Finds an object that the peer may call.
   *
   * @param id Its number or name.
   * @returns The object, or undefined.
   */
  localObjectForID(id: ObjectId): RemoteTarget | undefined {
    return this.#locals.get(id);
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
    const id = this.#locals.register(object, () => ++this.#lastLocal);
    this.#outbox.onCancel(() => {
      const cleanups = this.#locals.unregister(id);
      if (cleanups.length === 0) return;
      this.#outbox.postpone(() => this.notifyAll(cleanups.map((cleanup) => () => cleanup(true))));
    });
    return id;
  }

  /**
   * The caches of this connection, ours and the peer's; for `jellyFor` methods and rules.
   *
   * @internal
   */
  get caches(): Caches {
    return this.#caches ??= new Caches({
      broker: this,
      outbox: this.#outbox,
      limit: this.#limit,
      newId: () => ++this.#lastLocal,
      faults: this.#hooks,
      readAhead: (isEnough) => this.#messages.readAhead(isEnough),
    });
  }

  /**
   * Calls a function once: when the peer no longer holds an object, or the connection is lost.
   *
   * @param object The object, which is about to be sent.
   * @param cleanup The function; it is passed true if the message that was to carry the object
   * could not be sent.
   * @internal
   */
  onRelease(object: object, cleanup: (isTakenBack?: boolean) => void): void {
    const once: Cleanup = (isTakenBack) => {
      this.dontNotifyOnDisconnect(once);
      cleanup(isTakenBack);
    };
    if (this.isClosed) return this.notifyAll([cleanup]);
    this.#locals.onRelease(object, once);
    this.notifyOnDisconnect(once);
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
    if (!Number.isSafeInteger(luid)) {
      throw new JellyError("Cannot receive reference: it has no number");
    }
    // A value that closes the connection while it is being read must leave nothing behind.
    if (this.isClosed) {
      throw new DeadReferenceError("Cannot take reference: the connection is closed");
    }
    const imports = this.#imports ??= new ImportTable(this, this.#outbox);
    const reference = imports.arrived(luid, this.#incoming.perspective);
    const bound = this.#bounds?.references;
    if (bound === undefined || imports.size <= bound.most) return reference as RemoteReference<T>;
    const error = bound.passed();
    this.#hooks.fail(error);
    throw error;
  }

  /**
   * Tells the peer that a reference is gone; called by references.
   *
   * @param arrivals The arrivals that the peer has counted for it.
   * @internal
   */
  giveBack(arrivals: Arrivals): void {
    this.#imports?.release(arrivals);
  }

  /**
   * Calls a method of one of the peer's objects; called by references and observers.
   *
   * @param target Number or name of the object, or the observer of a cache.
   * @param method Name of the method.
   * @param args Positional arguments, then optional keyword arguments, then optional call options.
   * @param perspective On whose behalf the arguments are written.
   * @param onKept Called with the number of the request, if the peer was asked to keep the result.
   * @returns What the method returned.
   * @internal
   */
  call(
    target: CallTarget | RemoteCacheObserver,
    method: string,
    args: readonly unknown[],
    perspective: object | null = null,
    onKept?: (request: number) => void,
  ): Promise<unknown> {
    if (this.#outbox.isWriting) {
      return new Promise((resolve) =>
        this.#outbox.postpone(() => resolve(this.call(target, method, args, perspective, onKept)))
      );
    }
    try {
      return this.#send(target, method, args, perspective, onKept);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Calls a method of one of the peer's objects at once, without an answer; must not be called
   * while a message is being written.
   *
   * @param target The reference, or the observer of a cache.
   * @param method Name of the method.
   * @param args Positional arguments.
   * @returns Whether the connection can take more now.
   * @throws {Error} If the call cannot be sent.
   * @internal
   */
  tell(
    target: RemoteReference | RemoteCacheObserver,
    method: string,
    args: readonly unknown[],
  ): boolean {
    const { perspective } = target;
    const to = target instanceof RemoteReference ? target.luid : target;
    this.#send(to, method, [...args, NO_ANSWER], perspective).catch(noOperation);
    return !this.#link.output.isFull;
  }

  #send(
    target: CallTarget | RemoteCacheObserver,
    method: string,
    args: readonly unknown[],
    perspective: object | null,
    onKept?: (request: number) => void,
  ): Promise<unknown> {
    const life = this.#life;
    if (!life.takesCalls) {
      throw new DeadReferenceError(
        `Cannot call "${method}": the connection is closed`,
        causedBy(life.reason),
      );
    }
    const outgoing = this.#ownCalls;
    return typeof target === "object"
      ? outgoing.send({ word: WORD.cachemessage, target: target.luid, method, args, perspective })
      : outgoing.send({ word: WORD.message, target, method, args, perspective, onKept });
  }

  /**
   * Calls a method of one of the peer's objects, whose result can be called at once; called by
   * references.
   *
   * @param target Number or name of the object, or what tells it.
   * @param method Name of the method.
   * @param args As for `call`.
   * @param perspective On whose behalf the arguments are written.
   * @returns The result.
   * @internal
   */
  pipeline(
    target: CallTarget,
    method: string,
    args: readonly unknown[],
    perspective: object | null,
  ): RemotePromise<unknown> {
    return new RemotePromise(
      this,
      method,
      perspective,
      (onKept) => this.call(target, method, args, perspective, onKept),
    );
  }

  /**
   * Tells the peer that a result is not called any more as that of a request.
   *
   * @param request Number of the request.
   * @internal
   */
  forgetResult(request: number): void {
    if (this.isClosed) return;
    this.#outbox.send((writer) => writeNumber(writer, WORD.decref, -request));
  }

  /**
   * Returns the number under which the peer knows a value.
   *
   * @param value Any value.
   * @param perspective On whose behalf it was sent.
   * @returns The number; undefined if the peer holds no reference to it.
   * @internal
   */
  numberOf(value: unknown, perspective: object | null): number | undefined {
    return this.#locals.numberOf(
      value instanceof Viewable ? new ViewPoint(perspective, value) : value,
    );
  }

  /**
   * Limits what the peer may do while nobody has logged in, in addition to the limits of all
   * connections.
   *
   * @param bounds The limits; undefined, for none, once somebody has logged in.
   * @internal
   */
  limitStranger(bounds: StrangerBounds | undefined): void {
    this.#bounds = bounds;
    this.#link.limitInput(bounds?.messageBytes);
  }

  /**
   * Length in bytes of the message whose call is being handled, while its method begins; 0
   * otherwise.
   *
   * @internal
   */
  get messageBytes(): number {
    return this.#incoming.messageBytes;
  }

  /**
   * Waits until most of what was sent has gone out; for producers of many messages.
   *
   * @returns Settles when more may be sent, or the connection is closed.
   */
  drained(): Promise<void> {
    return this.#link.output.drained();
  }

  /**
   * Runs a function before the next message is written, and soon in any case; called by pagers and
   * live objects.
   *
   * @param begin The function; must not throw.
   * @internal
   */
  beginSoon(begin: () => void): void {
    this.#outbox.soon(begin);
  }

  /**
   * The turns that pagers of this connection take.
   *
   * @internal
   */
  get pageTurns(): PageTurns {
    return this.#pageTurns ??= new PageTurns(this.#link, this.settings.limits);
  }

  /**
   * Registers a function to be called when the connection has ended, once for each time it was
   * registered; calls it at once if the connection has already ended.
   *
   * @param notifier The function.
   */
  notifyOnDisconnect(notifier: () => void): void {
    if (this.isClosed) return this.notifyAll([notifier]);
    (this.#disconnects ??= new Disconnects()).add(notifier);
  }

  /**
   * Undoes one call of {@linkcode Broker.notifyOnDisconnect}.
   *
   * @param notifier The function.
   */
  dontNotifyOnDisconnect(notifier: () => void): void {
    this.#disconnects?.remove(notifier);
  }

  /**
   * Logs something about this connection.
   *
   * @param entry The entry, without the peer.
   */
  log(entry: Omit<LogEntry, "peer">): void {
    this.settings.log({ ...entry, peer: this.peer });
  }

  /**
   * Logs what the peer can cause again and again: of many entries, only one a second.
   *
   * @param entry The entry, without the peer.
   * @internal
   */
  logOften(entry: Omit<LogEntry, "peer">): void {
    const remark = (this.#logRate ??= new LogRate()).admit();
    if (remark !== undefined) this.log({ ...entry, message: `${entry.message}${remark}` });
  }

  /**
   * Runs functions of the program; if one throws, that is logged and the others still run.
   *
   * @param callbacks The functions.
   * @internal
   */
  notifyAll(callbacks: Iterable<() => unknown>): void {
    callLogged(callbacks, (entry) => this.log(entry));
  }

  /**
   * Closes the connection once what was sent has gone out, or after a second if it has not. Calls
   * that wait for an answer fail, unless `graceful` gives them time to finish. A second call waits
   * for the first, and ends the time that calls have to finish unless it sets `graceful` too.
   *
   * @param options How, and why; an error alone is the reason.
   * @returns Resolves when the connection has ended.
   * @throws {RangeError} If `graceful` is not a number of at least 0.
   */
  close(options: CloseOptions | Error = {}): Promise<void> {
    return this.#life.close(options);
  }

  /** Same as {@linkcode Broker.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The calls that we make. */
  get #ownCalls(): OutgoingCalls {
    return this.#outgoing ??= new OutgoingCalls({
      link: this.#link,
      outbox: this.#outbox,
      maxCallsOut: this.settings.limits.maxCallsOut,
      hooks: this.#hooks,
      isEarly: this.#life.isNegotiating,
    });
  }

  /** Begins to watch whether the peer is still there. */
  #watchPeer(): void {
    const { kind, address } = this.peer;
    const { keepAlive = kind === "memory" ? 0 : KEEP_ALIVE } = this.settings;
    if (keepAlive === 0) return;
    this.#keepAlive = new KeepAlive({
      within: keepAlive,
      link: this.#link,
      flow: this.#flow,
      outbox: this.#outbox,
      address,
      faults: this.#hooks,
    });
  }

  /** Cleans up after the connection has ended. */
  #clear(reason: Error | undefined): void {
    this.#keepAlive?.stop();
    this.#flow.clear();
    this.#pageTurns?.clear();
    this.#outgoing?.fail(reason);
    this.#caches?.clear(reason);
    const disconnects = this.#disconnects ?? [];
    this.#disconnects = undefined;
    this.notifyAll(disconnects);
    this.#locals.clear();
    this.#incoming.promised.clear();
    this.#imports?.clear();
  }

  /** What the parts of a broker may do, and other code may not. */
  static readonly #Hooks = class implements BrokerHooks {
    readonly #broker: Broker;

    constructor(broker: Broker) {
      this.#broker = broker;
    }
    get dialect(): string | undefined {
      return this.#broker.dialect;
    }
    get callsOut(): number {
      return this.#broker.#outgoing?.pending.size ?? 0;
    }
    get callsWanted(): number {
      return this.#broker.#outgoing?.pending.wanted ?? 0;
    }
    fail(error: Error): void {
      this.#broker.#life.fail(error);
    }
    dismiss(error: Error): void {
      void this.#broker.#life.close(error);
    }
    mayRead(): boolean {
      this.#broker.#life.check();
      return this.#broker.#flow.mayRead();
    }
    expressionReceived(tools: ReadTools, isBehindAnswer: boolean): Received {
      const life = this.#broker.#life;
      if (!life.isNegotiating) return this.#broker.#messages.received(tools, isBehindAnswer);
      life.agree(tools.reader);
      return "other";
    }
    opened(): void {
      this.#broker.#watchPeer();
      this.#broker.#outbox.send((writer) => writeNumber(writer, WORD.version, VERSION));
      this.#broker.#outgoing?.open();
    }
    wrote(): void {
      this.#broker.#flow.proceed();
      // A close that waits for calls also waits for their answers to go out.
      this.#broker.#life.callsEnded();
    }
    answered(id: number | bigint, succeeded: boolean, unjellier: Unjellier): void {
      if (this.#broker.#keepAlive?.answered(id)) return;
      this.#broker.#ownCalls.answered(id, succeeded, unjellier);
      this.#broker.#life.callsEnded();
    }
    callEnded(): void {
      this.#broker.#flow.proceed();
      this.#broker.#life.callsEnded();
    }
    callGivenUp(): void {
      this.#broker.#life.callsEnded();
    }
    linkEnded(error: unknown, unread: Uint8Array): void {
      this.#broker.#life.end(error, unread);
    }
    clear(reason: Error | undefined): void {
      this.#broker.#clear(reason);
    }
    ended(reason: Error | undefined): void {
      this.#broker.#role.onEnded?.(this.#broker, reason);
    }
  };
}

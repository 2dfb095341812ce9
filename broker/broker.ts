/**
 * The machine: one connection's objects, calls and answers (`twisted.spread.pb.Broker`).
 *
 * @module
 */

import type { ICredentials } from "../cred/credentials.ts";
import { WORD } from "../jelly/banana/mod.ts";
import type { Unjellier } from "../jelly/mod.ts";
import type { CloseReason, Dialed, Peer } from "../transport/mod.ts";
import type { RemoteCacheObserver } from "./cacheable.ts";
import type { BrokerCounts, BrokerRole, CloseOptions, Traffic } from "./broker_facts.ts";
import type { BrokerHooks } from "./broker_hooks.ts";
import { BusySet } from "./busy_set.ts";
import { Caches } from "./caches.ts";
import { callAll } from "./call_all.ts";
import { closeReason, isFaultOfPeer } from "./close_reason.ts";
import { endReason } from "./end_reason.ts";
import { DeadReferenceError, GoingAwayError } from "./errors.ts";
import { Flow } from "./flow.ts";
import { ImportTable } from "./import_table.ts";
import { IncomingCalls } from "./incoming_calls.ts";
import { BROKER } from "./invoker.ts";
import { KeepAlive } from "./keep_alive.ts";
import { Link } from "./link.ts";
import { type LocalObject, LocalTable, ROOT } from "./local_table.ts";
import { type CopiedAvatarOptions, login, type LoginOptions } from "./login.ts";
import { VERSION, writeNumber } from "./message_parts.ts";
import { Messages } from "./messages.ts";
import { type AgreedDialect, Negotiation, notReady } from "./negotiation.ts";
import { ObjectLimit } from "./object_limit.ts";
import type { BrokerSettings } from "./options.ts";
import { OutgoingCalls } from "./outgoing_calls.ts";
import { Outbox } from "./outbox.ts";
import { Outcome } from "./outcome.ts";
import { PageTurns } from "./page_turns.ts";
import type { RemoteTarget } from "./referenceable.ts";
import { type Arrivals, type ObjectId, RemoteReference } from "./remote_reference.ts";
import type { ReadTools } from "./toolbox.ts";
import { within } from "./within.ts";

/** Milliseconds within which a peer is missed that is gone, where nothing else is said. */
const KEEP_ALIVE = 60_000;
/** How long a close waits for what was written to go out, in milliseconds. */
const CLOSE_TIMEOUT = 1000;
const NORMAL: CloseReason = { kind: "normal", message: "" };
const OPEN: State = { kind: "open" };
const NOTHING = new Uint8Array(0);

/** Where a connection is in its life. */
type State =
  | { readonly kind: "negotiating"; readonly negotiation: Negotiation }
  | { readonly kind: "open" }
  /** Calls under way are finished; `done` goes on before they are. */
  | { readonly kind: "draining"; readonly done: () => void }
  | { readonly kind: "closed"; readonly reason: Error | undefined };

/**
 * One connection to a peer: the calls over it, and the objects that each end
 * knows of the other's.
 *
 * Made by `connect`, `serve` and their like. Once it is closed, both ends' tables are empty, every
 * call has settled, and the disconnect notifiers have run.
 */
export class Broker implements AsyncDisposable {
  /** Marks brokers for code that must not depend on this class. */
  readonly [BROKER] = true;
  /** What is known of the other end. */
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
  /** Made when somebody asks, and when the connection has ended. */
  #closed: Outcome<Error | undefined> | undefined;
  readonly #limit: ObjectLimit;
  #imports: ImportTable | undefined;
  #caches: Caches | undefined;
  /** References by name, which the peer does not count. */
  #named: Map<string, RemoteReference> | undefined;
  #keepAlive: KeepAlive | undefined;
  #pageTurns: PageTurns | undefined;
  #state: State;
  #dialect: AgreedDialect | undefined;
  /** The last number that an object or a cache of ours got. */
  #lastLocal = 0;
  #disconnects: BusySet<() => void> | undefined;
  #closing: Promise<void> | undefined;
  /** What the program gave as the fault for which it closes. */
  #fault: Error | undefined;

  /**
   * Creates a broker on a connection that stands, and begins to negotiate.
   *
   * @param dialed The connection; the broker closes it.
   * @param role Which end this is.
   * @param settings Limits and rules.
   * @throws {unknown} What `rootFor` throws; the connection is closed then.
   */
  constructor(dialed: Dialed, role: BrokerRole, settings: BrokerSettings) {
    const { limits } = settings;
    this.peer = dialed.peer;
    this.settings = settings;
    this.#role = role;
    const hooks = this.#hooks = new Broker.#Hooks(this);
    this.#limit = new ObjectLimit("maxReferences", limits.maxReferences, hooks);
    this.#locals = new LocalTable(this.#limit);
    const link = this.#link = new Link(dialed.transport, hooks, settings, this);
    const outbox = this.#outbox = new Outbox(link, settings, hooks);
    const calls = this.#incoming = new IncomingCalls({ broker: this, link, outbox, hooks });
    this.#flow = new Flow({ link, calls, limits, hooks });
    this.#messages = new Messages({
      broker: this,
      flow: this.#flow,
      calls,
      locals: this.#locals,
      outbox,
      hooks,
    });
    const negotiation = new Negotiation({
      role: role.kind,
      link,
      outbox,
      timeout: limits.negotiationTimeout,
      faults: hooks,
    });
    this.#state = { kind: "negotiating", negotiation };
    try {
      if (role.rootFor !== undefined) this.setNameForLocal(ROOT, role.rootFor(this));
    } catch (error) {
      // Closed here, and for no fault of the peer's.
      this.#fault = error as Error;
      this.#closing = this.closed.then(() => {});
      this.#fail(this.#fault);
      throw error;
    }
    negotiation.begin();
    link.run();
  }

  /** Settles when both ends have agreed on a dialect; rejects if the connection ends before. */
  get ready(): Promise<void> {
    const state = this.#state;
    if (state.kind === "negotiating") return state.negotiation.ready;
    const outcome = new Outcome<void>();
    if (this.#dialect !== undefined) outcome.resolve();
    else outcome.reject(notReady(state.kind === "closed" ? state.reason : undefined));
    return outcome.promise;
  }

  /** Resolves when the connection has ended and all is cleared up: to why it did, or undefined if on purpose. */
  get closed(): Promise<Error | undefined> {
    return (this.#closed ??= new Outcome()).promise;
  }

  /** On whose behalf a value is being written; `jellyFor` methods may ask. */
  get serializingPerspective(): object | null {
    return this.#outbox.perspective;
  }

  /** On whose behalf a value is being read; rules may ask. */
  get unserializingPerspective(): object | null {
    return this.#incoming.perspective;
  }

  /** What both ends agreed to speak, `perspective-1` if both are of this library; undefined until they have. */
  get dialect(): string | undefined {
    return this.#dialect;
  }

  /** Whether the connection has ended. */
  get isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  /** How many things the broker holds: for monitoring, and for tests that look for leaks. */
  get counts(): BrokerCounts {
    return {
      localObjects: this.#locals.size,
      remoteObjects: this.#imports?.size ?? 0,
      cachedObjects: this.#caches?.cacheables.size ?? 0,
      caches: this.#caches?.held.size ?? 0,
      callsIn: this.#incoming.size,
      callsOut: this.#hooks.callsOut,
      bufferedBytes: this.#link.buffered,
    };
  }

  /** How much has gone over the connection. */
  get traffic(): Traffic {
    return {
      callsReceived: this.#incoming.total,
      callsSent: this.#outgoing?.total ?? 0,
      bytesReceived: this.#link.bytesReceived,
      bytesSent: this.#link.bytesSent,
    };
  }

  /**
   * Gives the object that the server publishes, or the one that the URL names.
   *
   * @returns A reference to it.
   * @typeParam T The class of the object.
   */
  root<T = unknown>(): RemoteReference<T> {
    return this.remoteForName<T>(this.#role.rootName ?? ROOT);
  }

  /**
   * Gives an object that the peer has published under a name; whether there is one, a call will tell.
   *
   * @param name The name.
   * @returns A reference to it.
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
   * @param credentials A name and a password, a token, or `Anonymous`; undefined for those in the URL.
   * @param mind An object of ours that the avatar may call, or null.
   * @param options The class of the avatar, and what there is else to choose.
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
   * @param credentials A name and a password, a token, or `Anonymous`; those in the URL unless given.
   * @param mind An object of ours that the avatar may call, or null; it is called
   * even before the login is answered.
   * @param options Which mechanisms may be used, and a signal.
   * @returns A reference to the avatar.
   * @throws {UnauthorizedLogin} If the server does not accept the credentials.
   * @throws {LoginDenied} If it may accept them, but not now.
   * @throws {UnhandledCredentials} If there is no mechanism for such credentials.
   * @throws {ScramError} If the server does not know the user either.
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
   * Counts a reference to an object that is being sent; for `jellyFor` methods.
   *
   * @param object The object.
   * @returns Its number.
   * @throws {LimitError} If the peer holds too many; the fourth time closes the connection.
   */
  registerReference(object: LocalObject): number {
    const id = this.#locals.register(object, () => ++this.#lastLocal);
    this.#outbox.onCancel(() => this.#locals.unregister(id));
    return id;
  }

  /** The caches of this connection, at both ends; for `jellyFor` methods and rules. */
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
   * Has something done once: when the peer holds an object no more, or the connection is lost.
   *
   * @param object The object, which is about to be sent.
   * @param cleanup What to do.
   */
  onRelease(object: object, cleanup: () => void): void {
    const once = () => {
      this.dontNotifyOnDisconnect(once);
      cleanup();
    };
    if (this.isClosed) return this.notifyAll([cleanup]);
    this.#locals.onRelease(object, once);
    this.notifyOnDisconnect(once);
  }

  /**
   * Takes an arrival of a reference; for the rules that read values.
   *
   * @param luid Number of the object at the other end.
   * @returns The reference.
   * @throws {LimitError} If too many objects are held; the object is given back then.
   */
  referenceArrived(luid: number): RemoteReference {
    this.#imports ??= new ImportTable(this, this.#outbox);
    return this.#imports.arrived(luid, this.#incoming.perspective);
  }

  /**
   * Tells the peer that a reference is gone; references call it.
   *
   * @param arrivals What the peer counts for it.
   */
  giveBack(arrivals: Arrivals): void {
    this.#imports?.release(arrivals);
  }

  /**
   * Calls a method of an object at the other end; references and observers call it.
   *
   * @param target Number or name of the object, or the observer of a cache.
   * @param method Name of the method.
   * @param args Positional arguments, then perhaps keyword arguments, then perhaps options.
   * @param perspective On whose behalf the arguments are written.
   * @returns What the method returned.
   */
  call(
    target: ObjectId | RemoteCacheObserver,
    method: string,
    args: readonly unknown[],
    perspective: object | null = null,
  ): Promise<unknown> {
    const state = this.#state;
    const isClosing = this.#closing !== undefined && state.kind !== "draining";
    if (state.kind === "closed" || isClosing) {
      return Promise.reject(
        new DeadReferenceError(`Cannot call "${method}": the connection is closed`, {
          cause: state.kind === "closed" ? state.reason : undefined,
        }),
      );
    }
    if (state.kind === "negotiating") {
      return this.ready.then(() => this.call(target, method, args, perspective));
    }
    if (this.#outbox.isWriting) {
      return new Promise((resolve) =>
        this.#outbox.postpone(() => resolve(this.call(target, method, args, perspective)))
      );
    }
    const outgoing = this.#ownCalls;
    try {
      return typeof target === "object"
        ? outgoing.send({ word: WORD.cachemessage, target: target.luid, method, args, perspective })
        : outgoing.send({ word: WORD.message, target, method, args, perspective });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Limits how much of an unfinished message is kept, beside what the limits of all messages say.
   *
   * @param maxBytes About how many bytes; `Infinity` for no such limit.
   */
  limitInput(maxBytes: number): void {
    this.#link.maxExpressionBytes = maxBytes;
  }

  /**
   * Waits until the peer has taken most of what was sent: for producers of many messages.
   *
   * @returns Settles when more may be sent, or the connection is closed.
   */
  drained(): Promise<void> {
    return this.#link.drained();
  }

  /**
   * Waits for a turn to send a page: pagers take turns, as fast as the peer takes what they send.
   *
   * @returns Settles when one page may be sent, or the connection is closed.
   */
  pageTurn(): Promise<void> {
    this.#pageTurns ??= new PageTurns(this.#link, this.settings.limits.highWaterMark >> 2);
    return this.#pageTurns.next();
  }

  /**
   * Has a function called when the connection has ended; at once if it has already.
   *
   * @param notifier The function.
   */
  notifyOnDisconnect(notifier: () => void): void {
    if (this.isClosed) this.notifyAll([notifier]);
    else (this.#disconnects ??= new BusySet()).add(notifier);
  }

  /**
   * Takes back {@linkcode Broker.notifyOnDisconnect}.
   *
   * @param notifier The function.
   */
  dontNotifyOnDisconnect(notifier: () => void): void {
    this.#disconnects?.delete(notifier);
  }

  /**
   * Runs functions of the program; one that fails is logged and keeps no other from running.
   *
   * @param callbacks The functions.
   */
  notifyAll(callbacks: Iterable<() => unknown>): void {
    callAll(callbacks, (error) => this.#log("error", "A callback failed", error));
  }

  /**
   * Closes the connection when what was sent has gone out, or cannot go out within a second.
   * Calls that wait for an answer are lost, unless they get time to be finished. A second call
   * waits for the first, but gives calls no more time unless it says so.
   *
   * @param options How, and why; an error alone is the reason.
   * @returns Resolves when the connection has ended.
   */
  close(options: CloseOptions | Error = {}): Promise<void> {
    const { graceful = 0, reason } = options instanceof Error ? { reason: options } : options;
    if (graceful === 0 && this.#state.kind === "draining") this.#state.done();
    return this.#closing ??= this.#close(graceful, reason);
  }

  /** Same as {@linkcode Broker.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(graceful: number, reason: CloseReason | Error | undefined): Promise<void> {
    if (reason instanceof Error) this.#fault = reason;
    if (graceful !== 0 && this.#state.kind === "open") await this.#drain(graceful);
    this.#incoming.isDeaf = true;
    if (!this.isClosed) {
      if (this.#link.buffered !== 0) await within(CLOSE_TIMEOUT, this.#link.drained(0));
      this.#link.close(reason instanceof Error ? closeReason(reason) : reason ?? NORMAL);
      // Not only when the pending read has failed, which takes a turn of the event loop.
      await undefined;
      this.#ended(undefined, NOTHING);
    }
    await this.closed;
  }

  /** Refuses calls, and waits until those under way are finished. */
  async #drain(graceful: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#incoming.refusal = new GoingAwayError();
    this.#state = { kind: "draining", done: resolve };
    this.#checkDrained();
    await within(graceful, promise);
    if (this.#state.kind === "draining") this.#state = OPEN;
  }

  #checkDrained(): void {
    if (this.#state.kind !== "draining") return;
    const wanted = this.#outgoing?.pending.wanted ?? 0;
    if (this.#incoming.size + wanted === 0 && !this.#flow.isBehind) {
      this.#state.done();
    }
  }

  /** The calls that we make. */
  get #ownCalls(): OutgoingCalls {
    return this.#outgoing ??= new OutgoingCalls({
      link: this.#link,
      outbox: this.#outbox,
      maxCallsOut: this.settings.limits.maxCallsOut,
      hooks: this.#hooks,
    });
  }

  /** Learns that a call of the peer's has ended that was not answered at once. */
  #callEnded(): void {
    this.#flow.proceed();
    this.#checkDrained();
  }

  /** Begins to watch for a peer that is gone. */
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

  /** Closes the connection at once, for a fault. */
  #fail(error: Error): void {
    if (this.isClosed) return;
    const { unread } = this.#link;
    this.#link.close(closeReason(error));
    this.#ended(error, unread);
  }

  /** Learns that the link has ended, and clears up. */
  #ended(error: unknown, unread: Uint8Array): void {
    const state = this.#state;
    if (state.kind === "closed") return;
    this.#keepAlive?.stop();
    this.#flow.clear();
    this.#pageTurns?.clear();
    if (state.kind === "draining") state.done();
    const reason = this.#endReason(state.kind === "negotiating", error, unread);
    this.#state = { kind: "closed", reason };
    if (state.kind === "negotiating") state.negotiation.fail(notReady(reason));
    this.#outgoing?.pending.fail(reason);
    this.#caches?.clear(reason);
    const disconnects = this.#disconnects ?? [];
    this.#disconnects = undefined;
    this.notifyAll(disconnects);
    this.#locals.clear();
    this.#imports?.clear();
    const rest = this.#link.transportClosed ?? Promise.resolve();
    rest.then(() => {
      (this.#closed ??= new Outcome()).resolve(reason);
      this.#role.onEnded?.(this, reason);
    });
  }

  /** Finds words for why the connection has ended; none if it ended on purpose. */
  #endReason(isNegotiating: boolean, error: unknown, unread: Uint8Array): Error | undefined {
    const { kind: role } = this.#role;
    const { closeReason, bytesReceived } = this.#link;
    const reason = this.#closing === undefined
      ? endReason({
        role,
        isNegotiating,
        error,
        unread,
        isHeard: bytesReceived !== 0,
        closeReason,
      })
      : this.#fault;
    // A client that gets no connection learns it from `ready`.
    if (isFaultOfPeer(reason) && !(isNegotiating && role === "client")) {
      this.#log("warning", `Connection to ${this.peer.address} closed: ${reason!.message}`);
    }
    return reason;
  }

  // What comes from the peer.

  #mayRead(): boolean {
    if (this.#state.kind === "negotiating") this.#state.negotiation.check();
    return this.#flow.mayRead();
  }

  /** Takes a message. */
  #expressionReceived(tools: ReadTools): void {
    const state = this.#state;
    if (state.kind !== "negotiating") return this.#messages.received(tools);
    this.#dialect = state.negotiation.received(tools.reader);
    this.#state = OPEN;
    // Before the negotiation clears its own alarm: so the clock need not stop.
    this.#watchPeer();
    state.negotiation.succeed();
    this.#outbox.send((writer) => writeNumber(writer, WORD.version, VERSION));
  }

  #answerReceived(id: number | bigint, succeeded: boolean, unjellier: Unjellier): void {
    if (this.#keepAlive?.answered(id)) return;
    this.#ownCalls.answered(id, succeeded, unjellier);
    this.#checkDrained();
  }

  /** The parts of a broker may do what others may not. */
  static readonly #Hooks = class implements BrokerHooks {
    readonly #broker: Broker;

    constructor(broker: Broker) {
      this.#broker = broker;
    }
    get callsOut(): number {
      return this.#broker.#outgoing?.pending.size ?? 0;
    }
    fail(error: Error): void {
      this.#broker.#fail(error);
    }
    expressionReceived(tools: ReadTools): void {
      this.#broker.#expressionReceived(tools);
    }
    mayRead(): boolean {
      return this.#broker.#mayRead();
    }
    wrote(): void {
      this.#broker.#flow.proceed();
    }
    linkEnded(error: unknown, unread: Uint8Array): void {
      this.#broker.#ended(error, unread);
    }
    answered(id: number | bigint, succeeded: boolean, unjellier: Unjellier): void {
      this.#broker.#answerReceived(id, succeeded, unjellier);
    }
    callEnded(): void {
      this.#broker.#callEnded();
    }
    callGivenUp(): void {
      this.#broker.#checkDrained();
    }
  };

  #log(level: "error" | "warning", message: string, error?: unknown): void {
    this.settings.log({ level, message, error });
  }
}

/**
 * The inside of a broker: the parts of a connection, and what they ask of each other.
 *
 * @module
 */

import { WORD } from "../../jelly/banana/mod.ts";
import { JellyError, type Unjellier } from "../../jelly/mod.ts";
import type { Dialed } from "../../transport/mod.ts";
import { IncomingCalls } from "../calls/incoming_calls.ts";
import { VERSION, writeNumber } from "../calls/message_parts.ts";
import { type Callee, type OutgoingCall, OutgoingCalls } from "../calls/outgoing_calls.ts";
import { causedBy } from "../errors/caused_by.ts";
import { DeadReferenceError } from "../errors/errors.ts";
import { noOperation } from "../errors/failure.ts";
import type { RemoteCacheObserver } from "../flavors/cacheable.ts";
import { NO_ANSWER } from "../flavors/kwargs.ts";
import { RemotePromise } from "../flavors/remote_promise.ts";
import type { Arrivals, RemoteReference } from "../flavors/remote_reference.ts";
import type { StrangerBounds } from "../link/bound.ts";
import { Link, type Received } from "../link/link.ts";
import { Negotiation } from "../link/negotiation.ts";
import { Outbox } from "../link/outbox.ts";
import type { ReadTools } from "../link/toolbox.ts";
import { callLogged, type LogEntry, LogRate } from "../log/log.ts";
import { Caches } from "../tables/caches.ts";
import { ImportTable } from "../tables/import_table.ts";
import { type Cleanup, LocalTable } from "../tables/local_table.ts";
import { ObjectLimit } from "../tables/object_limit.ts";
import type { Broker } from "./broker.ts";
import type { BrokerCounts, Traffic } from "./broker_facts.ts";
import type { BrokerRole } from "./broker_role.ts";
import type { ConnectionHooks } from "./connection_hooks.ts";
import { Disconnects } from "./disconnects.ts";
import { Flow } from "./flow.ts";
import { KeepAlive } from "./keep_alive.ts";
import { Life } from "./life.ts";
import { Messages } from "./messages.ts";
import type { BrokerSettings } from "./options.ts";
import { PageTurns } from "./page_turns.ts";

/** Milliseconds within which a peer that is gone is noticed, by default. */
const KEEP_ALIVE = 60_000;

/**
 * What a broker consists of. Programs see the {@linkcode Broker}; other parts of this library find
 * this behind it, as `broker[CONNECTION]`.
 *
 * Most parts are made when they are first needed: most connections never need most of them.
 */
export class Connection {
  /** The way in and out. */
  readonly link: Link;
  /** Writes messages. */
  readonly outbox: Outbox;
  /** The calls that the peer makes. */
  readonly incoming: IncomingCalls;
  /** The objects of ours that the peer holds references to. */
  readonly locals: LocalTable;
  /** Negotiating, open or closed. */
  readonly life: Life;
  readonly #broker: Broker;
  readonly #role: BrokerRole;
  readonly #settings: BrokerSettings;
  readonly #hooks: ConnectionHooks;
  readonly #flow: Flow;
  readonly #messages: Messages;
  /** Limits how many of our objects the peer may hold, as references and as caches. */
  readonly #limit: ObjectLimit;
  #outgoing: OutgoingCalls | undefined;
  #imports: ImportTable | undefined;
  #caches: Caches | undefined;
  /** Limits on the peer while nobody has logged in. */
  #bounds: StrangerBounds | undefined;
  #keepAlive: KeepAlive | undefined;
  #pageTurns: PageTurns | undefined;
  /** The last number given to an object or a cache of ours. */
  #lastLocal = 0;
  #disconnects: Disconnects | undefined;
  #logRate: LogRate | undefined;

  /**
   * Takes over an established connection.
   *
   * @param broker What programs see of it.
   * @param dialed The connection; it is closed in the end.
   * @param role Which end this is.
   * @param settings Limits and rules.
   */
  constructor(
    broker: Broker,
    { transport, peer }: Dialed,
    role: BrokerRole,
    settings: BrokerSettings,
  ) {
    const { limits, log } = settings;
    this.#broker = broker;
    this.#role = role;
    this.#settings = settings;
    const hooks = this.#hooks = new Connection.#Hooks(this);
    this.#limit = new ObjectLimit("maxReferences", limits.maxReferences, hooks);
    const link = this.link = new Link(transport, hooks, settings, broker);
    const outbox = this.outbox = new Outbox(link.output, limits, hooks);
    this.locals = new LocalTable(this.#limit, outbox, hooks);
    const calls = this.incoming = new IncomingCalls({ broker, link, outbox, hooks });
    const flow = this.#flow = new Flow({ link, calls, limits, hooks });
    this.#messages = new Messages({ broker, connection: this, flow, hooks });
    const negotiation = new Negotiation({
      role: role.kind,
      link,
      outbox,
      timeout: Math.min(limits.negotiationTimeout, patienceOf(role)),
      faults: this.#hooks,
    });
    this.life = new Life(negotiation, {
      peer,
      role: role.kind,
      link,
      flow,
      calls,
      hooks,
      log,
    });
  }

  /**
   * Begins to negotiate, and to read.
   *
   * @param logins What a server says about its logins, if it takes any.
   */
  begin(logins?: string): void {
    this.life.begin(logins);
    this.link.run();
  }

  /** Whether the peer has refused a call because it is about to close. */
  get isPeerGoingAway(): boolean {
    return this.#outgoing?.isPeerGoingAway ?? false;
  }

  /** Numbers of the things that are held. */
  get counts(): BrokerCounts {
    return {
      localObjects: this.locals.size,
      remoteObjects: this.#imports?.size ?? 0,
      cachedObjects: this.#caches?.cacheables.size ?? 0,
      caches: this.#caches?.held.size ?? 0,
      promisedResults: this.incoming.promised?.size ?? 0,
      callsIn: this.incoming.size,
      callsOut: this.#callsOut,
      bufferedBytes: this.link.output.buffered,
    };
  }

  /** How much has gone over the connection. */
  get traffic(): Traffic {
    return {
      callsReceived: this.incoming.total,
      callsSent: this.#outgoing?.total ?? 0,
      bytesReceived: this.link.bytesReceived,
      bytesSent: this.link.output.bytesSent,
    };
  }

  /**
   * Calls a method of one of the peer's objects; called by references and observers.
   *
   * @param callee The object, the result of another call, or the observer of a cache.
   * @param method Name of the method.
   * @param args Positional arguments, then optional keyword arguments, then optional call options.
   * @param onKept Called with the number of the request, if the peer was asked to keep the result.
   * @returns What the method returned.
   */
  call(
    callee: Callee,
    method: string,
    args: readonly unknown[],
    onKept?: (request: number) => void,
  ): Promise<unknown> {
    if (this.outbox.isWriting) {
      return new Promise((resolve) =>
        this.outbox.postpone(() => resolve(this.call(callee, method, args, onKept)))
      );
    }
    try {
      return this.#send({ callee, method, args, onKept });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Calls a method of one of the peer's objects at once, without an answer; must not be called
   * while a message is being written.
   *
   * @param callee The reference, or the observer of a cache.
   * @param method Name of the method.
   * @param args Positional arguments.
   * @returns Whether the connection can take more now.
   * @throws {Error} If the call cannot be sent.
   */
  tell(
    callee: RemoteReference | RemoteCacheObserver,
    method: string,
    args: readonly unknown[],
  ): boolean {
    this.#send({ callee, method, args: [...args, NO_ANSWER] }).catch(noOperation);
    return !this.link.output.isFull;
  }

  #send(call: OutgoingCall): Promise<unknown> {
    const { life } = this;
    if (life.takesCalls) return this.#ownCalls.send(call);
    throw new DeadReferenceError(
      `Cannot call "${call.method}": the connection is closed`,
      causedBy(life.reason),
    );
  }

  /** Number of our calls that the peer has not answered, including those that were given up. */
  get #callsOut(): number {
    return this.#outgoing?.pending.size ?? 0;
  }

  /** The calls that we make. */
  get #ownCalls(): OutgoingCalls {
    return this.#outgoing ??= new OutgoingCalls({
      broker: this.#broker,
      link: this.link,
      outbox: this.outbox,
      limits: this.#settings.limits,
      hooks: this.#hooks,
      isEarly: this.life.isNegotiating,
    });
  }

  /**
   * Makes a call whose result can be called at once; called by references.
   *
   * @param method Name of the method.
   * @param call Calls it, with a function to be passed to {@linkcode Connection.call}.
   * @returns The result.
   */
  pipeline(
    method: string,
    call: (onKept: (request: number) => void) => Promise<unknown>,
  ): RemotePromise {
    return new RemotePromise(this.#broker, method, call);
  }

  /**
   * Tells the peer that a result is not called any more as that of a request.
   *
   * @param request Number of the request.
   */
  forgetResult(request: number): void {
    if (!this.life.isClosed) this.#ownCalls.forgetResult(request);
  }

  /**
   * Calls a function once: when the peer no longer holds an object, or the connection is lost.
   *
   * @param object The object, which is about to be sent.
   * @param cleanup The function; it is passed true if the message that was to carry the object
   * could not be sent.
   */
  onRelease(object: object, cleanup: (isTakenBack?: boolean) => void): void {
    const once: Cleanup = (isTakenBack) => {
      this.dontNotifyOnDisconnect(once);
      cleanup(isTakenBack);
    };
    if (this.life.isClosed) return this.notifyAll([cleanup]);
    this.locals.onRelease(object, once);
    this.notifyOnDisconnect(once);
  }

  /**
   * Records the arrival of a reference.
   *
   * @param luid The peer's number for the object, as received.
   * @returns The reference.
   * @throws {JellyError} If that is not a safe integer.
   * @throws {LimitError} If too many objects are held; the object is then given back or, if the
   * limit is one for peers that have not logged in, the connection is closed.
   * @throws {DeadReferenceError} If the connection is closed.
   */
  referenceArrived(luid: number): RemoteReference {
    if (!Number.isSafeInteger(luid)) {
      throw new JellyError("Cannot receive reference: it has no number");
    }
    // A value that closes the connection while it is being read must leave nothing behind.
    if (this.life.isClosed) {
      throw new DeadReferenceError("Cannot take reference: the connection is closed");
    }
    const imports = this.#imports ??= new ImportTable(this.#broker, this.outbox);
    const reference = imports.arrived(luid, this.incoming.perspective);
    const bound = this.#bounds?.references;
    if (bound === undefined || imports.size <= bound.most) return reference;
    const error = bound.passed();
    this.#hooks.fail(error);
    throw error;
  }

  /**
   * Tells the peer that a reference is gone; called by references.
   *
   * @param arrivals The arrivals that the peer has counted for it.
   */
  giveBack(arrivals: Arrivals): void {
    this.#imports?.release(arrivals);
  }

  /** The caches of this connection, ours and the peer's. */
  get caches(): Caches {
    return this.#caches ??= new Caches({
      broker: this.#broker,
      outbox: this.outbox,
      limit: this.#limit,
      hooks: this.#hooks,
    });
  }

  /** The turns that pagers of this connection take. */
  get pageTurns(): PageTurns {
    return this.#pageTurns ??= new PageTurns(this.link, this.#settings.limits);
  }

  /**
   * Limits what the peer may do while nobody has logged in, in addition to the limits of all
   * connections.
   *
   * @param bounds The limits; undefined, for none, once somebody has logged in.
   */
  limitStranger(bounds: StrangerBounds | undefined): void {
    this.#bounds = bounds;
    this.link.limitInput(bounds?.messageBytes);
  }

  /**
   * Registers a function to be called when the connection has ended, once for each time it was
   * registered; calls it at once if the connection has already ended.
   *
   * @param notifier The function.
   */
  notifyOnDisconnect(notifier: () => void): void {
    if (this.life.isClosed) return this.notifyAll([notifier]);
    (this.#disconnects ??= new Disconnects()).add(notifier);
  }

  /**
   * Undoes one call of {@linkcode Connection.notifyOnDisconnect}.
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
    this.#settings.log({ ...entry, peer: this.#broker.peer });
  }

  /**
   * Logs what the peer can cause again and again: of many entries, only one a second.
   *
   * @param entry The entry, without the peer.
   */
  logOften(entry: Omit<LogEntry, "peer">): void {
    const remark = (this.#logRate ??= new LogRate()).admit();
    if (remark !== undefined) this.log({ ...entry, message: `${entry.message}${remark}` });
  }

  /**
   * Runs functions of the program; if one throws, that is logged and the others still run.
   *
   * @param callbacks The functions.
   */
  notifyAll(callbacks: Iterable<() => unknown>): void {
    callLogged(callbacks, (entry) => this.log(entry));
  }

  /** Begins to speak, as both ends have agreed on a dialect. */
  #opened(): void {
    this.#watchPeer();
    // The first answers follow, if the client has sent calls along with its choice.
    if (this.#role.kind === "server") this.link.output.expectMore();
    this.outbox.send((writer) => writeNumber(writer, WORD.version, VERSION));
    this.#outgoing?.open();
    this.#role.onOpened?.(this.#broker);
  }

  /** Begins to watch whether the peer is still there. */
  #watchPeer(): void {
    const { kind, address } = this.#broker.peer;
    const { keepAlive = kind === "memory" ? 0 : KEEP_ALIVE } = this.#settings;
    if (keepAlive === 0) return;
    this.#keepAlive = new KeepAlive({
      within: keepAlive,
      link: this.link,
      flow: this.#flow,
      outbox: this.outbox,
      address,
      faults: this.#hooks,
    });
  }

  /** Goes on with what had to wait: for the transport, or for a call to end. */
  #progressed(): void {
    this.incoming.promised?.proceed();
    this.#flow.proceed();
    // A close that waits for calls also waits for their answers to go out.
    this.life.callsEnded();
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
    this.locals.clear();
    this.incoming.promised?.clear();
    this.#imports?.clear();
  }

  /** What the parts of a connection may ask for, and other code may not. */
  static readonly #Hooks = class implements ConnectionHooks {
    readonly #connection: Connection;

    constructor(connection: Connection) {
      this.#connection = connection;
    }
    get dialect(): string | undefined {
      return this.#connection.life.dialect;
    }
    get callsOut(): number {
      return this.#connection.#callsOut;
    }
    get callsWanted(): number {
      return this.#connection.#outgoing?.pending.wanted ?? 0;
    }
    fail(error: Error): void {
      this.#connection.life.fail(error);
    }
    dismiss(error: Error): void {
      void this.#connection.life.close(error);
    }
    mayRead(): boolean {
      this.#connection.life.check();
      return this.#connection.#flow.mayRead();
    }
    expressionReceived(tools: ReadTools, isBehindAnswer: boolean): Received {
      const { life } = this.#connection;
      if (!life.isNegotiating) return this.#connection.#messages.received(tools, isBehindAnswer);
      life.agree(tools.reader);
      return "other";
    }
    get isLatestRunning(): boolean {
      return this.#connection.incoming.isLatestRunning;
    }
    opened(): void {
      this.#connection.#opened();
    }
    answered(id: number | bigint, succeeded: boolean, unjellier: Unjellier): boolean {
      if (this.#connection.#keepAlive?.answered(id)) return true;
      const isRead = this.#connection.#ownCalls.answered(id, succeeded, unjellier);
      this.#connection.life.callsEnded();
      return isRead;
    }
    wrote(): void {
      this.#connection.#progressed();
    }
    progressed(): void {
      this.#connection.#progressed();
    }
    get bounds(): StrangerBounds | undefined {
      return this.#connection.#bounds;
    }
    newId(): number {
      return ++this.#connection.#lastLocal;
    }
    readAhead(isEnough: () => boolean): void {
      this.#connection.#messages.readAhead(isEnough);
    }
    notifyAll(callbacks: Iterable<() => unknown>): void {
      this.#connection.notifyAll(callbacks);
    }
    logOften(entry: Omit<LogEntry, "peer">): void {
      this.#connection.logOften(entry);
    }
    linkEnded(error: unknown, unread: Uint8Array): void {
      this.#connection.life.end(error, unread);
    }
    clear(reason: Error | undefined): void {
      this.#connection.#clear(reason);
    }
    ended(reason: Error | undefined): void {
      this.#connection.#role.onEnded?.(this.#connection.#broker, reason);
    }
  };
}

/** Returns the milliseconds for which a client waits for a dialect, if it was told. */
function patienceOf(role: BrokerRole): number {
  return (role.kind === "client" ? role.timeout : undefined) ?? Infinity;
}

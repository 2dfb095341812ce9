/**
 * The connections of a server: how many there may be, what is known about them, and how they end.
 *
 * @module
 */

import { BusySet } from "../../transport/base/busy_set.ts";
import { duration, positiveInteger } from "../../transport/base/checks.ts";
import { type Dialed, HandshakeError } from "../../transport/mod.ts";
import type { Broker } from "../connection/broker.ts";
import type { Traffic } from "../connection/broker_facts.ts";
import type { BrokerOptions } from "../connection/options.ts";
import { GoingAwayError, LimitError } from "../errors/errors.ts";
import { CONNECTION } from "../flavors/invoker.ts";
import type { Log } from "../log/log.ts";

/** Maximum number of connections of a server at once, by default. */
const MAX_CONNECTIONS = 10_000;
/** What clients are told when their server closes, if the transport can tell them. */
export const GOING_AWAY = { kind: "goingAway", message: "server is closing" } as const;
/**
 * Name of the property where a server's factory has its connections, which programs do not find by
 * chance.
 */
export const CONNECTIONS: unique symbol = Symbol("connections");

/** Options for all connections of a server together, and for each of them. */
export interface ConnectionsOptions extends BrokerOptions {
  /**
   * Maximum number of connections at once; further ones are closed immediately, and counted. The
   * same maximum applies to connections that were closed but are not gone, such as WebSockets whose
   * peers do not answer. Defaults to 10,000.
   */
  maxConnections?: number;
  /**
   * Called with each connection, once both ends have agreed on a dialect, and before its first call
   * begins.
   */
  onConnect?: (broker: Broker) => void;
  /** Called when such a connection has ended, with the reason if it did not end on purpose. */
  onDisconnect?: (broker: Broker, reason: Error | undefined) => void;
}

/** What is worth monitoring about a server; totals count from its start. */
export interface ServerStats extends Traffic {
  /** Number of connections that are open. */
  readonly connections: number;
  /** Total number of connections that were accepted. */
  readonly accepted: number;
  /**
   * Total number of connections that were closed at once, as there were too many or the server was
   * closing.
   */
  readonly refused: number;
  /** Total number of connections that failed before both ends had agreed on a dialect. */
  readonly failed: number;
  /**
   * Number of connections that were closed here, but whose sockets the system still holds until the
   * peer answers.
   */
  readonly closing: number;
  /** Number of calls from clients that are not answered yet. */
  readonly callsIn: number;
  /** Number of calls to clients that wait for an answer. */
  readonly callsOut: number;
  /** Number of bytes that wait to be written. */
  readonly bufferedBytes: number;
}

/** Options for closing a server. */
export interface ShutdownOptions {
  /**
   * Milliseconds that calls under way have to finish; new ones are refused. `Infinity` waits until
   * all have finished. Defaults to 0.
   */
  readonly graceful?: number;
}

/** Options that a server gives its connections. */
interface ConnectionsSettings extends Omit<ConnectionsOptions, "log"> {
  readonly log: Log;
}

/** Holds the connections of a server. */
export class ServerConnections {
  readonly #options: ConnectionsSettings;
  readonly #max: number;
  readonly #brokers = new BusySet<Broker>();
  /** For connections that may linger after they have closed: resolve when they are gone. */
  readonly #gone = new Map<Broker, Promise<void>>();
  /** Number of connections that were closed and are not gone. */
  #closing = 0;
  /** Called with each connection that has ended. */
  readonly #listeners = new Set<(broker: Broker) => void>();
  #isClosed = false;
  #accepted = 0;
  #refused = 0;
  #failed = 0;
  /** Whether it was logged that there are too many, and none has been accepted since. */
  #isOverrun = false;
  /** Traffic of connections that have ended. */
  #past: Traffic = { callsReceived: 0, callsSent: 0, bytesReceived: 0, bytesSent: 0 };

  /**
   * Creates an empty set.
   *
   * @param options Limit and hooks.
   * @throws {RangeError} If the limit is not a positive integer.
   */
  constructor(options: ConnectionsSettings) {
    const { maxConnections = MAX_CONNECTIONS } = options;
    this.#options = options;
    this.#max = positiveInteger("maxConnections", maxConnections);
  }

  /** The connections that are open. */
  get brokers(): ReadonlySet<Broker> {
    return this.#brokers;
  }

  /** Whether the next connection would be refused. */
  get isFull(): boolean {
    return this.#isClosed || Math.max(this.#brokers.size, this.#closing) >= this.#max;
  }

  /** What is worth monitoring. */
  get stats(): ServerStats {
    const now = { callsIn: 0, callsOut: 0, bufferedBytes: 0 };
    let traffic = this.#past;
    for (const broker of this.#brokers) {
      const { callsIn, callsOut, bufferedBytes } = broker.counts;
      now.callsIn += callsIn;
      now.callsOut += callsOut;
      now.bufferedBytes += bufferedBytes;
      traffic = sum(traffic, broker.traffic);
    }
    return {
      connections: this.#brokers.size,
      accepted: this.#accepted,
      refused: this.#refused,
      failed: this.#failed,
      closing: this.#closing,
      ...now,
      ...traffic,
    };
  }

  /**
   * Adds a connection, unless there are too many.
   *
   * @param dialed The connection; it is closed if it is not accepted.
   * @param build Creates its broker, which must call {@linkcode ServerConnections.ended} once it has
   * ended.
   * @returns The broker.
   * @throws {LimitError} If there are too many.
   * @throws {GoingAwayError} If the server is closing.
   * @throws {unknown} What `build` throws.
   */
  add(dialed: Dialed, build: () => Broker): Broker {
    if (this.isFull) throw this.refuse(dialed);
    let broker: Broker;
    try {
      broker = build();
    } catch (error) {
      this.#failed++;
      this.#countClosing(dialed.gone);
      throw error;
    }
    if (dialed.gone !== undefined) this.#gone.set(broker, dialed.gone);
    this.#isOverrun = false;
    this.#accepted++;
    this.#brokers.add(broker);
    return broker;
  }

  /**
   * Counts a connection that failed before it had a broker, such as in a handshake, and logs why,
   * unless the peer only checked that a server is there.
   *
   * @param error What went wrong.
   */
  failed(error: Error): void {
    this.#failed++;
    if (error instanceof HandshakeError && error.isProbe) return;
    const { message } = error;
    this.#options.log({ event: "connectionFailed", level: "warning", message });
  }

  /**
   * Counts a connection that is not accepted, and closes it if it is already open.
   *
   * @param dialed The connection, if it is open.
   * @returns Why it is not accepted.
   */
  refuse(dialed?: Dialed): Error {
    this.#refused++;
    this.#countClosing(dialed?.gone);
    if (this.#isClosed) {
      dialed?.transport.close(GOING_AWAY);
      return new GoingAwayError("Cannot take connection: the server is closing");
    }
    const message = this.#brokers.size >= this.#max
      ? `Cannot take connection: there are ${this.#brokers.size} already`
      : `Cannot take connection: ${this.#closing} were closed, and their peers do not answer`;
    dialed?.transport.close({ kind: "policyViolation", message: "too many connections" });
    if (!this.#isOverrun) {
      this.#isOverrun = true;
      this.#options.log({ event: "connectionRefused", level: "warning", message });
    }
    return new LimitError("maxConnections", message);
  }

  /** Counts a connection that was closed, until it is gone. */
  #countClosing(gone: Promise<void> | undefined): void {
    if (gone === undefined) return;
    this.#closing++;
    gone.then(() => this.#closing--);
  }

  /**
   * Closes all connections, and accepts no more.
   *
   * @param options How much time calls under way have.
   * @returns Resolves when they have ended.
   * @throws {RangeError} If `graceful` is not a number of at least 0.
   */
  async close({ graceful = 0 }: ShutdownOptions = {}): Promise<void> {
    duration("graceful", graceful);
    this.#isClosed = true;
    await Promise.all(
      Array.from(this.#brokers, (broker) => broker.close({ graceful, reason: GOING_AWAY })),
    );
  }

  /**
   * Registers a function to be called with each connection that has ended.
   *
   * @param listener The function, which must not throw.
   */
  notifyOnEnd(listener: (broker: Broker) => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Undoes {@linkcode ServerConnections.notifyOnEnd}.
   *
   * @param listener The function.
   */
  dontNotifyOnEnd(listener: (broker: Broker) => void): void {
    this.#listeners.delete(listener);
  }

  /**
   * Tells the program of a connection whose ends have agreed on a dialect.
   *
   * @param broker Its broker.
   */
  opened(broker: Broker): void {
    const { onConnect } = this.#options;
    if (onConnect !== undefined) broker[CONNECTION].notifyAll([() => onConnect(broker)]);
  }

  /**
   * Records that a connection has ended.
   *
   * @param broker Its broker.
   * @param reason Why, if not on purpose.
   */
  ended(broker: Broker, reason: Error | undefined): void {
    const { onDisconnect } = this.#options;
    // A broker whose connection was never accepted is not among them.
    if (!this.#brokers.delete(broker)) return;
    this.#countClosing(this.#gone.get(broker));
    this.#gone.delete(broker);
    for (const listener of this.#listeners) listener(broker);
    this.#past = sum(this.#past, broker.traffic);
    if (broker.dialect === undefined) this.#failed++;
    else if (onDisconnect !== undefined) {
      broker[CONNECTION].notifyAll([() => onDisconnect(broker, reason)]);
    }
  }
}

function sum(one: Traffic, other: Traffic): Traffic {
  return {
    callsReceived: one.callsReceived + other.callsReceived,
    callsSent: one.callsSent + other.callsSent,
    bytesReceived: one.bytesReceived + other.bytesReceived,
    bytesSent: one.bytesSent + other.bytesSent,
  };
}

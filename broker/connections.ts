/**
 * The connections of a server: how many there may be, what is known of them, and their end.
 *
 * @module
 */

import { BusySet } from "../transport/busy_set.ts";
import type { Dialed } from "../transport/mod.ts";
import { duration, positiveInteger } from "../transport/checks.ts";
import type { Broker } from "./broker.ts";
import type { Traffic } from "./broker_facts.ts";
import { GoingAwayError, LimitError } from "./errors.ts";
import type { Log } from "./log.ts";
import type { BrokerOptions } from "./options.ts";

/** Most connections of a server at once, where nothing else is said. */
const MAX_CONNECTIONS = 10_000;

/** Options of all connections of a server together, and of each of them. */
export interface ConnectionsOptions extends BrokerOptions {
  /**
   * Most connections at once; 10,000 unless given. Further ones are closed at once, and counted. The same
   * holds for those that were closed and are not gone, as WebSockets whose peer does not answer.
   */
  maxConnections?: number;
  /**
   * Called with each connection, once both ends have agreed on a dialect; its first calls may have come
   * by then, so what they need belongs in the root's `rootObject`.
   */
  onConnect?: (broker: Broker) => void;
  /** Called when such a connection has ended, with the reason if it did not end on purpose. */
  onDisconnect?: (broker: Broker, reason: Error | undefined) => void;
}

/** What is worth watching about a server; what is said to be counted is so since its beginning. */
export interface ServerStats extends Traffic {
  /** Connections that stand now. */
  readonly connections: number;
  /** Connections that were accepted, counted. */
  readonly accepted: number;
  /** Connections that were closed at once, as there were too many or the server was closing; counted. */
  readonly refused: number;
  /** Connections that failed before both ends had agreed on a dialect, counted. */
  readonly failed: number;
  /** Connections that were closed here, and whose sockets the system still holds for the peer to answer. */
  readonly closing: number;
  /** Calls of clients that are not answered now. */
  readonly callsIn: number;
  /** Calls to clients that wait for an answer now. */
  readonly callsOut: number;
  /** Bytes that wait to be written now. */
  readonly bufferedBytes: number;
}

/** Options for closing a server. */
export interface ShutdownOptions {
  /**
   * Milliseconds that calls under way get to be finished; new ones are refused. `Infinity` waits until
   * they are; no time unless given.
   */
  readonly graceful?: number;
}

/** Options that a server gives its connections. */
interface ConnectionsSettings extends Omit<ConnectionsOptions, "log"> {
  readonly log: Log;
}

/** Holds the connections of a server. */
export class Connections {
  readonly #options: ConnectionsSettings;
  readonly #max: number;
  readonly #brokers = new BusySet<Broker>();
  /** For connections that may stay after they have closed, when they are gone. */
  readonly #gone = new Map<Broker, Promise<void>>();
  /** How many have stayed. */
  #closing = 0;
  readonly #listeners = new Set<(broker: Broker) => void>();
  #isClosed = false;
  #accepted = 0;
  #refused = 0;
  #failed = 0;
  /** Whether it was logged that there are too many, and there have been since. */
  #isOverrun = false;
  /** What went over connections that have ended. */
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

  /** The connections that stand now. */
  get brokers(): ReadonlySet<Broker> {
    return this.#brokers;
  }

  /** Whether the next connection would be refused. */
  get isFull(): boolean {
    return this.#isClosed || Math.max(this.#brokers.size, this.#closing) >= this.#max;
  }

  /** What is worth watching. */
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
   * Takes a connection.
   *
   * @param dialed The connection; closed if it is not taken.
   * @param build Makes its broker, which is to call {@linkcode Connections.ended} when it has ended.
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
      this.#stays(dialed.gone);
      throw error;
    }
    if (dialed.gone !== undefined) this.#gone.set(broker, dialed.gone);
    this.#isOverrun = false;
    this.#accepted++;
    this.#brokers.add(broker);
    const { onConnect } = this.#options;
    if (onConnect !== undefined) {
      broker.ready.then(() => broker.notifyAll([() => onConnect(broker)]), () => {});
    }
    return broker;
  }

  /** Counts a connection that failed before it had a broker. */
  countFailure(): void {
    this.#failed++;
  }

  /**
   * Counts a connection that is not taken, and closes it if it stands already.
   *
   * @param dialed The connection, if it stands.
   * @returns Why it is not taken.
   */
  refuse(dialed?: Dialed): Error {
    this.#refused++;
    this.#stays(dialed?.gone);
    if (this.#isClosed) {
      const error = new GoingAwayError("Cannot take connection: the server is closing");
      dialed?.transport.close({ kind: "goingAway", message: "server is closing" });
      return error;
    }
    const error = new LimitError(
      "maxConnections",
      this.#brokers.size >= this.#max
        ? `Cannot take connection: there are ${this.#brokers.size} already`
        : `Cannot take connection: ${this.#closing} were closed, and their peers do not answer`,
    );
    dialed?.transport.close({ kind: "policyViolation", message: "too many connections" });
    if (!this.#isOverrun) {
      const { message } = error;
      this.#options.log({ event: "connectionRefused", level: "warning", message });
    }
    this.#isOverrun = true;
    return error;
  }

  /** Counts a connection that was closed, until it is gone. */
  #stays(gone: Promise<void> | undefined): void {
    if (gone === undefined) return;
    this.#closing++;
    gone.then(() => this.#closing--);
  }

  /**
   * Closes all connections, and takes no more.
   *
   * @param options How.
   * @returns Resolves when they have ended.
   * @throws {RangeError} If the time is no number from 0 up.
   */
  async close({ graceful = 0 }: ShutdownOptions = {}): Promise<void> {
    duration("graceful", graceful);
    this.#isClosed = true;
    for (const broker of this.#brokers) void broker.close({ graceful, reason: GOING_AWAY });
    await this.allEnded();
  }

  /**
   * Has a function called with each connection that has ended.
   *
   * @param listener The function.
   */
  notifyOnEnd(listener: (broker: Broker) => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Takes back {@linkcode Connections.notifyOnEnd}.
   *
   * @param listener The function.
   */
  dontNotifyOnEnd(listener: (broker: Broker) => void): void {
    this.#listeners.delete(listener);
  }

  /**
   * Waits for the connections that stand now.
   *
   * @returns Resolves when they have ended.
   */
  async allEnded(): Promise<void> {
    await Promise.all(Array.from(this.#brokers, (broker) => broker.closed));
  }

  /**
   * Learns that a connection has ended.
   *
   * @param broker Its broker.
   * @param reason Why, if not on purpose.
   */
  ended(broker: Broker, reason: Error | undefined): void {
    const { onDisconnect } = this.#options;
    // One that was never taken had no broker.
    if (!this.#brokers.delete(broker)) return;
    this.#stays(this.#gone.get(broker));
    this.#gone.delete(broker);
    for (const listener of this.#listeners) listener(broker);
    this.#past = sum(this.#past, broker.traffic);
    if (broker.dialect === undefined) this.#failed++;
    else if (onDisconnect !== undefined) broker.notifyAll([() => onDisconnect(broker, reason)]);
  }
}

/** What clients are told, where they can be, when their server closes. */
export const GOING_AWAY = { kind: "goingAway", message: "server is closing" } as const;

function sum(one: Traffic, other: Traffic): Traffic {
  return {
    callsReceived: one.callsReceived + other.callsReceived,
    callsSent: one.callsSent + other.callsSent,
    bytesReceived: one.bytesReceived + other.bytesReceived,
    bytesSent: one.bytesSent + other.bytesSent,
  };
}

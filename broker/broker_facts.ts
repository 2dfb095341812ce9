/**
 * What a broker is told, and what it tells of itself.
 *
 * @module
 */

import type { ICredentials } from "../cred/credentials.ts";
import type { CloseReason } from "../transport/mod.ts";
import type { Broker } from "./broker.ts";
import type { RemoteTarget } from "./referenceable.ts";

/** What a broker publishes: a client nothing but what it passes itself, a server its root object. */
export interface BrokerRole {
  /** Which end of the connection this is. */
  readonly kind: "client" | "server";
  /** Gives the root object that a server publishes. */
  readonly rootFor?: (broker: Broker) => RemoteTarget;
  /** Learns that a connection has ended, and all is cleared up; the reason is that of {@linkcode Broker.closed}. */
  readonly onEnded?: (broker: Broker, reason: Error | undefined) => void;
  /** Name of the object that {@linkcode Broker.root} gives at a client; `root` unless given. */
  readonly rootName?: string;
  /** As whom {@linkcode Broker.login} logs in where it is not told. */
  readonly credentials?: ICredentials | undefined;
  /** Milliseconds that a client waits for a dialect, where that is less than the limit of connections. */
  readonly timeout?: number | undefined;
}

/** Options for {@linkcode Broker.close}. */
export interface CloseOptions {
  /**
   * Milliseconds that calls under way get to be finished, both the peer's and ours; new ones of the
   * peer's are refused meanwhile. `Infinity` waits until they are; no time unless given.
   */
  readonly graceful?: number;
  /**
   * Told to the peer by transports that can; `normal` unless given. An error says that the
   * connection is closed for a fault: it is what {@linkcode Broker.closed} gives.
   */
  readonly reason?: CloseReason | Error;
}

/** How many things a broker holds; see {@linkcode Broker.counts}. */
export interface BrokerCounts {
  /** Objects of ours that the peer refers to, the root included. */
  readonly localObjects: number;
  /** Objects of the peer's that we refer to. */
  readonly remoteObjects: number;
  /** Objects of ours that the peer has caches of. */
  readonly cachedObjects: number;
  /** Caches that we have of objects of the peer's. */
  readonly caches: number;
  /** Calls of the peer's that are not answered yet. */
  readonly callsIn: number;
  /** Calls of ours that wait for an answer. */
  readonly callsOut: number;
  /** Bytes that wait to be written. */
  readonly bufferedBytes: number;
}

/** How much has gone over a connection, since it was made. */
export interface Traffic {
  /** Calls of the peer's. */
  readonly callsReceived: number;
  /** Calls of ours. */
  readonly callsSent: number;
  /** Bytes that came. */
  readonly bytesReceived: number;
  /** Bytes that the transport has taken. */
  readonly bytesSent: number;
}

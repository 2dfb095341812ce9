/**
 * What a broker is told, and what it reports about itself.
 *
 * @module
 */

import type { ICredentials } from "../../cred/credentials.ts";
import type { CloseReason } from "../../transport/mod.ts";
import type { RemoteTarget } from "../flavors/referenceable.ts";
import type { Broker } from "./broker.ts";

/**
 * What a broker publishes: a server its root object, a client only the objects that it passes
 * itself.
 */
export interface BrokerRole {
  /** Which end of the connection this is. */
  readonly kind: "client" | "server";
  /** Returns the root object that a server publishes. */
  readonly rootFor?: (broker: Broker) => RemoteTarget;
  /**
   * Called when a connection has ended and everything is cleaned up; the reason is that of
   * {@linkcode Broker.closed}.
   */
  readonly onEnded?: (broker: Broker, reason: Error | undefined) => void;
  /** Name of the object that {@linkcode Broker.root} refers to at a client; `root` unless given. */
  readonly rootName?: string;
  /** The credentials that {@linkcode Broker.login} uses unless it is given others. */
  readonly credentials?: ICredentials | undefined;
  /** Milliseconds that a client waits for a dialect, if that is less than `negotiationTimeout`. */
  readonly timeout?: number | undefined;
}

/** Options for {@linkcode Broker.close}. */
export interface CloseOptions {
  /**
   * Milliseconds that calls under way, the peer's and ours, have to finish; new calls from the peer
   * are refused meanwhile. `Infinity` waits until all have finished; 0 unless given.
   */
  readonly graceful?: number;
  /**
   * Sent to the peer by transports that can; `normal` unless given. An error means that the
   * connection is closed because of a fault: {@linkcode Broker.closed} resolves to it.
   */
  readonly reason?: CloseReason | Error;
}

/** Numbers of the things that a broker holds; see {@linkcode Broker.counts}. */
export interface BrokerCounts {
  /** Objects of ours that the peer refers to, the root included. */
  readonly localObjects: number;
  /** The peer's objects that we refer to. */
  readonly remoteObjects: number;
  /** Objects of ours that the peer has caches of. */
  readonly cachedObjects: number;
  /** Caches that we have of the peer's objects. */
  readonly caches: number;
  /** Results of ours that the peer may be calling before they have reached it. */
  readonly promisedResults: number;
  /** Calls from the peer that are not answered yet. */
  readonly callsIn: number;
  /** Calls to the peer that wait for an answer. */
  readonly callsOut: number;
  /** Bytes that wait to be written. */
  readonly bufferedBytes: number;
}

/** How much has gone over a connection since it was established. */
export interface Traffic {
  /** Calls from the peer. */
  readonly callsReceived: number;
  /** Calls to the peer. */
  readonly callsSent: number;
  /** Bytes that have arrived. */
  readonly bytesReceived: number;
  /** Bytes that the transport has accepted. */
  readonly bytesSent: number;
}

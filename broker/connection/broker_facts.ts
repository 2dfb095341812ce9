/**
 * What a broker reports about itself.
 *
 * @module
 */

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

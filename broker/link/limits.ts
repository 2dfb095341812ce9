/**
 * The limits of a connection.
 *
 * @module
 */

import { type BananaLimits, bananaLimits, DEFAULT_LIMITS } from "../../jelly/banana/mod.ts";
import { milliseconds, positiveInteger } from "../../transport/base/checks.ts";

/** Maximum number of objects that a peer may hold references to at once, as in Twisted. */
export const MAX_BROKER_REFS = 1024;

/** Limits of one connection; those of {@linkcode BananaLimits} apply to each message. */
export interface BrokerLimits extends BananaLimits {
  /**
   * Maximum number of our objects that the peer may hold references to at once, published ones
   * included, and of those that it may hold caches of; as in Twisted, one more is let through. The
   * fourth attempt to exceed it closes the connection. Defaults to 1,024.
   */
  readonly maxReferences: number;
  /**
   * Maximum number of the peer's objects that we hold references to at once. Defaults to 262,144.
   */
  readonly maxImports: number;
  /**
   * Maximum number of the peer's objects that we have caches of at once. The fourth attempt to
   * exceed it closes the connection. Defaults to 65,536.
   */
  readonly maxCaches: number;
  /** Maximum number of unanswered calls from the peer before reading pauses. Defaults to 1,024. */
  readonly maxCallsIn: number;
  /** Maximum number of our own calls that may wait for an answer at once. Defaults to 1,048,576. */
  readonly maxCallsOut: number;
  /**
   * Maximum number of results of ours that the peer may be using before they have reached it. One
   * more call whose result it wants to use fails. Of its results, we ask for no more than this:
   * calls that need any other wait until it has arrived. Defaults to 16,384.
   */
  readonly maxPipelined: number;
  /**
   * Maximum number of pagers under way at once, including waiting ones. One more ends at once, with
   * the error. Defaults to 1,000.
   */
  readonly maxPagers: number;
  /**
   * Maximum number of bytes waiting to be written. Beyond it, our calls fail, answers that the peer
   * does not read close the connection, and the peer's calls are not begun. Defaults to 67,108,864
   * (64 MiB).
   */
  readonly maxBufferedBytes: number;
  /**
   * Number of bytes waiting to be written at which producers wait and reading pauses. Defaults to
   * 1,048,576 (1 MiB).
   */
  readonly highWaterMark: number;
  /** Milliseconds to agree on a dialect. Defaults to 30,000. */
  readonly negotiationTimeout: number;
}

/** The limits that are not Banana's. */
const OWN_LIMITS: Omit<BrokerLimits, keyof BananaLimits> = Object.freeze({
  maxReferences: MAX_BROKER_REFS,
  maxImports: 256 * 1024,
  maxCaches: 64 * 1024,
  maxCallsIn: 1024,
  maxCallsOut: 1024 * 1024,
  maxPipelined: 16 * 1024,
  maxPagers: 1000,
  maxBufferedBytes: 64 * 1024 * 1024,
  highWaterMark: 1024 * 1024,
  negotiationTimeout: 30_000,
});
const DEFAULT_BROKER_LIMITS: BrokerLimits = Object.freeze({ ...DEFAULT_LIMITS, ...OWN_LIMITS });

/**
 * Fills in the defaults, and checks the rest.
 *
 * @param limits The limits that were given, if any.
 * @returns All limits, frozen.
 * @throws {RangeError} If a limit is not a positive integer, or the time is too long for a timer.
 */
export function brokerLimits(limits?: Partial<BrokerLimits>): BrokerLimits {
  if (limits === undefined) return DEFAULT_BROKER_LIMITS;
  const own: { -readonly [Name in keyof typeof OWN_LIMITS]: number } = { ...OWN_LIMITS };
  for (const name of Object.keys(own) as (keyof typeof OWN_LIMITS)[]) {
    own[name] = positiveInteger(name, limits[name] ?? own[name]);
  }
  milliseconds("negotiationTimeout", own.negotiationTimeout);
  return Object.freeze({ ...bananaLimits(limits), ...own });
}

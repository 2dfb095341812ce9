/**
 * The objects of ours that the peer has caches of.
 *
 * @module
 */

import { WORD } from "../../jelly/banana/mod.ts";
import { BusyMap } from "../../transport/base/busy_map.ts";
import { writeNumber } from "../calls/message_parts.ts";
import type { Broker } from "../connection/broker.ts";
import { ProtocolError } from "../errors/errors.ts";
import { type Cacheable, RemoteCacheObserver } from "../flavors/cacheable.ts";
import type { ObjectId } from "../flavors/remote_reference.ts";
import type { Outbox } from "../link/outbox.ts";
import type { ObjectLimit } from "./object_limit.ts";
import type { TableHooks } from "./table_hooks.ts";

/** What the tables of caches of a connection work with. */
export interface CacheTableParts {
  /** The connection. */
  readonly broker: Broker;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Limits how many of our objects the peer may hold. */
  readonly limit: ObjectLimit;
  /** Numbers objects, and tells programs what has become of them. */
  readonly hooks: TableHooks;
}

/** An object that the peer has a cache of. */
interface Sent {
  readonly luid: number;
  readonly identity: object;
  readonly observer: RemoteCacheObserver;
  /** Number of times it was sent and not given back. */
  uses: number;
  /** Whether the object knows of its observer. */
  isObserved: boolean;
}

/**
 * Numbers the objects that are sent to be cached, and tells each when its cache is gone.
 *
 * The peer gives back each arrival (`decache`). With the last one the observation ends here, and
 * the peer is told that nothing more will come for this number (`uncache`); numbers are never
 * reused.
 */
export class CacheableTable {
  readonly #parts: CacheTableParts;
  readonly #sent = new BusyMap<number, Sent>();
  /** The same by the object's identity: one entry for each perspective, usually only one. */
  readonly #byIdentity = new BusyMap<object, Sent[]>();

  /**
   * Creates an empty table.
   *
   * @param parts What it works with.
   */
  constructor(parts: CacheTableParts) {
    this.#parts = parts;
  }

  /** Number of caches that the peer has. */
  get size(): number {
    return this.#sent.size;
  }

  /**
   * Finds an object by its number: for a cache that the peer sends back.
   *
   * @param luid The number.
   * @returns The object, or undefined.
   */
  get(luid: ObjectId): Cacheable | undefined {
    return this.#sent.get(luid as number)?.observer.cached;
  }

  /**
   * Finds the number of an object.
   *
   * @param object The object.
   * @param perspective On whose behalf it was sent.
   * @returns The number, or undefined if the peer has no cache of it.
   */
  luidOf(object: Cacheable, perspective: object | null): number | undefined {
    return this.#find(object.processUniqueID(), perspective)?.luid;
  }

  /**
   * Counts a use of an object that the peer already has.
   *
   * @param object The object.
   * @param perspective On whose behalf it is being sent.
   * @returns Its number, or undefined if the peer has no cache of it.
   */
  sendAgain(object: Cacheable, perspective: object | null): number | undefined {
    const identity = object.processUniqueID();
    const known = this.#find(identity, perspective);
    // An object sent on nobody's behalf may be one that some user already has.
    const sent = perspective === null ? known ?? this.#byIdentity.get(identity)?.[0] : known;
    if (sent === undefined) return undefined;
    sent.uses++;
    this.#parts.outbox.onCancel(() => sent.uses--);
    return sent.luid;
  }

  /**
   * Gives a number to an object that is sent for the first time.
   *
   * @param object The object.
   * @param perspective On whose behalf it is being sent.
   * @returns The number, and the observer that will call the cache.
   * @throws {LimitError} If the peer has too many caches; the fourth time closes the connection.
   */
  send(
    object: Cacheable,
    perspective: object | null,
  ): { luid: number; observer: RemoteCacheObserver } {
    const { broker, hooks, limit, outbox } = this.#parts;
    // Not `>=`, as in Twisted.
    if (this.#sent.size > limit.max) throw limit.exceeded("Maximum PB cache count");
    const luid = hooks.newId();
    const identity = object.processUniqueID();
    const observer = new RemoteCacheObserver(broker, object, perspective);
    const sent: Sent = { luid, identity, observer, uses: 1, isObserved: false };
    this.#sent.set(luid, sent);
    const others = this.#byIdentity.get(identity);
    if (others === undefined) this.#byIdentity.set(identity, [sent]);
    else others.push(sent);
    outbox.onCancel(() => this.#remove(sent));
    return { luid, observer };
  }

  /**
   * Records that an object knows of its observer, and is to be told when the observation ends.
   *
   * @param luid Its number.
   */
  observed(luid: number): void {
    this.#sent.get(luid)!.isObserved = true;
  }

  /**
   * Counts one use fewer, as the peer asks.
   *
   * @param luid Number of the object.
   * @throws {ProtocolError} If the peer has no cache of an object with this number.
   */
  decache(luid: ObjectId): void {
    const sent = this.#sent.get(luid as number);
    if (sent === undefined) {
      throw new ProtocolError(`Cannot release cache "${luid}": the peer has no such cache`);
    }
    if (--sent.uses !== 0) return;
    this.#remove(sent);
    this.#parts.outbox.send((writer) => writeNumber(writer, WORD.uncache, sent.luid));
  }

  /** Ends all observations because the connection is lost. */
  clear(): void {
    for (const sent of [...this.#sent.values()]) this.#remove(sent);
  }

  #find(identity: object, perspective: object | null): Sent | undefined {
    return this.#byIdentity.get(identity)?.find(({ observer }) =>
      observer.perspective === perspective
    );
  }

  /** Forgets an object, and tells it if it knows of its observer. */
  #remove(sent: Sent): void {
    const { identity, luid, observer } = sent;
    this.#sent.delete(luid);
    const others = this.#byIdentity.get(identity)!.filter((other) => other !== sent);
    if (others.length === 0) this.#byIdentity.delete(identity);
    else this.#byIdentity.set(identity, others);
    if (!sent.isObserved) return;
    const { cached, perspective } = observer;
    this.#parts.hooks.notifyAll([
      () => cached.stoppedObserving(perspective, observer),
    ]);
  }
}

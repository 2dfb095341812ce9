/**
 * The caches that we have of the peer's objects.
 *
 * @module
 */

import { WORD } from "../jelly/banana/mod.ts";
import { JellyError } from "../jelly/mod.ts";
import { type NumberKey, numberKey } from "../jelly/number_key.ts";
import { BusyMap } from "../transport/busy_map.ts";
import { BusySet } from "../transport/busy_set.ts";
import type { CacheTableParts } from "./cacheable_table.ts";
import { ProtocolError } from "./errors.ts";
import { HeldCache, type HeldCacheOwner, type Loose } from "./held_cache.ts";
import { ObjectLimit } from "./object_limit.ts";
import type { RemoteTarget } from "./referenceable.ts";
import { ReleaseQueue } from "./release_queue.ts";
import type { ObjectId } from "./remote_reference.ts";
import { ATTACH, RemoteCache } from "./remote_cache.ts";

/**
 * Keeps one cache for each number, and tells the peer when it is not used any more.
 *
 * A cache that was touched is held until the garbage collector has run; then its state is kept
 * beside it, and it is let loose. So an update costs nothing, and the work at each collection is less
 * than the collector's own.
 */
export class CacheTable {
  readonly #parts: CacheTableParts;
  readonly #limit: ObjectLimit;
  readonly #releases: ReleaseQueue;
  readonly #caches = new BusyMap<NumberKey, HeldCache>();
  /** The caches that may have changed since their state was kept. */
  #touched = new BusySet<HeldCache>();
  /** Tells that a cache was collected. */
  readonly #finalization: FinalizationRegistry<Loose>;
  /** Tells that the garbage collector has run. */
  readonly #collections: FinalizationRegistry<undefined>;
  readonly #owner: HeldCacheOwner;
  #isWaiting = false;

  /**
   * Creates an empty table.
   *
   * @param parts What the broker lends.
   */
  constructor(parts: CacheTableParts) {
    this.#parts = parts;
    this.#releases = new ReleaseQueue(parts.broker, parts.outbox, WORD.decache);
    this.#limit = new ObjectLimit(
      "maxCaches",
      parts.broker.settings.limits.maxCaches,
      parts.faults,
    );
    this.#finalization = new FinalizationRegistry((loose) => loose.held.collected(loose));
    this.#collections = new FinalizationRegistry(() => this.#loosen());
    this.#owner = {
      broker: parts.broker,
      touched: (held, loose) => this.#touch(held, loose),
      giveBack: (held) => this.#giveBack(held),
    };
  }

  /** How many caches there are, with those for which something may still come. */
  get size(): number {
    return this.#caches.size;
  }

  /**
   * Finds what takes the updates of a cache.
   *
   * @param luid Number of the object.
   * @returns The cache, or undefined.
   */
  get(luid: ObjectId): RemoteTarget | undefined {
    return this.#find(luid);
  }

  /**
   * Takes the first arrival of an object.
   *
   * @param luid Number of the object.
   * @param cache An empty cache.
   * @param read Reads the state; if it throws, the arrival is given back.
   * @throws {JellyError} If there is a cache of this number.
   * @throws {LimitError} If there are too many; the arrival is given back. The fourth time closes
   * the connection.
   */
  arrived(luid: ObjectId, cache: RemoteCache, read: () => void): void {
    if (typeof luid !== "number" || this.#caches.has(numberKey(luid))) {
      throw new JellyError(`Cannot receive cache ${luid}: its number is in use, or no number`);
    }
    const isTooMuch = this.#caches.size >= this.#limit.max;
    const held = new HeldCache(this.#owner, luid, cache);
    this.#caches.set(numberKey(luid), held);
    try {
      if (isTooMuch) throw this.#limit.exceeded(`Limit of ${this.#limit.max} caches`);
      RemoteCache[ATTACH](cache, held);
      this.#touch(held);
      read();
    } catch (error) {
      // It has its place until the peer has heard of it.
      held.broke();
      throw error;
    }
  }

  /**
   * Takes another arrival of an object that is here.
   *
   * @param luid Number of the object.
   * @returns Its cache.
   * @throws {JellyError} If there is none; the arrival is given back.
   */
  arrivedAgain(luid: ObjectId): RemoteCache {
    // A call that was put off may have brought it.
    if (this.get(luid) === undefined) this.#parts.readAhead(() => this.get(luid) !== undefined);
    const held = this.#find(luid);
    try {
      if (held !== undefined) return held.takeAgain();
      throw new JellyError(`Cannot receive cache ${luid}: nothing came under this number`);
    } catch (error) {
      // The peer has counted it.
      if (typeof luid === "number") this.#releases.giveBack(luid, 1);
      throw error;
    }
  }

  /**
   * Learns that nothing more comes for a number, as the peer says.
   *
   * @param luid Number of the object.
   * @throws {ProtocolError} If there is no cache of this number.
   */
  uncache(luid: ObjectId): void {
    const held = this.#find(luid);
    if (held === undefined) {
      throw new ProtocolError(`Cannot forget cache "${luid}": there is none`);
    }
    this.#caches.delete(numberKey(held.luid));
    this.#touched.delete(held);
    held.end(undefined);
  }

  /**
   * Ends all caches, since the connection is lost.
   *
   * @param reason Why, if not on purpose.
   */
  clear(reason: Error | undefined): void {
    const caches = [...this.#caches.values()];
    this.#caches.clear();
    this.#touched = new BusySet();
    for (const held of caches) held.end(reason);
  }

  #find(luid: ObjectId): HeldCache | undefined {
    return typeof luid === "number" ? this.#caches.get(numberKey(luid)) : undefined;
  }

  /** Learns that a cache is held again or still. */
  #touch(held: HeldCache, loose?: Loose): void {
    if (loose !== undefined) this.#finalization.unregister(loose);
    if (held.uses === 0) return;
    this.#touched.add(held);
    this.#awaitCollection();
  }

  /** Gives all uses of a cache back. */
  #giveBack(held: HeldCache): void {
    const { luid, uses } = held;
    held.uses = 0;
    this.#touched.delete(held);
    this.#releases.giveBack(luid, uses);
  }

  /** Asks for a word when the garbage collector has run next: it collects an object that nobody has. */
  #awaitCollection(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#collections.register({}, undefined);
  }

  /** Lets the caches loose that were touched, as far as they can be. */
  #loosen(): void {
    this.#isWaiting = false;
    for (const held of [...this.#touched]) {
      if (this.#loosenOne(held)) this.#touched.delete(held);
    }
    if (this.#touched.size !== 0) this.#awaitCollection();
  }

  #loosenOne(held: HeldCache): boolean {
    try {
      return held.loosen((cache, loose) => this.#finalization.register(cache, loose, loose));
    } catch (error) {
      // One whose state cannot be kept is held until it is released.
      this.#parts.broker.log({
        event: "cacheFailed",
        level: "error",
        message: "Cannot keep state of cache",
        error,
      });
      return true;
    }
  }
}

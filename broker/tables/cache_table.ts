/**
 * The caches that we have of the peer's objects.
 *
 * @module
 */

import { WORD } from "../../jelly/banana/mod.ts";
import { JellyError } from "../../jelly/mod.ts";
import { type NumberKey, numberKey } from "../../jelly/number_key.ts";
import { BusyMap } from "../../transport/base/busy_map.ts";
import { BusySet } from "../../transport/base/busy_set.ts";
import { ProtocolError } from "../errors/errors.ts";
import type { RemoteTarget } from "../flavors/referenceable.ts";
import { ATTACH, RemoteCache } from "../flavors/remote_cache.ts";
import type { ObjectId } from "../flavors/remote_reference.ts";
import type { CacheTableParts } from "./cacheable_table.ts";
import { CollectorUrge, urgeCollector } from "./collector_urge.ts";
import { HeldCache, type HeldCacheOwner, type Loose } from "./held_cache.ts";
import { ObjectLimit } from "./object_limit.ts";
import { ReleaseQueue } from "./release_queue.ts";

/**
 * Keeps one cache for each number, and tells the peer when it is no longer used.
 *
 * A touched cache is held until the garbage collector has run; then its state is kept beside it,
 * and the cache becomes loose: only weakly referenced. So an update costs nothing extra, and the
 * work at each collection is less than the collector's own.
 */
export class CacheTable {
  readonly #parts: CacheTableParts;
  readonly #limit: ObjectLimit;
  readonly #releases: ReleaseQueue;
  readonly #caches = new BusyMap<NumberKey, HeldCache>();
  /** The caches that may have changed since their state was kept. */
  #touched = new BusySet<HeldCache>();
  /** Reports that a cache was collected. */
  readonly #finalization: FinalizationRegistry<Loose>;
  /** Reports that the garbage collector has run. */
  readonly #collections: FinalizationRegistry<undefined>;
  readonly #owner: HeldCacheOwner;
  readonly #urge = new CollectorUrge();
  #isWaiting = false;

  /**
   * Creates an empty table.
   *
   * @param parts What it works with.
   */
  constructor(parts: CacheTableParts) {
    this.#parts = parts;
    this.#releases = new ReleaseQueue(parts.broker, parts.outbox, WORD.decache);
    this.#limit = new ObjectLimit(
      "maxCaches",
      parts.broker.settings.limits.maxCaches,
      parts.hooks,
    );
    this.#finalization = new FinalizationRegistry((loose) => loose.held.collected(loose));
    this.#collections = new FinalizationRegistry(() => this.#loosen());
    this.#owner = {
      broker: parts.broker,
      touched: (held, loose) => this.#touch(held, loose),
      giveBack: (held) => this.#giveBack(held),
    };
  }

  /** Number of caches, including those for which something may still arrive. */
  get size(): number {
    return this.#caches.size;
  }

  /**
   * Finds the object that handles the updates of a cache.
   *
   * @param luid Number of the object.
   * @returns The cache, or undefined.
   */
  get(luid: ObjectId): RemoteTarget | undefined {
    return this.#find(luid);
  }

  /**
   * Records the first arrival of an object.
   *
   * @param luid Number of the object.
   * @param cache An empty cache.
   * @param read Reads the state; if it throws, the arrival is given back.
   * @throws {JellyError} If there already is a cache with this number, or it is not a number.
   * @throws {LimitError} If there are too many; the arrival is given back. The fourth time closes
   * the connection.
   */
  arrived(luid: ObjectId, cache: RemoteCache, read: () => void): void {
    if (typeof luid !== "number" || this.#caches.has(numberKey(luid))) {
      throw new JellyError(`Cannot receive cache ${luid}: its number is in use, or no number`);
    }
    const held = new HeldCache(this.#owner, luid, cache);
    try {
      this.#add(held);
      RemoteCache[ATTACH](cache, held);
      this.#touch(held);
      read();
    } catch (error) {
      // The entry stays until the peer has learned of this.
      held.broke();
      throw error;
    }
  }

  /**
   * Records that the first copy of an object came in a message that could not be read, and gives it
   * back.
   *
   * @param luid Number of the object; nothing happens if there is a cache with this number.
   */
  lost(luid: number): void {
    if (this.#caches.has(numberKey(luid))) return;
    const held = new HeldCache(this.#owner, luid);
    try {
      this.#add(held);
    } catch {
      // There are too many, which closes the connection if it happens again and again.
    }
    held.broke();
  }

  /**
   * Records another arrival of an object that is already here.
   *
   * @param luid Number of the object.
   * @returns Its cache.
   * @throws {JellyError} If there is none; the arrival is given back.
   */
  arrivedAgain(luid: ObjectId): RemoteCache {
    // It may have come with a call that was put off.
    if (this.get(luid) === undefined) {
      this.#parts.hooks.readAhead(() => this.get(luid) !== undefined);
    }
    const held = this.#find(luid);
    try {
      if (held !== undefined) return held.takeAgain();
      throw new JellyError(`Cannot receive cache ${luid}: nothing came under this number`);
    } catch (error) {
      // The peer has counted this arrival.
      if (typeof luid === "number") this.#releases.giveBack(luid, 1);
      throw error;
    }
  }

  /**
   * Ends a cache: the peer says that nothing more will come for its number.
   *
   * @param luid Number of the object.
   * @throws {ProtocolError} If there is no cache with this number.
   */
  uncache(luid: ObjectId): void {
    const held = this.#find(luid);
    if (held === undefined) {
      throw new ProtocolError(`Cannot forget cache "${luid}": there is none`);
    }
    this.#caches.delete(numberKey(held.luid));
    this.#urge.removed(this.size);
    this.#touched.delete(held);
    held.end(undefined);
  }

  /**
   * Ends all caches because the connection is lost.
   *
   * @param reason Why, if not on purpose.
   */
  clear(reason: Error | undefined): void {
    const caches = [...this.#caches.values()];
    this.#caches.clear();
    this.#touched = new BusySet();
    for (const held of caches) held.end(reason);
  }

  /**
   * Adds an entry.
   *
   * @throws {LimitError} If there are too many; the entry is added all the same, and stays until the
   * peer has learned of this.
   */
  #add(held: HeldCache): void {
    const isTooMuch = this.size >= this.#limit.max;
    this.#caches.set(numberKey(held.luid), held);
    if (this.#urge.added(this.size)) queueMicrotask(() => this.#makeRoom());
    if (isTooMuch) throw this.#limit.exceeded(`Limit of ${this.#limit.max} caches`);
    const { hooks } = this.#parts;
    const bound = hooks.bounds?.references;
    if (bound === undefined || this.size <= bound.most) return;
    const error = bound.passed();
    hooks.fail(error);
    throw error;
  }

  #find(luid: ObjectId): HeldCache | undefined {
    return typeof luid === "number" ? this.#caches.get(numberKey(luid)) : undefined;
  }

  /** Records that a cache is held, again or still. */
  #touch(held: HeldCache, loose?: Loose): void {
    if (loose !== undefined) this.#finalization.unregister(loose);
    if (held.uses === 0) return;
    this.#touched.add(held);
    this.#awaitCollection();
  }

  /** Gives back all uses of a cache. */
  #giveBack(held: HeldCache): void {
    const { luid, uses } = held;
    held.uses = 0;
    this.#touched.delete(held);
    this.#releases.giveBack(luid, uses);
  }

  /**
   * Asks to be told of the garbage collector's next run: it will collect an unreferenced object.
   */
  #awaitCollection(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#collections.register({}, undefined);
  }

  /**
   * Lets the garbage collector find caches that nobody uses; not while a message is being read, as
   * their states may be incomplete.
   */
  #makeRoom(): void {
    this.#loosen();
    urgeCollector();
  }

  /** Makes the touched caches loose, as far as possible. */
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
      // A cache whose state cannot be kept is held until it is released.
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

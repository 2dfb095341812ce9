/**
 * One of the peer's objects that we have a cache of.
 *
 * @module
 */

import { JellyError } from "../jelly/mod.ts";
import type { Broker } from "./broker.ts";
import { asPromise } from "./is_promise.ts";
import type { Kwargs } from "./kwargs.ts";
import type { RemoteTarget } from "./referenceable.ts";
import { ATTACH, RemoteCache } from "./remote_cache.ts";

/** A class of caches. */
type CacheClass = new () => RemoteCache;

/** A cache that may be collected: its state is kept beside it. */
export interface Loose {
  /** Tells it from other places. */
  readonly kind: "loose";
  /** The entry. */
  readonly held: HeldCache;
  /** The cache. */
  readonly cache: WeakRef<RemoteCache>;
  /** Its class. */
  readonly cls: CacheClass;
  /** What `keepState` gave. */
  readonly kept: unknown;
}

/**
 * Where the cache is. It is held as long as something may have changed in it, and loose from when
 * its state is kept beside it, so that the garbage collector may show whether the program still uses it.
 * It is gone when its first copy could not be read, and when no updates come any more.
 */
type Place =
  | { readonly kind: "held"; readonly cache: RemoteCache }
  | Loose
  | { readonly kind: "gone" };

const GONE: Place = { kind: "gone" };

/** What a table lends to its entries. */
export interface HeldCacheOwner {
  /** The connection. */
  readonly broker: Broker;
  /**
   * Learns that a cache is held again or still.
   *
   * @param held The cache.
   * @param loose Where it was, if it was loose.
   */
  touched(held: HeldCache, loose?: Loose): void;
  /**
   * Gives all uses of a cache back.
   *
   * @param held The cache.
   */
  giveBack(held: HeldCache): void;
}

/**
 * A cache, and what the peer counts for it.
 *
 * The entry outlives the program's use: after the last use was given back, until the peer says that
 * nothing more comes, an arrival may be on its way that takes the cache up again, with all
 * changes that came in between.
 */
export class HeldCache implements RemoteTarget {
  /** Number of the object. */
  readonly luid: number;
  /** How often it arrived and was not given back. */
  uses = 1;
  readonly #owner: HeldCacheOwner;
  #place: Place;

  /**
   * Creates an entry.
   *
   * @param owner The table.
   * @param luid Number of the object.
   * @param cache The cache, which has arrived once.
   */
  constructor(owner: HeldCacheOwner, luid: number, cache: RemoteCache) {
    this.#owner = owner;
    this.luid = luid;
    this.#place = { kind: "held", cache };
  }

  /** The connection. */
  get broker(): Broker {
    return this.#owner.broker;
  }

  /** Whether the program uses the cache, and updates come. */
  get isLive(): boolean {
    return this.uses !== 0 && this.#place.kind !== "gone";
  }

  /**
   * Gives the cache.
   *
   * @returns The one that is there, or one with its state if it was collected.
   * @throws {JellyError} If there is none, since the first copy could not be read.
   */
  take(): RemoteCache {
    const place = this.#place;
    switch (place.kind) {
      case "held":
        this.#owner.touched(this);
        return place.cache;
      case "loose": {
        const cache = place.cache.deref() ?? this.#revive(place);
        this.#place = { kind: "held", cache };
        this.#owner.touched(this, place);
        return cache;
      }
      case "gone":
        throw new JellyError(`Cannot receive cache ${this.luid}: its state could not be read`);
    }
  }

  /**
   * Counts an arrival, and gives the cache to the program.
   *
   * @returns The cache.
   * @throws {JellyError} If there is none, since the first copy could not be read.
   */
  takeAgain(): RemoteCache {
    const cache = this.take();
    this.uses++;
    this.#owner.touched(this);
    return cache;
  }

  /**
   * Takes an update.
   *
   * @param broker The connection.
   * @param message Name of the method, without `observe_`.
   * @param args The positional arguments.
   * @param kw The keyword arguments, if there are any.
   * @returns What the method returns.
   */
  remoteMessageReceived(
    broker: Broker,
    message: string,
    args: unknown[],
    kw: Kwargs | undefined,
  ): unknown {
    // The peer has not heard yet that there is no cache.
    if (this.#place.kind === "gone") return null;
    const cache = this.take();
    const result = cache.remoteMessageReceived(broker, message, args, kw);
    // One that takes its time may change the cache when its state was kept already.
    const promise = asPromise(result);
    if (promise === undefined) return result;
    const changed = () => this.#place.kind === "loose" && cache === this.take();
    promise.then(changed, changed);
    return promise;
  }

  /**
   * Keeps the state of the cache beside it, so that it may be collected.
   *
   * @param watch Has the garbage collector tell when it is.
   * @returns False if it is not to be collected, as it stands.
   */
  loosen(watch: (cache: RemoteCache, loose: Loose) => void): boolean {
    const place = this.#place;
    if (place.kind !== "held") return true;
    const { cache } = place;
    const kept = cache.keepState();
    if (kept === undefined) return false;
    const cls = Object.getPrototypeOf(cache).constructor;
    const loose: Loose = { kind: "loose", held: this, cache: new WeakRef(cache), cls, kept };
    this.#place = loose;
    watch(cache, loose);
    return true;
  }

  /**
   * Gives all uses back, since the cache was collected; unless another one has taken over.
   *
   * @param loose Where the cache was.
   */
  collected(loose: Loose): void {
    if (this.#place === loose) this.#owner.giveBack(this);
  }

  /** Gives all uses back; what comes till the peer has heard of it is still taken. */
  release(): void {
    if (!this.isLive) return;
    this.take();
    this.#owner.giveBack(this);
    this.#tell(this.#place, undefined);
  }

  /** Notes that the first copy could not be read; what was read of it is of no use. */
  broke(): void {
    this.#place = GONE;
    this.#owner.giveBack(this);
  }

  /**
   * Ends the updates: the peer has forgotten the cache, or the connection is lost.
   *
   * @param reason Why the connection was lost.
   */
  end(reason: Error | undefined): void {
    const place = this.#place;
    const wasLive = this.isLive;
    this.#place = GONE;
    if (wasLive) this.#tell(place, reason);
  }

  #tell(place: Place, reason: Error | undefined): void {
    if (place.kind === "gone") return;
    const cache = place.kind === "held" ? place.cache : place.cache.deref();
    if (cache !== undefined) this.broker.notifyAll([() => cache.updatesEnded(reason)]);
  }

  #revive({ cls, kept }: Loose): RemoteCache {
    const cache = new cls();
    RemoteCache[ATTACH](cache, this);
    cache.restoreState(kept);
    return cache;
  }
}

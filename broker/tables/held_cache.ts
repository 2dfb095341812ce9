/**
 * One of the peer's objects that we have a cache of.
 *
 * @module
 */

import { JellyError } from "../../jelly/mod.ts";
import { classOf } from "../../jelly/state.ts";
import { asPromise } from "../async/is_promise.ts";
import type { Broker } from "../connection/broker.ts";
import { CONNECTION } from "../flavors/invoker.ts";
import type { Kwargs } from "../flavors/kwargs.ts";
import type { RemoteTarget } from "../flavors/referenceable.ts";
import { ATTACH, type CacheKeeper, RemoteCache } from "../flavors/remote_cache.ts";

/** A class of caches. */
type CacheClass = new () => RemoteCache;

/** A cache that may be collected: its state is kept beside it. */
export interface Loose {
  /** Distinguishes it from other places. */
  readonly kind: "loose";
  /** The entry. */
  readonly held: HeldCache;
  /** The cache. */
  readonly cache: WeakRef<RemoteCache>;
  /** Its class. */
  readonly cls: CacheClass;
  /** What `keepState` returned. */
  readonly kept: unknown;
}

/**
 * Where the cache is. It is held as long as something may have changed in it, and loose once its
 * state is kept beside it, so that the garbage collector can show whether the program still uses
 * it. It is gone if its first copy could not be read, or once no more updates will come.
 */
type Place =
  | { readonly kind: "held"; readonly cache: RemoteCache }
  | Loose
  | { readonly kind: "gone" };

const GONE: Place = { kind: "gone" };

/** The table of caches, as its entries see it. */
export interface HeldCacheOwner {
  /** The connection. */
  readonly broker: Broker;
  /**
   * Records that a cache is held, again or still.
   *
   * @param held The cache.
   * @param loose Where it was, if it was loose.
   */
  touched(held: HeldCache, loose?: Loose): void;
  /**
   * Gives back all uses of a cache.
   *
   * @param held The cache.
   */
  giveBack(held: HeldCache): void;
}

/**
 * A cache, and what the peer counts for it.
 *
 * The entry outlives the program's use of the cache: after the last use was given back, and until
 * the peer says that nothing more will come, an arrival may be on its way that puts the cache to
 * use again, with all changes that came in between.
 */
export class HeldCache implements RemoteTarget, CacheKeeper {
  /** Number of the object. */
  readonly luid: number;
  /** Number of times it arrived and was not given back. */
  uses = 1;
  readonly #owner: HeldCacheOwner;
  #place: Place;

  /**
   * Creates an entry.
   *
   * @param owner The table.
   * @param luid Number of the object.
   * @param cache The cache, which has arrived once; undefined if it could not be read.
   */
  constructor(owner: HeldCacheOwner, luid: number, cache?: RemoteCache) {
    this.#owner = owner;
    this.luid = luid;
    this.#place = cache === undefined ? GONE : { kind: "held", cache };
  }

  /** The connection. */
  get broker(): Broker {
    return this.#owner.broker;
  }

  /** Whether the cache is in use, and updates still come. */
  get isLive(): boolean {
    return this.uses !== 0 && this.#place.kind !== "gone";
  }

  /**
   * Returns the cache.
   *
   * @returns The one that is there, or a new one with its state if it was collected.
   * @throws {JellyError} If there is none, because the first copy could not be read.
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
   * Counts an arrival, and returns the cache for the program to use.
   *
   * @returns The cache.
   * @throws {JellyError} If there is none, because the first copy could not be read.
   */
  takeAgain(): RemoteCache {
    const cache = this.take();
    this.uses++;
    this.#owner.touched(this);
    return cache;
  }

  /**
   * Handles an update.
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
    // The peer has not learned yet that there is no cache.
    if (this.#place.kind === "gone") return null;
    const cache = this.take();
    const result = cache.remoteMessageReceived(broker, message, args, kw);
    // An asynchronous method may still change the cache after its state was kept.
    const promise = asPromise(result);
    if (promise === undefined) return result;
    const changed = () => this.#place.kind === "loose" && cache === this.take();
    promise.then(changed, changed);
    return promise;
  }

  /**
   * Keeps the state of the cache beside it, so that it may be collected.
   *
   * @param watch Watches for the cache to be collected.
   * @returns False if it must not be collected for now.
   */
  loosen(watch: (cache: RemoteCache, loose: Loose) => void): boolean {
    const place = this.#place;
    if (place.kind !== "held") return true;
    const { cache } = place;
    const kept = cache.keepState();
    if (kept === undefined) return false;
    const cls = classOf(cache) as CacheClass;
    const loose: Loose = { kind: "loose", held: this, cache: new WeakRef(cache), cls, kept };
    this.#place = loose;
    watch(cache, loose);
    return true;
  }

  /**
   * Gives back all uses because the cache was collected, unless another one has taken its place.
   *
   * @param loose Where the cache was.
   */
  collected(loose: Loose): void {
    if (this.#place === loose) this.#owner.giveBack(this);
  }

  /**
   * Gives back all uses; updates that arrive before the peer has learned of this are still handled.
   */
  release(): void {
    if (!this.isLive) return;
    this.take();
    this.#owner.giveBack(this);
    this.#tell(this.#place, undefined);
  }

  /** Records that the first copy could not be read; what was read of it is of no use. */
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
    if (cache !== undefined) this.broker[CONNECTION].notifyAll([() => cache.updatesEnded(reason)]);
  }

  #revive({ cls, kept }: Loose): RemoteCache {
    const cache = new cls();
    RemoteCache[ATTACH](cache, this);
    cache.restoreState(kept);
    return cache;
  }
}

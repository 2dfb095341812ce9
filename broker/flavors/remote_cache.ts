/**
 * Copies that are kept up to date (`twisted.spread.flavors.RemoteCache`; docs/flavors.md,
 * "Caches").
 *
 * @module
 */

import {
  type IJellyable,
  type Jellier,
  JellyError,
  type JellyList,
  jellyNameOf,
  ownState,
  type Unjellier,
} from "../../jelly/mod.ts";
import { objectOf } from "../../jelly/state.ts";
import type { Broker } from "../connection/broker.ts";
import { RemoteCopy } from "./copyable.ts";
import { brokerOf, CONNECTION } from "./invoker.ts";
import type { Kwargs } from "./kwargs.ts";
import { objectId } from "./pb_rules.ts";
import { callMethod } from "./referenceable.ts";

/** Tells a cache which entry holds it; for use by the table only. */
export const ATTACH: unique symbol = Symbol("attach");

/** What keeps a cache, as the cache sees it. */
export interface CacheKeeper {
  /** The connection that the cache came over. */
  readonly broker: Broker;
  /** Number of the object. */
  readonly luid: number;
  /** Whether the cache is in use, and updates still come. */
  readonly isLive: boolean;
  /** Gives back all uses of the cache. */
  release(): void;
}

/**
 * What a {@linkcode Cacheable} arrives as: a copy whose `observe_` methods the peer calls when the
 * object has changed. Register its class for the tag of the sender's class.
 *
 * There is one for each object and connection, however often it arrives, so `===` shows whether two
 * are the same object. The peer counts each arrival as a use. All uses are given back by `using`,
 * by {@linkcode RemoteCache.release}, or some time after nothing here refers to the cache any more;
 * the updates end as soon as the peer has learned of this. No update is lost on the way: if the
 * object arrives again before that, it is the same cache, with the changes made in between.
 *
 * A cache that nothing refers to is garbage collected; if the object arrives just then, another
 * cache takes over with its state, which is its own fields. A class that keeps updates in private
 * fields overrides `keepState` and `restoreState`.
 *
 * @example
 * ```ts
 * import { RemoteCache, setUnjellyableForClass } from "@perspective/broker";
 *
 * class ScoreCache extends RemoteCache {
 *   points = 0;
 *   observe_points(points: number): void {
 *     this.points = points;
 *   }
 * }
 * setUnjellyableForClass("game.Score", ScoreCache);
 * ```
 */
export class RemoteCache extends RemoteCopy implements IJellyable, Disposable {
  #keeper: CacheKeeper | undefined;

  /**
   * Tells a cache which entry holds it; for use by the table only.
   *
   * @param cache The cache.
   * @param keeper What keeps it.
   */
  static [ATTACH](cache: RemoteCache, keeper: CacheKeeper): void {
    cache.#keeper = keeper;
  }

  /** Whether updates arrive: false once it was released, or the connection is lost. */
  get isLive(): boolean {
    return this.#keeper?.isLive ?? false;
  }

  /** Gives the cache back, so that the peer may forget it. A second call does nothing. */
  release(): void {
    this.#keeper?.release();
  }

  /** Gives the cache back, for `using`; see {@linkcode RemoteCache.release}. */
  [Symbol.dispose](): void {
    this.release();
  }

  /**
   * Handles an update: calls the method named `observe_` plus the message.
   *
   * @param _broker The connection that it came over.
   * @param message Name of the method, without the prefix.
   * @param args The positional arguments.
   * @param kw The keyword arguments, if there are any.
   * @returns What the method returns.
   * @throws {NoSuchMethod} If there is no such method.
   */
  remoteMessageReceived(
    _broker: Broker,
    message: string,
    args: unknown[],
    kw: Kwargs | undefined,
  ): unknown {
    return callMethod(this, "observe_", message, args, kw);
  }

  /**
   * Called when no more updates will arrive: the cache was released, the peer has forgotten it, or
   * the connection is lost.
   *
   * @param _reason Why the connection was lost, if it was not closed on purpose.
   */
  updatesEnded(_reason: Error | undefined): void {}

  /**
   * Returns the state that another object of the class needs to take over from this one: its own
   * fields except functions, unless overridden.
   *
   * @returns A value that does not lead back to this cache, or undefined to keep the cache until it
   * is released.
   */
  keepState(): unknown {
    return objectOf(Object.entries(this).filter(([, value]) => typeof value !== "function"));
  }

  /**
   * Takes over from another object of the class, after the constructor.
   *
   * @param state What `keepState` returned.
   */
  restoreState(state: unknown): void {
    const kept = state as Record<string, unknown>;
    for (const [name, value] of Object.entries(this)) {
      if (typeof value !== "function" && !Object.hasOwn(kept, name)) {
        Reflect.deleteProperty(this, name);
      }
    }
    for (const [name, value] of Object.entries(kept)) {
      const field = { value, writable: true, enumerable: true, configurable: true };
      Object.defineProperty(this, name, field);
    }
  }

  /**
   * Writes the cache for the connection that it came from, where it stands for the object itself;
   * without a connection, writes the name of the class and the fields.
   *
   * @param jellier The jellier to write with.
   * @throws {JellyError} If the value is for another connection, or the cache was released.
   */
  jellyFor(jellier: Jellier): void {
    if (jellier.invoker === undefined) {
      jellier.prepare(this);
      return jellier.tagged(jellyNameOf(Object.getPrototypeOf(this).constructor), ownState(this));
    }
    const keeper = this.#keeper;
    if (keeper === undefined || keeper.broker !== jellier.invoker) {
      throw new JellyError("a cache can be sent only over the connection that it came from");
    }
    if (!keeper.isLive) throw new JellyError("the cache was released");
    jellier.tagged("lcache", keeper.luid);
  }

  /**
   * Reads the number and the state.
   *
   * @param unjellier The unjellier that reads the whole value.
   * @param list The items after the tag.
   * @returns This object.
   */
  override unjellyFor(unjellier: Unjellier, list: JellyList): unknown {
    if (unjellier.invoker === undefined) return super.unjellyFor(unjellier, list);
    unjellier.created(this);
    const luid = objectId(list.nextSexp());
    const { held } = brokerOf(unjellier, this)[CONNECTION].caches;
    held.arrived(luid, this, () => this.setCopyableState(list.next()));
    return this;
  }
}

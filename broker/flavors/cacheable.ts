/**
 * Objects that travel as a copy that is kept up to date (`twisted.spread.flavors.Cacheable`,
 * `RemoteCacheObserver`; docs/flavors.md, "Caches").
 *
 * @module
 */

import type { Jellier } from "../../jelly/mod.ts";
import type { Broker } from "../connection/broker.ts";
import { DeadReferenceError, PBConnectionLost } from "../errors/errors.ts";
import { Copyable } from "./copyable.ts";
import { brokerOf, CONNECTION } from "./invoker.ts";

/**
 * An object that travels as a copy, and tells its copies about changes.
 *
 * A peer that receives it for the first time receives its state; the object gets an observer,
 * through which it calls the `observe_` methods of the copy. Calls made while the state is being
 * collected arrive after the state, so no change is lost. When the object is sent again, the copy
 * that is already there arrives. For objects that consist of fields, {@linkcode LiveCacheable} does
 * all this by itself.
 *
 * A connection has one copy for each perspective, so that two users who share a connection each see
 * what they may see; an object sent on nobody's behalf arrives as any copy that is already there.
 *
 * @example
 * ```ts
 * import { Cacheable, type RemoteCacheObserver } from "@perspective/broker/broker";
 *
 * class Score extends Cacheable {
 *   static readonly jellyName = "game.Score";
 *   readonly #observers = new Set<RemoteCacheObserver>();
 *   #points = 0;
 *
 *   override getStateToCacheAndObserveFor(_perspective: object | null, observer: RemoteCacheObserver) {
 *     this.#observers.add(observer);
 *     return { points: this.#points };
 *   }
 *   override stoppedObserving(_perspective: object | null, observer: RemoteCacheObserver): void {
 *     this.#observers.delete(observer);
 *   }
 *   score(): void {
 *     this.#points++;
 *     for (const observer of this.#observers) observer.callRemote("points", this.#points);
 *   }
 * }
 * new Score().score();
 * ```
 */
export class Cacheable extends Copyable {
  /**
   * Returns the state to send to a user, and receives the observer to tell of changes from now on.
   *
   * @param perspective On whose behalf the object is sent; null if that is nobody in particular.
   * @param _observer Calls the copy. The observation begins when this method returns; if it throws,
   * there is no observation.
   * @returns What `getStateToCopyFor` returns, unless overridden.
   */
  getStateToCacheAndObserveFor(
    perspective: object | null,
    _observer: RemoteCacheObserver,
  ): unknown {
    return this.getStateToCopyFor(perspective);
  }

  /**
   * Called once for each observation, when the copy is gone: it is no longer used, the connection
   * is lost, or the state could not be sent.
   *
   * @param _perspective The perspective that `getStateToCacheAndObserveFor` received.
   * @param _observer The same observer that `getStateToCacheAndObserveFor` received.
   */
  stoppedObserving(_perspective: object | null, _observer: RemoteCacheObserver): void {}

  /**
   * Writes the state, or a note of which copy the peer already has.
   *
   * @param jellier Where to write.
   */
  override jellyFor(jellier: Jellier): void {
    if (jellier.invoker === undefined) return super.jellyFor(jellier);
    const broker = brokerOf(jellier, this);
    const perspective = broker.serializingPerspective;
    const { cacheables } = broker[CONNECTION].caches;
    const known = cacheables.sendAgain(this, perspective);
    if (known !== undefined) return jellier.tagged("cached", known);
    const { luid, observer } = cacheables.send(this, perspective);
    const type = this.getTypeToCopyFor(perspective);
    const state = this.getStateToCacheAndObserveFor(perspective, observer);
    cacheables.observed(luid);
    jellier.prepare(this);
    jellier.tagged(type, luid, state);
  }
}

/**
 * Calls the copy that a peer has of a {@linkcode Cacheable}
 * (`twisted.spread.pb.RemoteCacheObserver`).
 *
 * An observation has the same observer from beginning to end, so `===` recognizes it, as does a
 * `Set`; `equals` also recognizes one that was made by hand.
 */
export class RemoteCacheObserver {
  /** The connection to the copy. */
  readonly broker: Broker;
  /** The object that the copy is of. */
  readonly cached: Cacheable;
  /** On whose behalf the object was sent, and arguments are written. */
  readonly perspective: object | null;

  /**
   * Creates an observer; the broker does this.
   *
   * @param broker The connection to the copy.
   * @param cached The object that the copy is of.
   * @param perspective On whose behalf the object was sent.
   */
  constructor(broker: Broker, cached: Cacheable, perspective: object | null) {
    this.broker = broker;
    this.cached = cached;
    this.perspective = perspective;
  }

  /**
   * Number of the copy.
   *
   * @throws {DeadReferenceError} If the peer has no copy, or no longer has one.
   */
  get luid(): number {
    const luid = this.broker[CONNECTION].caches.cacheables.luidOf(this.cached, this.perspective);
    if (luid !== undefined) return luid;
    throw new DeadReferenceError(
      `Cannot call cache of ${this.cached.constructor.name}: the peer has no cache of it`,
    );
  }

  /**
   * Calls a method of the copy.
   *
   * The promise may be ignored: `stoppedObserving` is called if the connection is lost, and all
   * other errors are logged.
   *
   * @param name Name of the method, without `observe_`.
   * @param args Positional arguments; keyword arguments (`kwargs()`) come last, options of the call
   * (`callOptions()`) after them.
   * @returns What the method returned.
   * @throws {RemoteError} If the method failed.
   * @throws {JellyError} If an argument cannot be sent.
   * @throws {DeadReferenceError} If the peer has no copy, or no longer has one.
   */
  callRemote(name: string, ...args: readonly unknown[]): Promise<unknown> {
    const result = this.broker[CONNECTION].call(this, name, args);
    result.catch((error) => {
      if (error instanceof DeadReferenceError || error instanceof PBConnectionLost) return;
      const message = `Cannot tell a cache of ${this.cached.constructor.name} "${name}"`;
      this.broker[CONNECTION].logOften({ event: "cacheFailed", level: "warning", message, error });
    });
    return result;
  }

  /**
   * Calls a method of the copy at once, without an answer.
   *
   * @param name Name of the method, without `observe_`.
   * @param value The argument.
   * @returns Whether the connection can take more now; if not, `broker.drained()` settles when it
   * can.
   * @throws {JellyError} If the argument cannot be sent.
   * @throws {LimitError} If too much waits to be written.
   * @throws {DeadReferenceError} If the peer has no copy, or no longer has one.
   */
  tell(name: string, value: unknown): boolean {
    return this.broker[CONNECTION].tell(this, name, [value]);
  }

  /**
   * Returns a method of the copy as a value.
   *
   * @param name Name of the method, without `observe_`.
   * @returns The method.
   */
  remoteMethod(name: string): RemoteCacheMethod {
    return new RemoteCacheMethod(this, name);
  }

  /**
   * Returns whether another value is an observer for the same object, perspective and connection.
   *
   * @param other Any value.
   * @returns True if all three are the same.
   */
  equals(other: unknown): boolean {
    return other instanceof RemoteCacheObserver && other.broker === this.broker &&
      other.cached === this.cached && other.perspective === this.perspective;
  }
}

/**
 * A method of the copy that a peer has, as a value (`twisted.spread.flavors.RemoteCacheMethod`).
 */
export class RemoteCacheMethod {
  /** Calls the copy. */
  readonly observer: RemoteCacheObserver;
  /** Name of the method, without `observe_`. */
  readonly name: string;

  /**
   * Creates a method value.
   *
   * @param observer Calls the copy.
   * @param name Name of the method.
   */
  constructor(observer: RemoteCacheObserver, name: string) {
    this.observer = observer;
    this.name = name;
  }

  /**
   * Calls the method.
   *
   * @param args As for `callRemote`.
   * @returns What the method returned.
   */
  call(...args: readonly unknown[]): Promise<unknown> {
    return this.observer.callRemote(this.name, ...args);
  }

  /**
   * Returns whether another value is the same method of the same copy.
   *
   * @param other Any value.
   * @returns True if observer and name are the same.
   */
  equals(other: unknown): boolean {
    return other instanceof RemoteCacheMethod && other.observer.equals(this.observer) &&
      other.name === this.name;
  }
}

/**
 * Caches that follow the fields of an object, and tell the program of changes (docs/flavors.md,
 * "Live objects").
 *
 * @module
 */

import { applyState } from "../../jelly/mod.ts";
import { asPromise } from "../async/is_promise.ts";
import type { Broker } from "../connection/broker.ts";
import { CONNECTION } from "../flavors/invoker.ts";
import type { Kwargs } from "../flavors/kwargs.ts";
import { type ParameterNames, PARAMETERS } from "../flavors/parameters.ts";
import { RemoteCache } from "../flavors/remote_cache.ts";

const NAMES: ParameterNames = Object.freeze({
  observe_update: ["changes"],
  observe_remove: ["names"],
});

/** An update that a cache has received. */
export interface CacheChange {
  /** Name of the method that handled it, without `observe_`. */
  readonly name: string;
  /** Its positional arguments. */
  readonly args: readonly unknown[];
  /** Its keyword arguments, if there were any. */
  readonly kw: Kwargs | undefined;
}

/** Options for {@linkcode LiveCache.changes}. */
export interface ChangesOptions {
  /** Ends the iteration when it aborts, with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/**
 * A {@linkcode RemoteCache} that tells the program of changes, and follows the fields of a
 * {@linkcode LiveCacheable}.
 *
 * Any update counts as a change: those of a live object, and those that `observe_` methods of your
 * own handle. While anything waits for changes, the cache is not garbage collected.
 *
 * @example
 * ```ts
 * import { LiveCache } from "@perspective/broker/broker";
 *
 * class DocumentCache extends LiveCache {
 *   title = "";
 * }
 * async function show(document: DocumentCache): Promise<void> {
 *   console.log(document.title);
 *   for await (const { title } of document.changes()) console.log(title);
 * }
 * ```
 */
export class LiveCache extends RemoteCache {
  /** The functions called after each change. */
  readonly #callbacks = new Set<(change: CacheChange) => unknown>();
  /** The waits for the next change. */
  readonly #waiting = new Set<() => void>();
  #changes = 0;
  #endReason: Error | undefined;

  /**
   * Registers a function to be called after each change.
   *
   * @param callback Receives the change.
   */
  notifyOnChange(callback: (change: CacheChange) => unknown): void {
    this.#callbacks.add(callback);
  }

  /**
   * Undoes {@linkcode LiveCache.notifyOnChange}.
   *
   * @param callback The function.
   */
  dontNotifyOnChange(callback: (change: CacheChange) => unknown): void {
    this.#callbacks.delete(callback);
  }

  /**
   * Iterates over the changes from now on.
   *
   * A loop that is slower than the changes sees the latest state, not every one before it.
   *
   * @param options A signal that ends the iteration, which then throws the signal's reason.
   * @returns Yields this cache each time it has changed; ends when updates do, and throws the
   * reason if the connection was lost because of a fault.
   */
  changes(options: ChangesOptions = {}): AsyncGenerator<this, void, void> {
    return this.#iterate(this.#changes, options.signal);
  }

  async *#iterate(
    seen: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<this, void, void> {
    for (let last = seen;;) {
      signal?.throwIfAborted();
      if (last !== this.#changes) {
        last = this.#changes;
        yield this;
      } else if (this.isLive) await this.#nextChange(signal);
      else if (this.#endReason !== undefined) throw this.#endReason;
      else return;
    }
  }

  /** Waits for a change, or for the end of the updates. */
  #nextChange(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => reject(signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    this.#waiting.add(resolve);
    return promise.finally(() => {
      this.#waiting.delete(resolve);
      signal?.removeEventListener("abort", abort);
    });
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
  }

  /** The names of parameters, which an observer in Python may use. */
  get [PARAMETERS](): ParameterNames {
    return NAMES;
  }

  /**
   * Sets the fields that are new or different.
   *
   * @param changes Values by name.
   * @throws {JellyError} If a name is the name of a method.
   */
  observe_update(changes: unknown): void {
    applyState(this, changes);
  }

  /**
   * Deletes fields.
   *
   * @param names Their names.
   */
  observe_remove(names: readonly unknown[]): void {
    for (const name of names) {
      if (typeof name !== "string" || typeof Reflect.get(this, name) === "function") continue;
      Reflect.deleteProperty(this, name);
    }
  }

  /**
   * Handles an update, and reports it as a change.
   *
   * @param broker The connection that it came over.
   * @param message Name of the method, without the prefix.
   * @param args The positional arguments.
   * @param kw The keyword arguments, if there are any.
   * @returns What the method returns.
   * @throws {NoSuchMethod} If there is no such method.
   */
  override remoteMessageReceived(
    broker: Broker,
    message: string,
    args: unknown[],
    kw: Kwargs | undefined,
  ): unknown {
    const change: CacheChange = { name: message, args: [...args], kw };
    const result = super.remoteMessageReceived(broker, message, args, kw);
    const changed = () => {
      this.#changes++;
      this.#wake();
      broker[CONNECTION].notifyAll(
        Array.from(this.#callbacks, (callback) => () => callback(change)),
      );
    };
    const promise = asPromise(result);
    if (promise === undefined) changed();
    else promise.then(changed, () => {});
    return promise ?? result;
  }

  /**
   * Ends the iterations over changes; an override calls this one.
   *
   * @param reason Why the connection was lost, if it was not closed on purpose.
   */
  override updatesEnded(reason: Error | undefined): void {
    this.#endReason = reason;
    this.#wake();
  }

  /**
   * Returns the state that another object of the class needs to take over from this one.
   *
   * @returns The fields, or undefined while anything waits for changes.
   */
  override keepState(): unknown {
    return this.#callbacks.size + this.#waiting.size === 0 ? super.keepState() : undefined;
  }
}

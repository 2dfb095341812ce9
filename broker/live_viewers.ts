/**
 * Those who have caches of a live object, and what each of them has.
 *
 * @module
 */

import type { RemoteCacheObserver } from "./cacheable.ts";
import { callOptions } from "./kwargs.ts";

/** Changes wait for nothing but room in the connection. */
const NO_ANSWER = callOptions({ answer: false });

/** The fields of an object by name. */
export type Fields = Record<string, unknown>;

/** One who has a cache. */
interface Viewer {
  /** What the cache has, or will have when all has arrived that is on its way. */
  sent: Fields;
  /** Names of fields to be sent though they hold the same objects as before. */
  readonly touched: Set<string>;
  /** Whether something has changed since. */
  isStale: boolean;
  /** Whether a change is on its way into the connection. */
  isBusy: boolean;
}

/**
 * Sends each viewer what has changed in what it may see.
 *
 * All changes of a turn go in one message. A viewer whose connection is full gets what has changed by
 * the time that it takes more, and nothing of the states in between.
 */
export class LiveViewers {
  readonly #fieldsFor: (perspective: object | null) => Fields;
  readonly #viewers = new Map<RemoteCacheObserver, Viewer>();
  #isDue = false;

  /**
   * Creates the list without anybody on it.
   *
   * @param fieldsFor Gives what somebody may see.
   */
  constructor(fieldsFor: (perspective: object | null) => Fields) {
    this.#fieldsFor = fieldsFor;
  }

  /**
   * Adds a viewer.
   *
   * @param observer Calls its cache.
   * @returns What it sees first.
   */
  add(observer: RemoteCacheObserver): Fields {
    const fields = this.#fieldsFor(observer.perspective);
    this.#viewers.set(observer, {
      sent: { ...fields },
      touched: new Set(),
      isStale: false,
      isBusy: false,
    });
    return fields;
  }

  /**
   * Removes a viewer.
   *
   * @param observer Called its cache.
   */
  remove(observer: RemoteCacheObserver): void {
    this.#viewers.delete(observer);
  }

  /**
   * Has the viewers told when this turn is over.
   *
   * @param names Fields to be sent even if they hold the same objects as before.
   */
  changed(names: readonly string[] = []): void {
    for (const viewer of this.#viewers.values()) {
      viewer.isStale = true;
      for (const name of names) viewer.touched.add(name);
    }
    if (this.#isDue || this.#viewers.size === 0) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      for (const [observer, viewer] of this.#viewers) this.#tell(observer, viewer);
    });
  }

  /** Sends changes to a viewer until there are none. */
  async #tell(observer: RemoteCacheObserver, viewer: Viewer): Promise<void> {
    if (viewer.isBusy) return;
    viewer.isBusy = true;
    try {
      while (viewer.isStale && this.#viewers.has(observer)) {
        viewer.isStale = false;
        // The observer logs those that fail.
        await Promise.allSettled(this.#calls(observer, viewer));
      }
    } catch (error) {
      const message = `Cannot tell a cache of ${observer.cached.constructor.name} what has changed`;
      observer.broker.settings.log({ level: "error", message, error });
    } finally {
      viewer.isBusy = false;
    }
  }

  #calls(observer: RemoteCacheObserver, viewer: Viewer): Promise<unknown>[] {
    const fields = this.#fieldsFor(observer.perspective);
    const { sent, touched } = viewer;
    const updates = Object.entries(fields).filter(([name, value]) =>
      !Object.hasOwn(sent, name) || !Object.is(sent[name], value) || touched.has(name)
    );
    const removed = Object.keys(sent).filter((name) => !Object.hasOwn(fields, name));
    viewer.sent = { ...fields };
    touched.clear();
    const calls: Promise<unknown>[] = [];
    if (updates.length !== 0) {
      calls.push(observer.callRemote("update", Object.fromEntries(updates), NO_ANSWER));
    }
    if (removed.length !== 0) calls.push(observer.callRemote("remove", removed, NO_ANSWER));
    return calls;
  }
}

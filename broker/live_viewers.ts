/**
 * Those who have caches of a live object, and what each of them has.
 *
 * @module
 */

import { JellyError } from "../jelly/mod.ts";
import type { RemoteCacheObserver } from "./cacheable.ts";
import { LimitError } from "./errors.ts";
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
 * the time that it takes more, and nothing of the states in between. A field that cannot be sent keeps
 * no other from being sent.
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
        if (await this.#sendChanges(observer, viewer)) continue;
        // Other traffic fills the connection.
        await observer.broker.drained();
        viewer.isStale = true;
      }
    } catch (error) {
      const message = `Cannot tell a cache of ${observer.cached.constructor.name} what has changed`;
      observer.broker.log({ event: "cacheFailed", level: "error", message, error });
    } finally {
      viewer.isBusy = false;
    }
  }

  /** Sends what has changed; gives false, and leaves it changed, if the connection is too full. */
  async #sendChanges(observer: RemoteCacheObserver, viewer: Viewer): Promise<boolean> {
    const fields = this.#fieldsFor(observer.perspective);
    const { sent, touched } = viewer;
    const updates = Object.entries(fields).filter(([name, value]) =>
      !Object.hasOwn(sent, name) || !Object.is(sent[name], value) || touched.has(name)
    );
    const removed = Object.keys(sent).filter((name) => !Object.hasOwn(fields, name));
    const wereTouched = [...touched];
    viewer.sent = { ...fields };
    touched.clear();
    const [hadRoom, removal] = await Promise.all([
      updates.length === 0 || sendUpdates(observer, updates),
      removed.length === 0 ? "ended" : send(observer, "remove", removed),
    ]);
    if (hadRoom && removal !== "full") return true;
    viewer.sent = sent;
    for (const name of wereTouched) touched.add(name);
    return false;
  }
}

/** Sends fields together or, if one of them cannot be sent, each by itself; gives false if there is no room. */
async function sendUpdates(
  observer: RemoteCacheObserver,
  updates: [string, unknown][],
): Promise<boolean> {
  const end = await send(observer, "update", Object.fromEntries(updates));
  if (end !== "unsendable" || updates.length === 1) return end !== "full";
  const hasRoom = await Promise.all(updates.map((update) => sendUpdates(observer, [update])));
  return hasRoom.every(Boolean);
}

/** Calls a cache, and tells how that ended; the observer logs what fails. */
async function send(
  observer: RemoteCacheObserver,
  name: string,
  value: unknown,
): Promise<"ended" | "full" | "unsendable"> {
  try {
    await observer.callRemote(name, value, NO_ANSWER);
    return "ended";
  } catch (error) {
    if (error instanceof JellyError) return "unsendable";
    return error instanceof LimitError && error.limit === "maxBufferedBytes" ? "full" : "ended";
  }
}

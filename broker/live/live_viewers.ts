/**
 * The viewers of a live object, and what each of them has.
 *
 * @module
 */

import { JellyError } from "../../jelly/mod.ts";
import { DeadReferenceError, LimitError, PBConnectionLost } from "../errors/errors.ts";
import type { RemoteCacheObserver } from "../flavors/cacheable.ts";
import { CONNECTION } from "../flavors/invoker.ts";

/** The fields of an object by name. */
export type Fields = Record<string, unknown>;

/** A peer's cache of the object. */
interface Viewer {
  /** What the cache has, or will have once everything on its way has arrived. */
  readonly sent: Map<string, unknown>;
  /** Names of fields to be sent although they hold the same objects as before. */
  readonly touched: Set<string>;
  /** Whether it has to be told of changes: soon, or when its connection takes more. */
  state: "current" | "due" | "waiting";
}

/**
 * Sends each viewer the changes in what it may see.
 *
 * All changes of a turn go in one message. A viewer whose connection is full gets what is different
 * once the connection takes more, and none of the states in between. A field that cannot be sent
 * does not keep others from being sent.
 */
export class LiveViewers {
  readonly #fieldsFor: (perspective: object | null) => Fields;
  readonly #viewers = new Map<RemoteCacheObserver, Viewer>();

  /**
   * Creates a list without viewers.
   *
   * @param fieldsFor Returns the fields that a user may see.
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
    const sent = new Map(Object.entries(fields));
    this.#viewers.set(observer, { sent, touched: new Set(), state: "current" });
    return fields;
  }

  /**
   * Removes a viewer.
   *
   * @param observer The observer that called its cache.
   */
  remove(observer: RemoteCacheObserver): void {
    this.#viewers.delete(observer);
  }

  /**
   * Tells the viewers at the end of this turn, or before anything else is sent over their
   * connection: a caller that changes the object finds the change in its cache when it gets the
   * answer.
   *
   * @param names Fields to be sent even if they hold the same objects as before.
   */
  changed(names: readonly string[] = []): void {
    for (const [observer, viewer] of this.#viewers) {
      for (const name of names) viewer.touched.add(name);
      if (viewer.state !== "current") continue;
      viewer.state = "due";
      observer.broker[CONNECTION].outbox.soon(() => this.#tell(observer, viewer));
    }
  }

  /** Sends the changes now, or when the connection takes more. */
  #tell(observer: RemoteCacheObserver, viewer: Viewer): void {
    if (!this.#viewers.has(observer)) return;
    viewer.state = "current";
    try {
      if (this.#sendChanges(observer, viewer)) return;
    } catch (error) {
      if (error instanceof DeadReferenceError || error instanceof PBConnectionLost) return;
      if (!isFull(error)) return log(observer, "error", "what has changed", error);
    }
    viewer.state = "waiting";
    observer.broker.drained().then(() => this.#tell(observer, viewer));
  }

  /** Sends the changes, and returns whether the connection takes more now. */
  #sendChanges(observer: RemoteCacheObserver, viewer: Viewer): boolean {
    const { sent, touched } = viewer;
    const fields = this.#fieldsFor(observer.perspective);
    const updates = Object.entries(fields).filter(([name, value]) =>
      !sent.has(name) || !Object.is(sent.get(name), value) || touched.has(name)
    );
    const removed = [...sent.keys()].filter((name) => !Object.hasOwn(fields, name));
    touched.clear();
    let hasRoom = updates.length === 0 || sendUpdates(observer, viewer, updates);
    if (removed.length !== 0) {
      hasRoom = observer.tell("remove", removed);
      for (const name of removed) sent.delete(name);
    }
    return hasRoom;
  }
}

/** Sends fields together or, if one of them cannot be sent, one at a time. */
function sendUpdates(
  observer: RemoteCacheObserver,
  viewer: Viewer,
  updates: [string, unknown][],
): boolean {
  let hasRoom = true;
  try {
    hasRoom = observer.tell("update", Object.fromEntries(updates));
  } catch (error) {
    if (!(error instanceof JellyError)) {
      // Some may hold the same objects as before, and are sent again only if marked.
      for (const [name] of updates) viewer.touched.add(name);
      throw error;
    }
    if (updates.length > 1) {
      return updates.map((update) => sendUpdates(observer, viewer, [update])).at(-1)!;
    }
    log(observer, "warning", '"update"', error);
  }
  for (const [name, value] of updates) viewer.sent.set(name, value);
  return hasRoom;
}

function isFull(error: unknown): boolean {
  return error instanceof LimitError && error.limit === "maxBufferedBytes";
}

function log(
  { broker, cached }: RemoteCacheObserver,
  level: "warning" | "error",
  what: string,
  error: unknown,
): void {
  const message = `Cannot tell a cache of ${cached.constructor.name} ${what}`;
  broker[CONNECTION].logOften({ event: "cacheFailed", level, message, error });
}

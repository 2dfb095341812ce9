/**
 * The objects of ours that the peer holds references to.
 *
 * @module
 */

import { BusyMap } from "../../transport/base/busy_map.ts";
import { ProtocolError } from "../errors/errors.ts";
import type { RemoteTarget, Serializable } from "../flavors/referenceable.ts";
import type { ObjectId } from "../flavors/remote_reference.ts";
import type { Outbox } from "../link/outbox.ts";
import type { ObjectLimit } from "./object_limit.ts";
import type { TableHooks } from "./table_hooks.ts";

/** Name of the object that a server publishes. */
export const ROOT = "root";

/** An object that the peer knows, and how many references it holds (`twisted.spread.pb.Local`). */
export class Local<T extends object = object> {
  /** The object. */
  readonly object: T;
  /** On whose behalf it was sent. */
  readonly perspective: object | null;
  /** How many references the peer holds. */
  refcount = 1;
  /** Number of calls of it that the peer made while it held a reference, and that still wait. */
  holds = 0;

  /**
   * Creates an entry with one reference.
   *
   * @param object The object.
   * @param perspective On whose behalf it was sent.
   */
  constructor(object: T, perspective: object | null = null) {
    this.object = object;
    this.perspective = perspective;
  }

  /**
   * Adds a reference.
   *
   * @returns The count.
   */
  incref(): number {
    return ++this.refcount;
  }

  /**
   * Removes a reference.
   *
   * @returns The count.
   */
  decref(): number {
    return --this.refcount;
  }
}

/**
 * Cleans up once the peer no longer holds an object.
 *
 * @param isTakenBack True if it never held it: the message that was to bring the object could not
 * be sent.
 */
export type Cleanup = (isTakenBack?: boolean) => void;

/** An object that takes calls and has an identity. */
export type LocalObject = RemoteTarget & Serializable;

/**
 * Numbers the objects that are sent by reference, and keeps them while the peer holds references.
 */
export class LocalTable {
  readonly #limit: ObjectLimit;
  readonly #outbox: Outbox;
  readonly #hooks: TableHooks;
  /** The published root: on most connections it is the only object, which needs no table. */
  #root: Local<RemoteTarget> | undefined;
  #entries: BusyMap<ObjectId, Local<RemoteTarget>> | undefined;
  /** The numbers of objects; undefined while only named ones are known. */
  #ids: BusyMap<object, number> | undefined;
  /** What to do when the peer no longer holds an object. */
  #cleanups: BusyMap<object, Cleanup[]> | undefined;

  /**
   * Creates an empty table.
   *
   * @param limit Maximum number of objects at once.
   * @param outbox Where the objects are sent.
   * @param hooks Numbers objects, and tells programs what has become of them.
   */
  constructor(limit: ObjectLimit, outbox: Outbox, hooks: TableHooks) {
    this.#limit = limit;
    this.#outbox = outbox;
    this.#hooks = hooks;
  }

  /** Number of objects, including named ones. */
  get size(): number {
    return (this.#entries?.size ?? 0) + (this.#root === undefined ? 0 : 1);
  }

  /**
   * Publishes an object under a name.
   *
   * @param name The name.
   * @param object The object.
   */
  setName(name: string, object: RemoteTarget): void {
    const entry = new Local(object);
    if (name === ROOT) this.#root = entry;
    else (this.#entries ??= new BusyMap()).set(name, entry);
  }

  /**
   * Finds an object.
   *
   * @param id Its number or name.
   * @returns The object, or undefined.
   */
  get(id: ObjectId): RemoteTarget | undefined {
    if (id === ROOT) return this.#root?.object;
    const entry = this.#entries?.get(id);
    // One that the peer has given back, and that is held for a call, is not there for others.
    return entry === undefined || entry.refcount === 0 ? undefined : entry.object;
  }

  /**
   * Holds an object for a call that waits: if the peer gives it back meanwhile, it is released only
   * when the call has begun, as if the call had begun when it arrived.
   *
   * @param id The object's number or name.
   * @returns Ends that, and says what to do then; undefined for an object that the peer cannot give
   * back.
   */
  hold(id: ObjectId): (() => readonly Cleanup[]) | undefined {
    if (typeof id === "string") return undefined;
    const entry = this.#entries?.get(id);
    if (entry === undefined) return undefined;
    entry.holds++;
    return () => {
      entry.holds--;
      return this.#left(id, entry);
    };
  }

  /**
   * Counts a reference to an object that is being sent, giving it a number if it has none; if the
   * message cannot be sent, that is undone.
   *
   * @param object The object.
   * @returns Its number.
   * @throws {LimitError} If the peer holds too many objects.
   */
  register(object: LocalObject): number {
    const id = this.#count(object);
    this.#outbox.onCancel(() => this.#takeBack(id));
    return id;
  }

  #count(object: LocalObject): number {
    const identity = object.processUniqueID();
    const known = this.#ids?.get(identity);
    if (known !== undefined) {
      this.#entries!.get(known)!.incref();
      return known;
    }
    // Not `>=`, as in Twisted: the limit leaves room for the published root.
    if (this.size > this.#limit.max) {
      throw this.#limit.exceeded("Maximum PB reference count");
    }
    const id = this.#hooks.newId();
    (this.#entries ??= new BusyMap()).set(id, new Local<RemoteTarget>(object));
    (this.#ids ??= new BusyMap()).set(identity, id);
    return id;
  }

  /** Takes back a reference that never reached the peer. */
  #takeBack(id: number): void {
    const entry = this.#entries?.get(id);
    if (entry === undefined) return;
    entry.decref();
    const cleanups = this.#left(id, entry);
    if (cleanups.length === 0) return;
    this.#outbox.postpone(() =>
      this.#hooks.notifyAll(cleanups.map((cleanup) => () => cleanup(true)))
    );
  }

  /**
   * Removes a reference that the peer has given back.
   *
   * @param id Number of the object.
   * @returns What to do if that was the last one.
   * @throws {ProtocolError} If the peer holds no reference to such an object.
   */
  decref(id: ObjectId): readonly Cleanup[] {
    const entry = this.#entries?.get(id);
    if (entry === undefined || typeof id === "string" || entry.refcount === 0) {
      throw new ProtocolError(`Cannot release object "${id}": the peer holds no reference to it`);
    }
    entry.decref();
    return this.#left(id, entry);
  }

  /**
   * Registers something to do when the peer no longer holds an object.
   *
   * @param object The object; one that does not travel as a reference is never released.
   * @param cleanup What to do, once.
   */
  onRelease(object: object, cleanup: Cleanup): void {
    const identity = identityOf(object);
    const cleanups = this.#cleanups ??= new BusyMap();
    const known = cleanups.get(identity);
    if (known === undefined) cleanups.set(identity, [cleanup]);
    else known.push(cleanup);
  }

  /** Forgets everything. */
  clear(): void {
    this.#root = undefined;
    this.#entries = undefined;
    this.#ids = undefined;
    this.#cleanups = undefined;
  }

  /** Removes an object that neither the peer nor a call holds; returns what to do then. */
  #left(id: number, entry: Local<RemoteTarget>): readonly Cleanup[] {
    if (entry.refcount > 0 || entry.holds > 0 || this.#entries?.get(id) !== entry) return [];
    const identity = identityOf(entry.object);
    this.#entries?.delete(id);
    this.#ids?.delete(identity);
    const cleanups = this.#cleanups?.get(identity);
    this.#cleanups?.delete(identity);
    return cleanups ?? [];
  }
}

/** Returns the identity of an object. */
function identityOf(object: object): object {
  return (object as Partial<LocalObject>).processUniqueID?.() ?? object;
}

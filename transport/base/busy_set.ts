/**
 * A set for members that come and go quickly.
 *
 * @module
 */

import { isWorn } from "./busy_map.ts";

/**
 * The members of something busy, such as the connections of a server: a `Set` that is copied from
 * time to time, as the old one would keep alive what has been deleted.
 */
export class BusySet<T> implements ReadonlySet<T> {
  #members = new Set<T>();
  #changes = 0;

  /** The number of members. */
  get size(): number {
    return this.#members.size;
  }

  /**
   * Adds a member; one that is already there keeps its place.
   *
   * @param member The member.
   */
  add(member: T): void {
    this.#beforeChange();
    this.#members.add(member);
  }

  /**
   * Removes a member.
   *
   * @param member The member.
   * @returns Whether it was one.
   */
  delete(member: T): boolean {
    this.#beforeChange();
    return this.#members.delete(member);
  }

  #beforeChange(): void {
    if (!isWorn(++this.#changes, this.#members.size)) return;
    this.#members = new Set(this.#members);
    this.#changes = 0;
  }

  /** Same as for a `Set`. */
  has(value: T): boolean {
    return this.#members.has(value);
  }
  /**
   * Iterates over the members in the order in which they were added; whether changes made meanwhile
   * show is undefined.
   */
  [Symbol.iterator](): SetIterator<T> {
    return this.#members.values();
  }
  /** Same as for a `Set`. */
  values(): SetIterator<T> {
    return this.#members.values();
  }
  /** Same as for a `Set`. */
  keys(): SetIterator<T> {
    return this.#members.keys();
  }
  /** Same as for a `Set`. */
  entries(): SetIterator<[T, T]> {
    return this.#members.entries();
  }
  /** Same as for a `Set`. */
  forEach(
    callback: (value: T, key: T, set: ReadonlySet<T>) => void,
    thisArg?: unknown,
  ): void {
    for (const member of this.#members) callback.call(thisArg, member, member, this);
  }
  /** Same as for a `Set`. */
  union<U>(other: ReadonlySetLike<U>): Set<T | U> {
    return this.#members.union(other);
  }
  /** Same as for a `Set`. */
  intersection<U>(other: ReadonlySetLike<U>): Set<T & U> {
    return this.#members.intersection(other);
  }
  /** Same as for a `Set`. */
  difference<U>(other: ReadonlySetLike<U>): Set<T> {
    return this.#members.difference(other);
  }
  /** Same as for a `Set`. */
  symmetricDifference<U>(other: ReadonlySetLike<U>): Set<T | U> {
    return this.#members.symmetricDifference(other);
  }
  /** Same as for a `Set`. */
  isSubsetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#members.isSubsetOf(other);
  }
  /** Same as for a `Set`. */
  isSupersetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#members.isSupersetOf(other);
  }
  /** Same as for a `Set`. */
  isDisjointFrom(other: ReadonlySetLike<unknown>): boolean {
    return this.#members.isDisjointFrom(other);
  }
}

/**
 * A set for members that come and go quickly.
 *
 * @module
 */

import { isWorn } from "./busy_map.ts";

/**
 * The members of something busy, such as the connections of a server: a `Set` that begins anew after so
 * many changes that the old one would keep alive what has left it.
 */
export class BusySet<T> implements ReadonlySet<T> {
  #members = new Set<T>();
  #changes = 0;

  /** How many members there are. */
  get size(): number {
    return this.#members.size;
  }

  /**
   * Adds a member; one that is there already stays where it is.
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

  /** As of a `Set`. */
  has(value: T): boolean {
    return this.#members.has(value);
  }
  /** The members in the order in which they were added; what changes on the way may show or not. */
  [Symbol.iterator](): SetIterator<T> {
    return this.#members.values();
  }
  /** As of a `Set`. */
  values(): SetIterator<T> {
    return this.#members.values();
  }
  /** As of a `Set`. */
  keys(): SetIterator<T> {
    return this.#members.keys();
  }
  /** As of a `Set`. */
  entries(): SetIterator<[T, T]> {
    return this.#members.entries();
  }
  /** As of a `Set`. */
  forEach(
    callback: (value: T, key: T, set: ReadonlySet<T>) => void,
    thisArg?: unknown,
  ): void {
    for (const member of this.#members) callback.call(thisArg, member, member, this);
  }
  /** As of a `Set`. */
  union<U>(other: ReadonlySetLike<U>): Set<T | U> {
    return this.#members.union(other);
  }
  /** As of a `Set`. */
  intersection<U>(other: ReadonlySetLike<U>): Set<T & U> {
    return this.#members.intersection(other);
  }
  /** As of a `Set`. */
  difference<U>(other: ReadonlySetLike<U>): Set<T> {
    return this.#members.difference(other);
  }
  /** As of a `Set`. */
  symmetricDifference<U>(other: ReadonlySetLike<U>): Set<T | U> {
    return this.#members.symmetricDifference(other);
  }
  /** As of a `Set`. */
  isSubsetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#members.isSubsetOf(other);
  }
  /** As of a `Set`. */
  isSupersetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#members.isSupersetOf(other);
  }
  /** As of a `Set`. */
  isDisjointFrom(other: ReadonlySetLike<unknown>): boolean {
    return this.#members.isDisjointFrom(other);
  }
}

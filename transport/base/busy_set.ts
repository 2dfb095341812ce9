/**
 * A set for members that come and go quickly.
 *
 * @module
 */

import { isWorn } from "./busy_map.ts";

/**
 * The members of something busy, such as the connections of a server: a `Set` that is copied from
 * time to time, since the old one would keep alive what has been deleted.
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

  /** Returns whether a value is a member. */
  has(value: T): boolean {
    return this.#members.has(value);
  }
  /**
   * Iterates over the members in the order in which they were added; whether changes made during
   * the iteration are seen is undefined.
   */
  [Symbol.iterator](): SetIterator<T> {
    return this.#members.values();
  }
  /** Iterates over the members. */
  values(): SetIterator<T> {
    return this.#members.values();
  }
  /** Iterates over the members, which are their own keys. */
  keys(): SetIterator<T> {
    return this.#members.keys();
  }
  /** Iterates over pairs of a member and itself. */
  entries(): SetIterator<[T, T]> {
    return this.#members.entries();
  }
  /** Calls a function for every member. */
  forEach(
    callback: (value: T, key: T, set: ReadonlySet<T>) => void,
    thisArg?: unknown,
  ): void {
    for (const member of this.#members) callback.call(thisArg, member, member, this);
  }
  /** Returns a `Set` of what is in this set, in the other, or in both. */
  union<U>(other: ReadonlySetLike<U>): Set<T | U> {
    return this.#members.union(other);
  }
  /** Returns a `Set` of what is in both sets. */
  intersection<U>(other: ReadonlySetLike<U>): Set<T & U> {
    return this.#members.intersection(other);
  }
  /** Returns a `Set` of what is in this set and not in the other. */
  difference<U>(other: ReadonlySetLike<U>): Set<T> {
    return this.#members.difference(other);
  }
  /** Returns a `Set` of what is in one of the two sets, but not in both. */
  symmetricDifference<U>(other: ReadonlySetLike<U>): Set<T | U> {
    return this.#members.symmetricDifference(other);
  }
  /** Returns whether the other set has every member of this one. */
  isSubsetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#members.isSubsetOf(other);
  }
  /** Returns whether this set has every member of the other. */
  isSupersetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#members.isSupersetOf(other);
  }
  /** Returns whether the two sets have no member in common. */
  isDisjointFrom(other: ReadonlySetLike<unknown>): boolean {
    return this.#members.isDisjointFrom(other);
  }
}

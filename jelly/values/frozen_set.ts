/**
 * Sets that cannot change: Python's `frozenset`.
 *
 * @module
 */

/** Tells the constructor that the elements come later; see {@linkcode openFrozenSet}. */
const OPEN: readonly never[] = [];

/** The elements of an open set. */
const NONE: readonly never[] = Object.freeze([]);

/** Seals an open set: access to a private method of the class, for {@linkcode fillFrozenSet}. */
let seal: <T>(set: FrozenSet<T>, items: Iterable<T>) => void;

/**
 * A Python `frozenset`: a set whose elements are fixed when it is created.
 *
 * It has all methods that read a `Set`, and none that change one. Like a `Set`, it compares
 * elements with `===` (NaN equals itself), so two equal arrays are two elements, where Python would
 * see one.
 *
 * @example A set to share
 * ```ts
 * import { FrozenSet } from "@perspective/broker/jelly";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const roles = new FrozenSet(["reader", "writer", "reader"]);
 * assertEquals(roles.size, 2);
 * assert(roles.has("writer"));
 * assertEquals(roles.union(new Set(["admin"])), new Set(["reader", "writer", "admin"]));
 * ```
 *
 * @typeParam T Type of the elements.
 */
export class FrozenSet<T = unknown> implements ReadonlySet<T> {
  /**
   * The elements in order of insertion, each once, as a frozen array.
   *
   * An own property, so that a printed set shows its elements and a test that compares two sets
   * (in order) looks at them.
   */
  readonly items: readonly T[] = NONE;
  #lookup: ReadonlySet<T> = new Set();

  static {
    seal = (set, items) => set.#seal(items);
  }

  /**
   * Creates a set.
   *
   * @param items The elements; duplicates are dropped.
   */
  constructor(items: Iterable<T> = []) {
    if (items !== OPEN) this.#seal(items);
  }

  /** Number of elements. */
  get size(): number {
    return this.#lookup.size;
  }

  /** Names the class in `Object.prototype.toString`. */
  get [Symbol.toStringTag](): "FrozenSet" {
    return "FrozenSet";
  }

  /**
   * Returns whether a value is in the set.
   *
   * @param value The value to look for.
   */
  has(value: T): boolean {
    return this.#lookup.has(value);
  }

  /**
   * Calls a function for every element, in order of insertion.
   *
   * @param callback Receives the element twice, as with `Set`, and this set.
   * @param thisArg The value of `this` in the callback.
   */
  forEach(
    callback: (value: T, value2: T, set: ReadonlySet<T>) => void,
    thisArg?: unknown,
  ): void {
    for (const item of this.items) callback.call(thisArg, item, item, this);
  }

  /** Iterates over the elements. */
  [Symbol.iterator](): SetIterator<T> {
    return this.#lookup[Symbol.iterator]();
  }

  /** Iterates over the elements. */
  values(): SetIterator<T> {
    return this.#lookup.values();
  }

  /** Iterates over the elements, which are their own keys. */
  keys(): SetIterator<T> {
    return this.#lookup.keys();
  }

  /** Iterates over pairs of an element and itself. */
  entries(): SetIterator<[T, T]> {
    return this.#lookup.entries();
  }

  /**
   * Returns a set of what is in this set, in the other, or in both.
   *
   * @param other Any set or map.
   * @returns A new `Set`; pass it to `new FrozenSet` to freeze it.
   */
  union<U>(other: ReadonlySetLike<U>): Set<T | U> {
    return this.#lookup.union(other);
  }

  /**
   * Returns a set of what is in both sets.
   *
   * @param other Any set or map.
   * @returns A new `Set`.
   */
  intersection<U>(other: ReadonlySetLike<U>): Set<T & U> {
    return this.#lookup.intersection(other);
  }

  /**
   * Returns a set of what is in this set and not in the other.
   *
   * @param other Any set or map.
   * @returns A new `Set`.
   */
  difference<U>(other: ReadonlySetLike<U>): Set<T> {
    return this.#lookup.difference(other);
  }

  /**
   * Returns a set of what is in one of the two sets, but not in both.
   *
   * @param other Any set or map.
   * @returns A new `Set`.
   */
  symmetricDifference<U>(other: ReadonlySetLike<U>): Set<T | U> {
    return this.#lookup.symmetricDifference(other);
  }

  /**
   * Returns whether the other set has every element of this one.
   *
   * @param other Any set or map.
   */
  isSubsetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#lookup.isSubsetOf(other);
  }

  /**
   * Returns whether this set has every element of the other.
   *
   * @param other Any set or map.
   */
  isSupersetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#lookup.isSupersetOf(other);
  }

  /**
   * Returns whether the two sets have no element in common.
   *
   * @param other Any set or map.
   */
  isDisjointFrom(other: ReadonlySetLike<unknown>): boolean {
    return this.#lookup.isDisjointFrom(other);
  }

  #seal(items: Iterable<T>): void {
    if (Object.isFrozen(this)) {
      throw new TypeError("Cannot fill a FrozenSet: it already has its elements");
    }
    this.#lookup = new Set(items);
    (this as { items: readonly T[] }).items = Object.freeze([...this.#lookup]);
    Object.freeze(this);
  }
}

/**
 * Creates a set that is still open, for a decoder that may find the set inside itself.
 *
 * @returns A set that reads as empty until {@linkcode fillFrozenSet} has run.
 */
export function openFrozenSet<T>(): FrozenSet<T> {
  return new FrozenSet<T>(OPEN);
}

/**
 * Gives an open set its elements, which are then fixed.
 *
 * @param set A set from {@linkcode openFrozenSet}.
 * @param items The elements.
 * @throws {TypeError} If the set already has its elements.
 */
export function fillFrozenSet<T>(set: FrozenSet<T>, items: Iterable<T>): void {
  seal(set, items);
}

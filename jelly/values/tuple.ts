/**
 * Tuples: arrays that Python receives as `tuple`, and what a Python `tuple` arrives as.
 *
 * @module
 */

/**
 * A Python `tuple`: a frozen array of its own class.
 *
 * Use it wherever a read-only array fits: index it, iterate, destructure, spread, `JSON.stringify`.
 * Methods that create an array, such as `map` or `slice`, create a plain one. `instanceof Tuple`
 * tells a tuple from an array.
 *
 * @typeParam T Types of the elements, such as `[number, string]`.
 */
export type Tuple<T extends readonly unknown[] = readonly unknown[]> =
  & Readonly<T>
  & { readonly [Symbol.toStringTag]: "Tuple" };

/** The class of {@linkcode Tuple}: creates tuples, and works with `instanceof`. */
export interface TupleConstructor {
  /**
   * Creates a tuple of the given elements; `new Tuple(3)` holds a 3, unlike `new Array(3)`.
   *
   * @param items The elements.
   */
  new <T extends readonly unknown[]>(...items: T): Tuple<T>;

  /** What every tuple inherits. */
  readonly prototype: Tuple;

  /**
   * Creates a tuple of any number of elements of one type.
   *
   * @param items The elements, in order.
   * @returns A tuple of them.
   */
  from<T>(items: Iterable<T>): Tuple<readonly T[]>;

  /**
   * Creates a tuple of the given elements, as {@linkcode tuple} does.
   *
   * @param items The elements.
   * @returns A tuple of them.
   */
  of<T extends readonly unknown[]>(...items: T): Tuple<T>;
}

/** `Array` without its static side, whose `from` and `of` promise writable arrays. */
const ArrayBase: new () => unknown[] = Array;

class FrozenArray extends ArrayBase {
  static get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  static from(items: Iterable<unknown>): readonly unknown[] {
    const made = openTuple();
    for (const item of items) made.push(item);
    return Object.freeze(made);
  }

  static of(...items: readonly unknown[]): readonly unknown[] {
    return new FrozenArray(...items);
  }

  /** Accepts elements only: passed on to `Array`, a single number would be a length. */
  constructor(...items: readonly unknown[]) {
    super();
    for (const item of items) this.push(item);
    Object.freeze(this);
  }
}
Object.defineProperties(FrozenArray, { name: { value: "Tuple" } });
Object.defineProperties(FrozenArray.prototype, { [Symbol.toStringTag]: { value: "Tuple" } });

/**
 * The class of tuples.
 *
 * @example Telling a tuple from an array
 * ```ts
 * import { Tuple } from "@perspective/broker/jelly";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const pair = new Tuple("x", 1);
 * assert(pair instanceof Tuple);
 * assert(Array.isArray(pair));
 * assertEquals(Tuple.from(new Set([1, 2])).length, 2);
 * ```
 */
// The class does not know the types of individual elements.
export const Tuple: TupleConstructor = FrozenArray as unknown as TupleConstructor;

/**
 * Creates a tuple, which Python receives as a `tuple`.
 *
 * @example A pair
 * ```ts
 * import { tuple } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * const [name, age] = tuple("Ada", 36);
 * assertEquals(`${name}, ${age.toFixed()}`, "Ada, 36");
 * ```
 *
 * @param items The elements.
 * @returns A frozen tuple of them.
 */
export function tuple<T extends readonly unknown[]>(...items: T): Tuple<T> {
  // The class does not know the types of individual elements.
  return new FrozenArray(...items) as unknown as Tuple<T>;
}

/**
 * Creates a tuple that is still open, for a decoder that may find the tuple inside itself.
 *
 * The caller pushes the elements and then calls `Object.freeze`; no other code may see the tuple
 * before that.
 *
 * @returns An empty array of class {@linkcode Tuple}, not frozen.
 */
export function openTuple(): unknown[] {
  return Reflect.construct(Array, [], FrozenArray);
}

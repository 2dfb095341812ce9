/**
 * Remembers which objects were written, to recognize those that occur again.
 *
 * @module
 */

import type { Mark } from "./sink.ts";

/**
 * Up to this many objects are searched one by one. That takes half as long as with a set, which
 * must hash every object, and grow.
 */
const FEW = 128;

/** The objects of one value in the order in which they were written, and where each began. */
export class SeenObjects {
  /**
   * The first objects, from the end of an array that is kept from one value to the next: so a
   * search can start with the latest object, and nothing has to grow again.
   */
  readonly #few: (object | undefined)[] = new Array(FEW).fill(undefined);
  readonly #fewMarks: Mark[] = new Array(FEW).fill(0);
  #count = 0;
  /** All objects, once there are many, and the marks of those after the first few. */
  #many: Set<object> | undefined;
  #marks: Mark[] = [];
  /** The positions of the objects in that order, once one of many has occurred again. */
  #places: Map<object, number> | undefined;

  /**
   * Adds an object unless it is already there.
   *
   * @param object The object.
   * @param mark Where it begins.
   * @returns True if it is new, false if it occurred before.
   */
  add(object: object, mark: Mark): boolean {
    const place = FEW - this.#count;
    if (place <= 0) return this.#addToMany(object, mark);
    if (this.#few.includes(object, place)) return false;
    this.#few[place - 1] = object;
    this.#fewMarks[place - 1] = mark;
    this.#count++;
    return true;
  }

  #addToMany(object: object, mark: Mark): boolean {
    const many = this.#many ??= new Set(this.#few.toReversed() as object[]);
    // One look-up does both: an object that is already there does not make the set larger.
    if (many.add(object).size === this.#count) return false;
    this.#places?.set(object, this.#count);
    this.#marks.push(mark);
    this.#count++;
    return true;
  }

  /**
   * Returns whether an object occurred before.
   *
   * @param object The object.
   */
  has(object: object): boolean {
    return this.#many?.has(object) ?? this.#few.includes(object, FEW - this.#count);
  }

  /**
   * Returns where an object that occurred before began.
   *
   * @param object The object.
   * @returns Its mark.
   */
  markOf(object: object): Mark {
    const place = this.#placeOf(object);
    return place < FEW ? this.#fewMarks[FEW - 1 - place]! : this.#marks[place - FEW]!;
  }

  /** Forgets everything. */
  clear(): void {
    if (this.#count === 0) return;
    this.#few.fill(undefined, Math.max(0, FEW - this.#count));
    this.#count = 0;
    if (this.#many === undefined) return;
    this.#many = undefined;
    this.#marks = [];
    this.#places = undefined;
  }

  #placeOf(object: object): number {
    if (this.#many === undefined) return FEW - 1 - this.#few.indexOf(object);
    this.#places ??= new Map(Array.from(this.#many, (other, i) => [other, i]));
    return this.#places.get(object)!;
  }
}

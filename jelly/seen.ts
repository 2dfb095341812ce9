/**
 * Remembers which objects were written, to notice those that come again.
 *
 * @module
 */

import type { Mark } from "./sink.ts";

/** Room for so many marks is kept from one value to the next. */
const KEPT_MARKS = 4096;

/** The objects of one value in the order of writing, and where each began. */
export class SeenObjects {
  readonly #objects = new Set<object>();
  /** Where they began; a list that is kept, because it takes longer to grow one than to write. */
  #marks: Mark[] = [];
  #count = 0;
  /** The places of the objects in the order, once one has come again. */
  #places: Map<object, number> | undefined;

  /**
   * Notes an object, unless it is there already.
   *
   * @param object The object.
   * @param mark Where it begins.
   * @returns True if it is new, false if it came before.
   */
  add(object: object, mark: Mark): boolean {
    const count = this.#count;
    // One look into the set tells both: one that came before does not make it larger.
    if (this.#objects.add(object).size === count) return false;
    this.#places?.set(object, count);
    this.#marks[count] = mark;
    this.#count = count + 1;
    return true;
  }

  /**
   * Tells whether an object came before.
   *
   * @param object The object.
   */
  has(object: object): boolean {
    return this.#objects.has(object);
  }

  /**
   * Tells where an object that came before began.
   *
   * @param object The object.
   * @returns Its mark.
   */
  markOf(object: object): Mark {
    const places = this.#places ??= new Map(Array.from(this.#objects, (other, i) => [other, i]));
    return this.#marks[places.get(object)!]!;
  }

  /** Forgets everything. */
  clear(): void {
    if (this.#count === 0) return;
    if (this.#count > KEPT_MARKS) this.#marks = [];
    this.#count = 0;
    this.#objects.clear();
    this.#places = undefined;
  }
}

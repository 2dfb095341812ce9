/**
 * Remembers which objects were written, to notice those that come again.
 *
 * @module
 */

import type { Mark } from "./sink.ts";

/**
 * So many objects are looked through one by one: that takes half the time of a set, which gives every
 * object a hash, and grows.
 */
const FEW = 128;

/** The objects of one value in the order of writing, and where each began. */
export class SeenObjects {
  /** The first of them. */
  #few: object[] = [];
  /** All of them, once they are many. */
  #all: Set<object> | undefined;
  #marks: Mark[] = [];
  /** The places of the objects in the order, once one of many has come again. */
  #places: Map<object, number> | undefined;

  /**
   * Notes an object, unless it is there already.
   *
   * @param object The object.
   * @param mark Where it begins.
   * @returns True if it is new, false if it came before.
   */
  add(object: object, mark: Mark): boolean {
    const count = this.#marks.length;
    if (count < FEW) {
      if (this.#few.includes(object)) return false;
      this.#few.push(object);
    } else {
      const all = this.#all ??= new Set(this.#few);
      // One look into the set tells both: one that came before does not make it larger.
      if (all.add(object).size === count) return false;
      this.#places?.set(object, count);
    }
    this.#marks.push(mark);
    return true;
  }

  /**
   * Tells whether an object came before.
   *
   * @param object The object.
   */
  has(object: object): boolean {
    return this.#all === undefined ? this.#few.includes(object) : this.#all.has(object);
  }

  /**
   * Tells where an object that came before began.
   *
   * @param object The object.
   * @returns Its mark.
   */
  markOf(object: object): Mark {
    return this.#marks[this.#placeOf(object)]!;
  }

  /** Forgets everything. */
  clear(): void {
    if (this.#marks.length === 0) return;
    this.#few = [];
    this.#all = undefined;
    this.#marks = [];
    this.#places = undefined;
  }

  #placeOf(object: object): number {
    if (this.#all === undefined) return this.#few.indexOf(object);
    this.#places ??= new Map(Array.from(this.#all, (other, i) => [other, i]));
    return this.#places.get(object)!;
  }
}

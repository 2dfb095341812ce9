/**
 * Remembers which objects were written, to notice those that come again.
 *
 * @module
 */

/** Up to this many objects, looking at each is faster than a `Set`. */
const FEW = 8;

/** The objects of one value in the order of writing, and where each began. */
export class SeenObjects {
  #objects: object[] = [];
  #marks: number[] = [];
  /** All objects, once they are many. */
  #all: Set<object> | undefined;
  /** Their places in the order, once one has come again. */
  #places: Map<object, number> | undefined;

  /** How many objects there are. */
  get size(): number {
    return this.#objects.length;
  }

  /**
   * Notes an object, unless it is there already.
   *
   * @param object The object.
   * @param mark Where it begins.
   * @returns True if it is new, false if it came before.
   */
  add(object: object, mark: number): boolean {
    const objects = this.#objects;
    const size = objects.length;
    if (size < FEW) {
      for (let i = 0; i < size; i++) if (objects[i] === object) return false;
    } else {
      const all = this.#all ??= new Set(objects);
      all.add(object);
      if (all.size === size) return false;
      this.#places?.set(object, size);
    }
    objects.push(object);
    this.#marks.push(mark);
    return true;
  }

  /**
   * Tells whether an object came before.
   *
   * @param object The object.
   */
  has(object: object): boolean {
    return this.#all?.has(object) ?? this.#objects.includes(object);
  }

  /**
   * Tells where an object that came before began.
   *
   * @param object The object.
   * @returns Its mark.
   */
  markOf(object: object): number {
    const places = this.#places ??= new Map(this.#objects.map((other, i) => [other, i]));
    const place = places.get(object) ?? this.#objects.indexOf(object);
    return this.#marks[place]!;
  }

  /** Forgets everything. */
  clear(): void {
    if (this.#objects.length === 0) return;
    this.#objects = [];
    this.#marks = [];
    this.#all = undefined;
    this.#places = undefined;
  }
}

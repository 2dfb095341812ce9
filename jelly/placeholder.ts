/**
 * Stands for an object that was referred to and has not come
 * (`twisted.persisted.crefutil.NotKnown`).
 *
 * @module
 */

import { Tuple } from "./values/tuple.ts";

/** An object that is still to come; the program sees it only where a factory looks into its state. */
export class Placeholder {
  /** Number of the reference. */
  readonly id: number;
  /** The object, once it is there. */
  value: unknown;
  /** Whether it is there. */
  isResolved = false;

  /**
   * Creates a placeholder.
   *
   * @param id Number of the reference.
   */
  constructor(id: number) {
    this.id = id;
  }

  /**
   * Gives the object.
   *
   * @param value The object.
   */
  resolve(value: unknown): void {
    this.value = value;
    this.isResolved = true;
  }
}

/**
 * Replaces the resolved placeholders in a container by what they stand for.
 *
 * @param container An array, a tuple that is still open (it is frozen then), a set, a map, or an
 * object, whose own fields are looked at.
 */
export function patch(container: object): void {
  if (Array.isArray(container)) {
    for (let i = 0; i < container.length; i++) container[i] = resolved(container[i]);
    if (container instanceof Tuple) Object.freeze(container);
  } else if (container instanceof Map) {
    const pairs = [...container];
    container.clear();
    for (const [key, value] of pairs) container.set(resolved(key), resolved(value));
  } else if (container instanceof Set) {
    const items = [...container];
    container.clear();
    for (const item of items) container.add(resolved(item));
  } else {
    for (const [key, value] of Object.entries(container)) {
      if (value instanceof Placeholder) {
        Object.defineProperty(container, key, { value: value.value });
      }
    }
  }
}

function resolved(value: unknown): unknown {
  return value instanceof Placeholder ? value.value : value;
}

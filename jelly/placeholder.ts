/**
 * Stands for an object that was referred to before it arrived
 * (`twisted.persisted.crefutil.NotKnown`).
 *
 * @module
 */

/** An object that is still to come; a program sees one only if its factory inspects the state. */
export class Placeholder {
  /** The object, once it has arrived. */
  object: unknown;
  #waiting: ((object: unknown) => void)[] = [];

  /**
   * Calls a function with the object as soon as it arrives.
   *
   * @param take Receives the object.
   */
  whenResolved(take: (object: unknown) => void): void {
    this.#waiting.push(take);
  }

  /**
   * Supplies the object, and calls the functions that wait for it.
   *
   * @param object The object.
   */
  resolve(object: unknown): void {
    this.object = object;
    for (const take of this.#waiting) take(object);
    this.#waiting = [];
  }
}

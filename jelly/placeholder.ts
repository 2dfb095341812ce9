/**
 * Stands for an object that was referred to and has not come
 * (`twisted.persisted.crefutil.NotKnown`).
 *
 * @module
 */

/** An object that is still to come; the program sees it only where a factory looks into its state. */
export class Placeholder {
  /** The object, once it is there. */
  object: unknown;
  #waiting: ((object: unknown) => void)[] = [];

  /**
   * Calls a function with the object, as soon as it is there.
   *
   * @param take Takes the object.
   */
  whenResolved(take: (object: unknown) => void): void {
    this.#waiting.push(take);
  }

  /**
   * Gives the object.
   *
   * @param object The object.
   */
  resolve(object: unknown): void {
    this.object = object;
    for (const take of this.#waiting) take(object);
    this.#waiting = [];
  }
}

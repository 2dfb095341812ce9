/**
 * Methods that travel as values: Python's bound methods.
 *
 * @module
 */

/**
 * A method of an object, by name: what Python calls a bound method.
 *
 * Both peers must know the class of the object by name, and allow it.
 *
 * @example
 * ```ts
 * import { Method } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * const method = new Method([3, 1, 2], "join");
 * assertEquals(method.call("-"), "3-1-2");
 * ```
 */
export class Method {
  /** The object. */
  readonly self: object;
  /** Name of the method. */
  readonly name: string;

  /**
   * Creates a method value.
   *
   * @param self The object.
   * @param name Name of the method.
   */
  constructor(self: object, name: string) {
    this.self = self;
    this.name = name;
    Object.freeze(this);
  }

  /**
   * Calls the method.
   *
   * @param args Its arguments.
   * @returns What it returns.
   * @throws {TypeError} If the object has no such method.
   */
  call(...args: unknown[]): unknown {
    const method: unknown = Reflect.get(this.self, this.name);
    if (typeof method !== "function") {
      throw new TypeError(`Cannot call method "${this.name}": the object has none`);
    }
    return Reflect.apply(method, this.self, args);
  }
}

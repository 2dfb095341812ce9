/**
 * Numbers that stay floating point on the wire, whatever their value.
 *
 * @module
 */

/**
 * A number that is sent as a Python `float`, even if its value is an integer.
 *
 * A plain `1` is sent as an `int`, as most Python code expects; for a method that insists on a
 * `float`, send `new Float(1)`. Received floats are plain numbers. The object is frozen, and
 * arithmetic treats it as its number.
 *
 * @example An integral float
 * ```ts
 * import { Float } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * const price = new Float(3);
 * assertEquals(price.value, 3);
 * assertEquals(+price * 2, 6);
 * ```
 */
export class Float {
  /** The number itself. */
  readonly value: number;

  /**
   * Creates a float.
   *
   * @param value Any number, including NaN, the infinities and -0.
   * @throws {TypeError} If `value` is not a number.
   */
  constructor(value: number) {
    if (typeof value !== "number") {
      throw new TypeError(`Cannot make a Float of a ${typeof value}: it is not a number`);
    }
    this.value = value;
    Object.freeze(this);
  }

  /** Returns the number, for arithmetic and comparison. */
  valueOf(): number {
    return this.value;
  }

  /** Returns the number as JavaScript prints it. */
  toString(): string {
    return String(this.value);
  }

  /** Returns the number, so that JSON contains the float as a number. */
  toJSON(): number {
    return this.value;
  }
}

/**
 * Decimal numbers: Python's `decimal.Decimal`.
 *
 * @module
 */

/** Maximum number of digits: far above the 135 that fit on the wire, yet cheap to work with. */
const MAX_DIGITS = 4300;
/** Maximum exponent: low enough that its sum with the number of digits is a safe integer too. */
const MAX_EXPONENT = 999_999_999_999_999;
const MAX_COEFFICIENT = 10n ** BigInt(MAX_DIGITS);
const NUMERAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/**
 * A decimal number, exact to the last digit: a coefficient times a power of ten.
 *
 * The exponent is part of the value, as in Python: 1.50 is `150 × 10^-2` and stays 1.50. There is
 * no arithmetic, only what it takes to send, receive and show one. The object is frozen.
 *
 * Two features of Python's `Decimal` do not travel: NaN and the infinities cannot be sent at all,
 * and Twisted drops the sign of a negative zero.
 *
 * @example A price
 * ```ts
 * import { Decimal } from "@perspective/broker/jelly";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const price = Decimal.from("1.50");
 * assertEquals([price.coefficient, price.exponent], [150n, -2]);
 * assertEquals(`${price}`, "1.50");
 * assert(price.equals(new Decimal(15, -1)));
 * ```
 */
export class Decimal {
  /** The digits, as an integer with the sign. */
  readonly coefficient: bigint;
  /** The power of ten that the coefficient is multiplied by, within ±999999999999999. */
  readonly exponent: number;

  /**
   * Creates a decimal number.
   *
   * @param coefficient A bigint, or a number that is a safe integer; at most 4300 digits.
   * @param exponent An integer within ±999999999999999. Defaults to 0.
   * @throws {RangeError} If a number is not such an integer, or the coefficient has too many
   * digits.
   */
  constructor(coefficient: bigint | number, exponent = 0) {
    if (typeof coefficient === "number") {
      if (!Number.isSafeInteger(coefficient)) {
        throw new RangeError(
          `Cannot make a Decimal with coefficient "${coefficient}": it is not a safe integer`,
        );
      }
      coefficient = BigInt(coefficient);
    }
    if (coefficient >= MAX_COEFFICIENT || coefficient <= -MAX_COEFFICIENT) {
      throw new RangeError(
        `Cannot make a Decimal: its coefficient has more than ${MAX_DIGITS} digits`,
      );
    }
    if (!Number.isInteger(exponent) || Math.abs(exponent) > MAX_EXPONENT) {
      throw new RangeError(
        `Cannot make a Decimal with exponent "${exponent}": it is not an integer within ` +
          `±${MAX_EXPONENT}`,
      );
    }
    this.coefficient = coefficient;
    this.exponent = exponent + 0; // -0 becomes 0
    Object.freeze(this);
  }

  /**
   * Parses a numeral, such as `-78.901`, `.5` or `1E+5`, and keeps its digits as they are.
   *
   * @param text An optional sign, digits with at most one point, an optional exponent; no spaces.
   * @returns The number; `-0` becomes 0.
   * @throws {SyntaxError} If `text` is not a numeral; NaN and the infinities are not.
   * @throws {RangeError} If it has more than 4300 digits, or its exponent is beyond ±999999999999999.
   */
  static from(text: string): Decimal {
    const [, sign, whole = "", fraction = "", power = "0"] = NUMERAL.exec(text) ?? [];
    const digits = whole + fraction;
    if (digits === "") {
      throw new SyntaxError(`Cannot read a Decimal "${clip(text)}": not a finite decimal numeral`);
    }
    if (digits.length > MAX_DIGITS && digits.replace(/^0+/, "").length > MAX_DIGITS) {
      throw new RangeError(
        `Cannot read a Decimal "${clip(text)}": it has more than ${MAX_DIGITS} digits`,
      );
    }
    const coefficient = BigInt(digits);
    return new Decimal(sign === "-" ? -coefficient : coefficient, Number(power) - fraction.length);
  }

  /**
   * Formats the number as Python's `str` does, digit for digit.
   *
   * @returns A numeral that {@linkcode Decimal.from} reads back, with an exponent where the plain
   * form would need more zeros than Python writes.
   */
  toString(): string {
    const sign = this.coefficient < 0n ? "-" : "";
    const digits = this.#digits();
    const point = digits.length + this.exponent;
    if (this.exponent > 0 || point <= -6) {
      const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
      const power = point - 1;
      return `${sign}${digits[0]}${fraction}E${power < 0 ? "" : "+"}${power}`;
    }
    if (this.exponent === 0) return sign + digits;
    if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
    return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  }

  /**
   * Returns the nearest JavaScript number, which may be an infinity or 0.
   *
   * @returns The number, rounded like a literal in a program.
   */
  toNumber(): number {
    return Number(this.toString());
  }

  /** Returns the text of {@linkcode Decimal.toString}, so that JSON loses no digits. */
  toJSON(): string {
    return this.toString();
  }

  /**
   * Returns whether two decimals are the same number, however they are written: 1.50 equals 1.5.
   *
   * @param other The decimal to compare with.
   */
  equals(other: Decimal): boolean {
    if (this.coefficient === 0n || other.coefficient === 0n) {
      return this.coefficient === other.coefficient;
    }
    // Compare the magnitudes first, so that the power of ten below is no larger than a coefficient.
    if (this.#digits().length + this.exponent !== other.#digits().length + other.exponent) {
      return false;
    }
    const [fine, coarse] = this.exponent < other.exponent ? [this, other] : [other, this];
    return fine.coefficient === coarse.coefficient * 10n ** BigInt(coarse.exponent - fine.exponent);
  }

  /** Returns the digits of the coefficient without its sign. */
  #digits(): string {
    return String(this.coefficient < 0n ? -this.coefficient : this.coefficient);
  }
}

function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

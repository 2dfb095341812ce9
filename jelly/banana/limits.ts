/**
 * How large an expression may be.
 *
 * @module
 */

/**
 * Limits on one expression, for reading and for writing.
 *
 * The first three are Twisted's own (`twisted/spread/banana.py`); the others bound what Twisted
 * leaves unbounded.
 */
export interface BananaLimits {
  /** Maximum number of bytes in a string. Defaults to 655,360 (640 KiB). */
  readonly maxStringBytes: number;
  /** Maximum number of items in a list. Defaults to 655,360. */
  readonly maxListItems: number;
  /** Maximum number of bytes in a prefix, and of 7-bit digits in an integer. Defaults to 64. */
  readonly maxPrefixBytes: number;
  /** Maximum depth of nested lists. Twisted itself stops near 980. Defaults to 1,024. */
  readonly maxDepth: number;
  /** Maximum number of bytes in a whole expression. Defaults to 67,108,864 (64 MiB). */
  readonly maxMessageBytes: number;
  /**
   * Maximum number of elements (atoms and lists) in a whole expression. Byte strings, sets, objects
   * and other values that take more memory once received may number an eighth of this. Defaults to
   * 16,777,216.
   */
  readonly maxElements: number;
}

/** The limits that apply unless others are given. */
export const DEFAULT_LIMITS: BananaLimits = Object.freeze({
  maxStringBytes: 640 * 1024,
  maxListItems: 640 * 1024,
  maxPrefixBytes: 64,
  maxDepth: 1024,
  maxMessageBytes: 64 * 1024 * 1024,
  maxElements: 16 * 1024 * 1024,
});

/** Nothing may be nested deeper than this, whatever the options say: the call stack is finite. */
const DEEPEST = 1536;

/**
 * Fills in the limits that are not given, and checks those that are.
 *
 * @example
 * ```ts
 * import { bananaLimits } from "@perspective/broker/jelly/banana";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(bananaLimits({ maxDepth: 20 }).maxDepth, 20);
 * assertEquals(bananaLimits().maxPrefixBytes, 64);
 * ```
 *
 * @param limits The limits to change; the others keep their defaults.
 * @returns All limits, frozen.
 * @throws {RangeError} If a limit is not a positive integer, or `maxDepth` is above 1,536.
 */
export function bananaLimits(limits: Partial<BananaLimits> = {}): BananaLimits {
  const all: { -readonly [Name in keyof BananaLimits]: number } = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(DEFAULT_LIMITS) as (keyof BananaLimits)[]) {
    const value = limits[name] ?? all[name];
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`Cannot set ${name} to "${value}": it must be a positive integer`);
    }
    if (name === "maxDepth" && value > DEEPEST) {
      throw new RangeError(`Cannot set maxDepth to "${value}": the maximum is ${DEEPEST}`);
    }
    all[name] = value;
  }
  return Object.freeze(all);
}

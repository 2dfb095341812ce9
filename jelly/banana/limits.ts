/**
 * How large an expression may be.
 *
 * @module
 */

/**
 * Limits on one expression, for reading and for writing.
 *
 * The first three are Twisted's own (`twisted/spread/banana.py`); the rest
 * bounds what Twisted leaves open.
 */
export interface BananaLimits {
  /** Most bytes in one string; 655,360 (640 KiB) unless given. */
  readonly maxStringBytes: number;
  /** Most items in one list; 655,360 unless given. */
  readonly maxListItems: number;
  /** Most bytes of one prefix, so 7 bits times this in an integer; 64 unless given. */
  readonly maxPrefixBytes: number;
  /** Most lists inside each other; 1,024 unless given. Twisted itself stops near 980. */
  readonly maxDepth: number;
  /** Most bytes of one whole expression; 67,108,864 (64 MiB) unless given. */
  readonly maxMessageBytes: number;
  /**
   * Most elements (atoms and lists) in one whole expression; 16,777,216 unless given. Of what takes
   * more memory when it is received, as byte strings, sets and objects do, an eighth of it.
   */
  readonly maxElements: number;
}

/** The limits that hold where none are given. */
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
      throw new RangeError(`Cannot set maxDepth to "${value}": the most is ${DEEPEST}`);
    }
    all[name] = value;
  }
  return Object.freeze(all);
}

/**
 * How long to wait before trying again.
 *
 * @module
 */

/** Returns the milliseconds to wait, given the number of failures in a row, which is at least 1. */
export type Backoff = (failures: number) => number;

/** Options for {@linkcode backoff}. */
export interface BackoffOptions {
  /** Milliseconds to wait after the first failure. Defaults to 1,000. */
  initial?: number;
  /** Factor by which each further failure makes the wait longer. Defaults to 2. */
  factor?: number;
  /** Maximum number of milliseconds to wait, at least `initial`. Defaults to 60,000. */
  max?: number;
  /**
   * Fraction of each wait that is random, so that many clients do not come back all at once.
   * Defaults to 0.5.
   */
  jitter?: number;
  /** Returns a number of at least 0 and less than 1. Defaults to `Math.random`. */
  random?: () => number;
}

/**
 * Creates a function that computes waits: they grow with each failure, and vary at random.
 *
 * @example
 * ```ts
 * import { backoff } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * const wait = backoff({ initial: 100, max: 1000, random: () => 0.5 });
 * assertEquals([1, 2, 3, 4, 5].map(wait), [75, 150, 300, 600, 750]);
 * ```
 *
 * @param options How long, and how random.
 * @returns The function.
 * @throws {RangeError} If an option is out of range.
 */
export function backoff(options: BackoffOptions = {}): Backoff {
  const { initial = 1000, factor = 2, max = 60_000, jitter = 0.5, random = Math.random } = options;
  check("initial", initial, initial > 0, "above 0");
  check("factor", factor, factor >= 1, "of at least 1");
  check("max", max, max >= initial, `of at least ${initial} (initial)`);
  check("jitter", jitter, jitter >= 0 && jitter <= 1, "from 0 to 1");
  return (failures) => {
    const wait = Math.min(max, initial * factor ** (failures - 1));
    return Math.round(wait * (1 - jitter * random()));
  };
}

function check(name: string, value: number, isInRange: boolean, range: string): void {
  if (isInRange && Number.isFinite(value)) return;
  throw new RangeError(`Cannot set ${name} to "${value}": it is not a finite number ${range}`);
}

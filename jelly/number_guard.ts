/**
 * Sets and dictionaries whose numbers, as such or as texts, were chosen to make them slow.
 *
 * @module
 */

import { JellyError } from "./errors.ts";
import { maybeIndex } from "./state.ts";

/** A set or dictionary with fewer items is not looked after: no choice of them takes long. */
const GUARDED_ITEMS = 256;
/** After so many numbers their places are looked at again. */
const INTERVAL = 256;
/** How many of them, chosen by chance. */
const SAMPLE = 32;
/** The shortest of so many looks counts: something else may come between one. */
const LOOKS = 8;
/** Milliseconds for a look that are never too many: 1.5 microseconds for a number. */
const NEVER_SLOW = 0.05;
/** So many times as long as in a table of plain numbers is too long. */
const SLOW = 100;

/** A table in which a number can be looked up. */
type Table = Pick<ReadonlySet<unknown>, "has">;

/**
 * Looks after a `Set` or `Map` that a peer fills.
 *
 * The runtime hashes numbers, and texts of digits, in a way that everybody knows, so that a peer could
 * choose many that fall into the same place, where each has to be compared with all others: 40,000 of
 * them take seconds. How it hashes other texts is a secret of each process, and objects have a hash by
 * chance. So it is numbers that are looked up again now and then, a few by chance; and when that takes
 * far longer than it does in a table of plain numbers, the value is refused.
 */
export class NumberGuard {
  readonly #table: Table;
  readonly #sample: unknown[] = [];
  #count = 0;

  /**
   * Begins to look after a table.
   *
   * @param table The table, which is empty.
   */
  constructor(table: Table) {
    this.#table = table;
  }

  /**
   * Learns what was added to the table.
   *
   * @param key The key.
   * @throws {JellyError} If it is a number, or a text of one, and those in the table take too long to be
   * found.
   */
  added(key: unknown): void {
    if (!isNumber(key)) return;
    const count = ++this.#count;
    const place = count <= SAMPLE ? count - 1 : Math.floor(Math.random() * count);
    if (place < SAMPLE) this.#sample[place] = key;
    if (count % INTERVAL === 0 && isSlow(this.#table, this.#sample)) {
      throw new JellyError(
        "Cannot read set or dictionary: its numbers were chosen so that it takes long",
      );
    }
  }
}

/**
 * Begins to look after a table, if it will be large.
 *
 * @param table The table, which is empty.
 * @param items How many items it will have.
 * @returns What is to learn of each key, if anything is.
 */
export function guardOf(table: Table, items: number): NumberGuard | undefined {
  return items < GUARDED_ITEMS ? undefined : new NumberGuard(table);
}

/**
 * Checks what is to be put into a set at once.
 *
 * @param items The items.
 * @throws {JellyError} If there are numbers among them that take too long to be found in it.
 */
export function checkNumbers(items: readonly unknown[]): void {
  const table = new Set<unknown>();
  const guard = guardOf(table, items.length);
  if (guard === undefined) return;
  for (const item of items) {
    table.add(item);
    guard.added(item);
  }
}

/** Tells whether a key is a number, or may be a text that the runtime hashes as one. */
function isNumber(key: unknown): boolean {
  const type = typeof key;
  return type === "number" || type === "bigint" || (type === "string" && maybeIndex(key as string));
}

/** Tells whether keys take far longer to be found than in a table of plain numbers. */
function isSlow(table: Table, keys: readonly unknown[]): boolean {
  const time = shortestLook(table, keys, NEVER_SLOW);
  if (time <= NEVER_SLOW) return false;
  const plain = Array.from({ length: SAMPLE }, (_, i) => i * INTERVAL);
  return time > SLOW * shortestLook(new Set(plain), plain, 0);
}

/** How long it takes to look keys up, in milliseconds: the first time that is short enough, or the shortest. */
function shortestLook(table: Table, keys: readonly unknown[], enough: number): number {
  let shortest = Infinity;
  for (let left = LOOKS; left > 0 && shortest > enough; left--) {
    const start = performance.now();
    // All are there. A compiler that sees that nobody asks leaves the looking up out.
    if (keys.every((key) => table.has(key))) {
      shortest = Math.min(shortest, performance.now() - start);
    }
  }
  return shortest;
}

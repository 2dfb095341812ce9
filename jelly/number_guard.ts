/**
 * Detects sets and dictionaries whose numbers, or strings of digits, were chosen to make them slow.
 *
 * @module
 */

import { JellyError } from "./errors.ts";
import { maybeIndex } from "./state.ts";

/** A set or dictionary with fewer items than this is not guarded: no choice of them is slow. */
const GUARDED_ITEMS = 256;
/** How many numbers are added between checks of how long look-ups take. */
const INTERVAL = 256;
/** How many of the numbers, chosen at random, are looked up in a check. */
const SAMPLE = 32;
/** Maximum number of tries in a check: the fastest counts, since others may be interrupted. */
const LOOKS = 8;
/** A try that takes at most this many milliseconds is never slow: 1.5 microseconds per number. */
const NEVER_SLOW = 0.05;
/** Look-ups are slow if they take this many times as long as in a table of plain numbers. */
const SLOW = 100;
/** Maximum number of milliseconds lost to collisions in one message: some occur by accident. */
const MOST_LOST = 20;

/** A table in which a number can be looked up. */
type Table = Pick<ReadonlySet<unknown>, "has">;

/**
 * Guards the `Set`s and `Map`s of a message, which a peer fills.
 *
 * How the runtime hashes numbers, and strings of digits, is public knowledge, so a peer could
 * choose many that fall into the same place, where each must be compared with all the others:
 * 40,000 of them take seconds. How it hashes other strings depends on a secret of each process, and
 * objects have random hashes. So from time to time a few numbers, chosen at random, are looked up
 * again; if that takes far longer than in a table of plain numbers, it counts as time lost. A few
 * thousand may collide by accident, such as strings of multiples of 4096, so the value is refused
 * only if much time is lost.
 */
export class NumberGuards {
  /** Milliseconds lost so far. */
  #lost = 0;

  /**
   * Begins to guard a table if it will be large.
   *
   * @param table The table, still empty.
   * @param items How many items it will have.
   * @returns The guard, to be told of each key, or undefined.
   */
  guardOf(table: Table, items: number): NumberGuard | undefined {
    return items < GUARDED_ITEMS ? undefined : new NumberGuard(table, (time) => this.#lose(time));
  }

  /**
   * Checks items that will be put into a set all at once.
   *
   * @param items The items.
   * @throws {JellyError} If looking up the numbers among them takes too long.
   */
  check(items: readonly unknown[]): void {
    const table = new Set<unknown>();
    const guard = this.guardOf(table, items.length);
    if (guard === undefined) return;
    for (const item of items) {
      table.add(item);
      guard.added(item);
    }
  }

  /** Starts over for the next message. */
  reset(): void {
    this.#lost = 0;
  }

  #lose(time: number): void {
    this.#lost += time;
    if (this.#lost <= MOST_LOST) return;
    throw new JellyError(
      "Cannot read set or dictionary: its numbers were chosen to make look-ups slow",
    );
  }
}

/** Guards one table. */
export class NumberGuard {
  readonly #table: Table;
  readonly #lose: (time: number) => void;
  readonly #sample: unknown[] = [];
  #count = 0;

  /**
   * Begins to guard a table.
   *
   * @param table The table, still empty.
   * @param lose Called with the milliseconds that were lost.
   */
  constructor(table: Table, lose: (time: number) => void) {
    this.#table = table;
    this.#lose = lose;
  }

  /**
   * Notes what was added to the table.
   *
   * @param key The key.
   * @throws {JellyError} If the key is a number, or a string of one, and looking up such keys in
   * the tables of the message has taken too long in all.
   */
  added(key: unknown): void {
    if (!isNumber(key)) return;
    const count = ++this.#count;
    const place = count <= SAMPLE ? count - 1 : Math.floor(Math.random() * count);
    if (place < SAMPLE) this.#sample[place] = key;
    if (count % INTERVAL !== 0) return;
    const time = slowness(this.#table, this.#sample);
    if (time !== 0) this.#lose(time * INTERVAL / SAMPLE);
  }
}

/** Returns whether a key is a number, or may be a string that the runtime hashes as one. */
function isNumber(key: unknown): boolean {
  const type = typeof key;
  return type === "number" || type === "bigint" || (type === "string" && maybeIndex(key as string));
}

/**
 * Returns how many milliseconds it takes to look up keys, if that is far longer than in a table of
 * plain numbers; otherwise 0.
 */
function slowness(table: Table, keys: readonly unknown[]): number {
  const time = shortestLook(table, keys, NEVER_SLOW);
  if (time <= NEVER_SLOW) return 0;
  const plain = Array.from({ length: SAMPLE }, (_, i) => i * INTERVAL);
  return time > SLOW * shortestLook(new Set(plain), plain, 0) ? time : 0;
}

/**
 * Looks up keys, several times if need be, and returns the milliseconds that it took: in the first
 * try that was short enough, or in the shortest.
 */
function shortestLook(table: Table, keys: readonly unknown[], enough: number): number {
  let shortest = Infinity;
  for (let left = LOOKS; left > 0 && shortest > enough; left--) {
    const start = performance.now();
    // All are there. If the result were not used, the compiler would leave out the look-ups.
    if (keys.every((key) => table.has(key))) {
      shortest = Math.min(shortest, performance.now() - start);
    }
  }
  return shortest;
}

/**
 * A limiter that makes password guessers wait longer and longer.
 *
 * @module
 */

import { saslprep } from "./_saslprep.ts";
import { LoginDenied } from "./errors.ts";
import type { LoginFacts, LoginLimiter } from "./login_limiter.ts";
import { Turns } from "./turns.ts";

/** Number of failed logins that cost no wait, by what they have in common. */
export interface LoginAllowances {
  /** Failures of one user from one address. Defaults to 5. */
  pair?: number;

  /** Failures from one address, for any user. Defaults to 50. */
  address?: number;

  /**
   * Failures of one user, from anywhere. This stops guessers who have many addresses, but also lets
   * them keep the user out; `Infinity` turns it off. Defaults to 200.
   */
  user?: number;
}

/** Options for {@linkcode LoginThrottle}. */
export interface LoginThrottleOptions {
  /** Numbers of free failures. */
  allowances?: LoginAllowances;

  /**
   * Milliseconds to wait once the free failures are used up; each further failure doubles the wait.
   * Defaults to 1000.
   */
  firstDelay?: number;

  /** Maximum number of milliseconds to wait. Defaults to 15 minutes. */
  maxDelay?: number;

  /** Milliseconds in which a used-up allowance refills, at an even rate. Defaults to an hour. */
  window?: number;

  /** Maximum number of users, of addresses, and of pairs to remember. Defaults to 10,000 each. */
  maxEntries?: number;

  /** Returns the time in milliseconds since any fixed moment. Defaults to `performance.now`. */
  clock?: () => number;
}

/** The failures that have something in common. */
interface Entry {
  /** Number of failures, less those that have expired. */
  failures: number;
  /** The time for which `failures` was computed. */
  since: number;
  /** The time from which the next attempt may be made. */
  open: number;
  /** The name as all of them spelled it; undefined if they differed. */
  spelling: string | undefined;
}

/** Maximum number of attempts that wait for others with the same user, address, or both. */
const MAX_WAITING = 1000;
/**
 * Maximum length in characters of a name that is remembered in full; for a longer one, only its
 * beginning and its length are kept.
 */
const MAX_NAME = 64;

/**
 * Makes password guessers wait: per user and address, per address, and per user.
 *
 * Some failures per hour are free. After them, only one attempt is allowed at a time, and each that
 * fails doubles the wait before the next one. Simultaneous attempts wait for each other if together
 * they could use up more than the free failures. Logging in clears what was counted against the
 * user, both from that address and in total, but not what was counted against the address:
 * otherwise somebody with an account could clear it between two guesses. An IPv6 address counts as
 * its network (the first 64 bits).
 *
 * Everything is kept in memory, which is limited: if there are too many entries, those whose last
 * failure is oldest are forgotten.
 *
 * @example
 * ```ts
 * import { LoginDenied, LoginThrottle } from "@perspective/broker/cred";
 * import { assertThrows } from "@std/assert";
 *
 * let now = 0;
 * const throttle = new LoginThrottle({ allowances: { pair: 2 }, clock: () => now });
 * const facts = { address: "192.0.2.1", username: "alice" };
 * throttle.failed(facts);
 * throttle.check(facts);
 * throttle.failed(facts);
 * assertThrows(() => throttle.check(facts), LoginDenied);
 * now += 1000;
 * throttle.check(facts);
 * ```
 */
export class LoginThrottle implements LoginLimiter {
  readonly #pairs: Table;
  readonly #addresses: Table;
  readonly #users: Table;

  /**
   * Creates a throttle without any entries.
   *
   * @param options How many failures are free, how long to wait, and how much to remember.
   * @throws {RangeError} If a number is not positive.
   */
  constructor(options: LoginThrottleOptions = {}) {
    const { allowances: { pair = 5, address = 50, user = 200 } = {}, ...rest } = options;
    const { firstDelay = 1000, maxDelay = 15 * 60_000, window = 60 * 60_000 } = rest;
    const { maxEntries = 10_000, clock = () => performance.now() } = rest;
    const numbers = { pair, address, user, firstDelay, maxDelay, window, maxEntries };
    for (const [name, value] of Object.entries(numbers)) {
      if (!(value > 0)) throw new RangeError(`Cannot use ${name} "${value}": not positive`);
    }
    const common = { firstDelay, maxDelay, window, maxEntries, clock };
    this.#pairs = new Table({ allowance: pair, ...common });
    this.#addresses = new Table({ allowance: address, ...common });
    this.#users = new Table({ allowance: user, ...common });
  }

  /** Total number of users, addresses, and pairs of both that are remembered. */
  get size(): number {
    return this.#pairs.size + this.#addresses.size + this.#users.size;
  }

  /**
   * Waits while there are so many attempts under way that one more failure would not be free if all
   * of them failed.
   *
   * @param facts What is known about the attempt.
   * @param signal Ends the waiting.
   * @returns A function to call when the attempt has ended.
   * @throws {LoginDenied} If too many already wait.
   * @throws {unknown} The signal's reason, if it ends the waiting.
   */
  async enter(facts: LoginFacts, signal?: AbortSignal): Promise<() => void> {
    const entered: (() => void)[] = [];
    const leave = () => entered.forEach((leave) => leave());
    try {
      // All attempts take these in the same order, so that no two wait for each other.
      for (const [table, key] of this.#entries(facts)) entered.push(await table.enter(key, signal));
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }

  /**
   * Allows an attempt, unless its user or its address has to wait.
   *
   * @param facts What is known about it.
   * @throws {LoginDenied} If it comes too early; `retryAfter` says by how much.
   */
  check(facts: LoginFacts): void {
    const all = this.#entries(facts);
    const wait = Math.max(0, ...all.map(([table, key]) => table.wait(key)));
    if (wait > 0) {
      throw new LoginDenied("Cannot log in: too many failed attempts", { retryAfter: wait });
    }
    for (const [table, key] of all) table.take(key);
  }

  /**
   * Counts a failure against the user and the address.
   *
   * @param facts What was known about the attempt.
   */
  failed(facts: LoginFacts): void {
    for (const [table, key] of this.#entries(facts)) table.count(key, facts.username);
  }

  /**
   * Clears what was counted against the user.
   *
   * @param facts What was known about the attempt.
   */
  succeeded(facts: LoginFacts): void {
    for (const [table, key] of this.#entries(facts)) {
      if (table !== this.#addresses) table.clear(key, facts.username);
    }
  }

  #entries({ address, username: spelling }: LoginFacts): [Table, string][] {
    const username = spelling === undefined ? undefined : oneSpelling(spelling);
    const network = address === undefined ? undefined : networkOf(address);
    const name = username === undefined ? undefined : shortened(username);
    const entries: [Table, string][] = [];
    // The pair comes first: attempts that wait for it must not hold up those of other users.
    if (name !== undefined) entries.push([this.#pairs, `${network ?? ""} ${name}`]);
    if (network !== undefined) entries.push([this.#addresses, network]);
    if (name !== undefined) entries.push([this.#users, name]);
    return entries;
  }
}

/** Settings of a table. */
interface TableOptions extends Required<Omit<LoginThrottleOptions, "allowances">> {
  readonly allowance: number;
}

/** Returns the same string for all spellings that a checker may take for the same user. */
function oneSpelling(username: string): string {
  return (saslprep(username) ?? username).toLowerCase();
}

/** Failures by key, in the order in which they were last counted. */
class Table {
  readonly #entries = new Map<string, Entry>();
  /** The attempts that are under way or waiting. */
  readonly #turns = new Map<string, Turns>();
  readonly #options: TableOptions;

  constructor(options: TableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Waits until an attempt may begin; one that has to be denied may begin at once. Returns a
   * function that ends it.
   */
  async enter(key: string, signal: AbortSignal | undefined): Promise<() => void> {
    const { allowance, clock } = this.#options;
    let turns = this.#turns.get(key);
    if (turns === undefined) this.#turns.set(key, turns = new Turns());
    if (turns.waiting >= MAX_WAITING) {
      throw new LoginDenied("Cannot log in: too many attempts at once");
    }
    const mayBegin = (underWay: number) => {
      const now = clock();
      const { failures, open } = this.#refreshed(key, now) ?? { failures: 0, open: now };
      return open > now || failures + underWay <= allowance - 1;
    };
    const forgetIdle = () => {
      // By now there may be new turns for the same key, whose attempts wait only for each other.
      if (turns.isIdle && this.#turns.get(key) === turns) this.#turns.delete(key);
    };
    try {
      await turns.enter(mayBegin, signal);
    } catch (error) {
      forgetIdle();
      throw error;
    }
    return () => {
      turns.leave();
      forgetIdle();
    };
  }

  /** Milliseconds until an attempt may be made; 0 if now. */
  wait(key: string): number {
    const now = this.#options.clock();
    return Math.max(0, (this.#refreshed(key, now)?.open ?? now) - now);
  }

  /** If no more failures are free, makes other attempts wait while one is made. */
  take(key: string): void {
    const now = this.#options.clock();
    const entry = this.#refreshed(key, now);
    if (entry !== undefined) this.#close(entry, now);
  }

  /** Counts a failure. */
  count(key: string, spelling: string | undefined): void {
    const { allowance, clock, maxEntries } = this.#options;
    if (allowance === Infinity) return;
    const now = clock();
    const entry = this.#refreshed(key, now) ?? { failures: 0, since: now, open: now, spelling };
    if (entry.spelling !== spelling) entry.spelling = undefined;
    entry.failures++;
    this.#close(entry, now);
    // Counted last, forgotten last.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= maxEntries) break;
      this.#entries.delete(oldest);
    }
  }

  clear(key: string, spelling: string | undefined): void {
    // If the checker distinguishes cases, another spelling is another user.
    if (this.#entries.get(key)?.spelling === spelling) this.#entries.delete(key);
  }

  /** Returns an entry, reduced by what has expired; one with nothing left is forgotten. */
  #refreshed(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const { allowance, window } = this.#options;
    entry.failures -= (now - entry.since) / window * allowance;
    entry.since = now;
    if (entry.failures > 0 || entry.open > now) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  #close(entry: Entry, now: number): void {
    const { allowance, firstDelay, maxDelay } = this.#options;
    const excess = entry.failures - allowance;
    // From here on, no whole failure is free any more.
    if (excess > -1) entry.open = now + Math.min(maxDelay, firstDelay * 2 ** excess);
  }
}

function shortened(name: string): string {
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME)} ${name.length}`;
}

/** An IPv4 address at the end of an IPv6 address. */
const DOTTED = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/;

/**
 * Returns the network of an IPv6 address, and an IPv4 address as it is, even if it was written as
 * an IPv6 address.
 */
function networkOf(address: string): string {
  const short = shortened(address);
  if (!short.includes(":")) return short;
  const plain = short.toLowerCase().replace(DOTTED, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [left = [], right = []] = plain.split("::").map((half) =>
    half.split(":").filter((group) => group !== "").map((group) => group.replace(/^0+(?=.)/, ""))
  );
  const zeros = Array(Math.max(0, 8 - left.length - right.length)).fill("0");
  const groups: string[] = [...left, ...zeros, ...right];
  if (groups.slice(0, 6).join(":") !== "0:0:0:0:0:ffff") return groups.slice(0, 4).join(":");
  return groups.slice(6).flatMap((group) => {
    const number = parseInt(group, 16);
    return [number >> 8, number & 255];
  }).join(".");
}

/**
 * A bound on expensive work that anybody may ask for.
 *
 * @module
 */

import { LoginDenied } from "./errors.ts";

/** Does a few jobs at a time; the others wait in line, and not too many of them. */
export class Gate {
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /** Creates a gate for so many jobs at a time, and so many more in line. */
  constructor(atOnce: number, maxWaiting: number) {
    for (const number of [atOnce, maxWaiting]) {
      if (Number.isInteger(number) && number >= 0) continue;
      throw new RangeError(`Cannot limit logins to "${number}": not a whole number`);
    }
    if (atOnce < 1) throw new RangeError('Cannot limit logins to "0": nobody could log in');
    this.#free = atOnce;
    this.#maxWaiting = maxWaiting;
  }

  /** Does a job when its turn comes, or refuses it at once. */
  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#turn();
    try {
      return await job();
    } finally {
      // The place goes to the next in line, without being free in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new LoginDenied("Cannot log in: too many logins at once");
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

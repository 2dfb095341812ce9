/**
 * A limit on expensive work that anyone can trigger.
 *
 * @module
 */

import { LoginDenied } from "./errors.ts";

/** A job in line. */
interface Waiting {
  readonly isWanted: () => boolean;
  readonly begin: () => void;
  readonly refuse: (reason: LoginDenied) => void;
}

/** Runs a few jobs at a time; a limited number of others wait in line. */
export class Gate {
  readonly #maxWaiting: number;
  #waiting: Waiting[] = [];
  #free: number;

  /** Creates a gate for `atOnce` jobs at a time, and `maxWaiting` more in line. */
  constructor(atOnce: number, maxWaiting: number) {
    for (const number of [atOnce, maxWaiting]) {
      if (Number.isInteger(number) && number >= 0) continue;
      throw new RangeError(`Cannot limit logins to "${number}": not a whole number`);
    }
    if (atOnce < 1) throw new RangeError('Cannot limit logins to "0": nobody could log in');
    this.#free = atOnce;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Runs a job when its turn comes; refuses it at once if too many wait.
   *
   * @param job The job.
   * @param isWanted Returns whether a waiting job is still wanted. By default, it always is.
   * @returns What the job resolves to.
   * @throws {LoginDenied} If too many wait, or the job is no longer wanted.
   */
  async run<T>(job: () => Promise<T>, isWanted: () => boolean = () => true): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#turn(isWanted);
    try {
      return await job();
    } finally {
      this.#dropUnwanted();
      // The place goes to the next in line, without being free in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next.begin();
    }
  }

  #turn(isWanted: () => boolean): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) this.#dropUnwanted();
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new LoginDenied("Cannot log in: too many logins at once");
    }
    return new Promise((begin, refuse) => this.#waiting.push({ isWanted, begin, refuse }));
  }

  /** Refuses the jobs in line that are no longer wanted. */
  #dropUnwanted(): void {
    this.#waiting = this.#waiting.filter(({ isWanted, refuse }) => {
      if (isWanted()) return true;
      refuse(new LoginDenied("Cannot log in: nobody is waiting for it any more"));
      return false;
    });
  }
}

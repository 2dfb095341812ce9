/**
 * A bound on expensive work that anybody may ask for.
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

/** Does a few jobs at a time; the others wait in line, and not too many of them. */
export class Gate {
  readonly #maxWaiting: number;
  #waiting: Waiting[] = [];
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

  /**
   * Does a job when its turn comes, or refuses it at once.
   *
   * @param job The job.
   * @param isWanted Tells whether it is still to be done, while it waits; it is unless given.
   * @returns What the job gives.
   * @throws {LoginDenied} If too many wait, or it is not to be done any more.
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

  /** Takes those out of the line for whom nobody waits. */
  #dropUnwanted(): void {
    this.#waiting = this.#waiting.filter(({ isWanted, refuse }) => {
      if (isWanted()) return true;
      refuse(new LoginDenied("Cannot log in: nobody waits for it any more"));
      return false;
    });
  }
}

/**
 * Attempts that have to wait for each other.
 *
 * @module
 */

/** An attempt that waits for its turn. */
interface Waiting {
  readonly mayBegin: (underWay: number) => boolean;
  readonly begin: () => void;
}

/**
 * Makes attempts wait while too many others, whose outcomes are still open, are under way; they begin
 * in the order in which they arrived.
 */
export class Turns {
  readonly #waiting = new Set<Waiting>();
  #underWay = 0;
  #wanted = 0;

  /** Whether no attempt is under way or waiting. */
  get isIdle(): boolean {
    return this.#wanted === 0;
  }

  /** Number of attempts that are waiting. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Waits until an attempt may begin; then it is under way, until {@linkcode Turns.leave}.
   *
   * @param mayBegin Returns whether one more may begin, given the number that are under way; not
   * asked if there are none.
   * @param signal Aborts the waiting.
   * @throws {unknown} The signal's reason, if it aborts first; then the attempt is not under way.
   */
  async enter(mayBegin: (underWay: number) => boolean, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#wanted++;
    const { promise, resolve } = Promise.withResolvers<void>();
    const goOn = () => resolve();
    const attempt: Waiting = { mayBegin, begin: goOn };
    this.#waiting.add(attempt);
    this.#next();
    if (!this.#waiting.has(attempt)) return;
    signal?.addEventListener("abort", goOn);
    await promise;
    signal?.removeEventListener("abort", goOn);
    if (!signal?.aborted) return;
    // It may have got its turn meanwhile, which goes to the next.
    if (!this.#waiting.delete(attempt)) this.#underWay--;
    this.#wanted--;
    this.#next();
    throw signal.reason;
  }

  /** Ends an attempt. */
  leave(): void {
    this.#wanted--;
    this.#underWay--;
    this.#next();
  }

  /** Begins those that may begin now. */
  #next(): void {
    for (const attempt of this.#waiting) {
      if (this.#underWay !== 0 && !attempt.mayBegin(this.#underWay)) return;
      this.#waiting.delete(attempt);
      this.#underWay++;
      attempt.begin();
    }
  }
}

/**
 * Attempts that have to wait for each other.
 *
 * @module
 */

/** Makes attempts wait while too many others, whose outcomes are still open, are under way. */
export class Turns {
  /** Functions that wake waiting attempts, in the order in which those arrived. */
  readonly #waiting = new Set<() => void>();
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
    while (this.#underWay !== 0 && !mayBegin(this.#underWay)) {
      await this.#turn(signal);
      if (signal?.aborted) {
        this.#wanted--;
        // It may have been its turn, which goes to the next.
        this.#next();
        throw signal.reason;
      }
    }
    this.#underWay++;
    // There may be room for another.
    this.#next();
  }

  /** Ends an attempt. */
  leave(): void {
    this.#wanted--;
    this.#underWay--;
    this.#next();
  }

  /** Waits for a turn, or the signal. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const goOn = () => resolve();
    this.#waiting.add(goOn);
    signal?.addEventListener("abort", goOn);
    await promise;
    signal?.removeEventListener("abort", goOn);
    this.#waiting.delete(goOn);
  }

  #next(): void {
    for (const resolve of this.#waiting) {
      this.#waiting.delete(resolve);
      return resolve();
    }
  }
}

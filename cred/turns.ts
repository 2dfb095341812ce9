/**
 * Attempts that have to wait for each other.
 *
 * @module
 */

/** Has attempts wait while too many others are under way whose outcome is open. */
export class Turns {
  /** Those who wait, in the order in which they came. */
  readonly #waiting = new Set<() => void>();
  #underWay = 0;
  #wanted = 0;

  /** Whether no attempt is under way, and none waits. */
  get isIdle(): boolean {
    return this.#wanted === 0;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Waits until an attempt may begin; then it is under way, until {@linkcode Turns.leave}.
   *
   * @param mayBegin Tells whether one more may begin beside so many; none is kept from being the only one.
   * @param signal Ends the waiting.
   * @throws {unknown} The signal's reason, if it ends before; then the attempt is not under way.
   */
  async enter(mayBegin: (underWay: number) => boolean, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#wanted++;
    while (this.#underWay !== 0 && !mayBegin(this.#underWay)) {
      await this.#turn(signal);
      if (signal?.aborted) {
        this.#wanted--;
        // It may have been the turn of this one.
        this.#next();
        throw signal.reason;
      }
    }
    this.#underWay++;
    // There may be room for another one.
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

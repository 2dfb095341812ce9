/**
 * Attempts that have to wait for each other.
 *
 * @module
 */

/** Has attempts wait while too many others are under way whose outcome is open. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;
  #wanted = 0;

  /** Whether no attempt is under way, and none waits. */
  get isIdle(): boolean {
    return this.#wanted === 0;
  }

  /**
   * Waits until an attempt may begin; then it is under way, until {@linkcode Turns.leave}.
   *
   * @param mayBegin Tells whether one more may begin beside so many; none is kept from being the only one.
   */
  async enter(mayBegin: (underWay: number) => boolean): Promise<void> {
    this.#wanted++;
    while (this.#underWay !== 0 && !mayBegin(this.#underWay)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#underWay++;
    // There may be room for another one.
    this.#waiting.shift()?.();
  }

  /** Ends an attempt. */
  leave(): void {
    this.#wanted--;
    this.#underWay--;
    this.#waiting.shift()?.();
  }
}

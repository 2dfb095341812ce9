/**
 * Waiting with a limit.
 *
 * @module
 */

/** A wait for something, limited by a time and a signal; the timer never outlives the wait. */
export class Patience {
  /** Whether the wait has been too long. */
  isOver = false;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  #wake: () => void = () => {};

  /**
   * Begins to wait.
   *
   * @param wait How long in milliseconds; `Infinity` for as long as it takes.
   * @param signal Ends the wait early.
   */
  constructor(wait: number, signal: AbortSignal | undefined) {
    this.#signal = signal;
    if (wait === 0) this.isOver = true;
    else if (wait !== Infinity) this.#timer = setTimeout(this.#finish, wait);
    signal?.addEventListener("abort", this.#finish);
  }

  /**
   * Waits for a sign.
   *
   * @returns Resolves at the next {@linkcode Patience.wake}, or when the wait has been too long.
   */
  sign(): Promise<void> {
    return new Promise((resolve) => {
      if (this.isOver) resolve();
      else this.#wake = resolve;
    });
  }

  /** Gives a sign. */
  wake(): void {
    this.#wake();
  }

  /** Stops waiting. */
  end(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#finish);
  }

  readonly #finish = (): void => {
    this.isOver = true;
    this.wake();
  };
}

/**
 * Waits for a promise, but rejects if a signal aborts first.
 *
 * @param promise What to wait for.
 * @param signal Ends the waiting.
 * @returns What the promise resolves to.
 * @throws {unknown} The signal's reason.
 */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

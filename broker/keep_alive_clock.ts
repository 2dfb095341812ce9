/**
 * The clock by which all connections of a server look for peers that are gone.
 *
 * @module
 */

/** Milliseconds within which a peer is missed that is gone, where nothing else is said. */
export const KEEP_ALIVE = 60_000;
/** The time is looked at so many times before a peer counts as gone. */
export const TICKS = 4;
/** So many connections are looked at before others get a turn. */
const TURN_CONNECTIONS = 100;

/** What learns that time has passed. */
export interface Ticker {
  /** Learns it. */
  tick(): void;
}

/**
 * Looks at the time for all connections of a server: one timer, however many they are.
 */
export class KeepAliveClock {
  /** Milliseconds within which a peer is missed that is gone. */
  readonly within: number;
  readonly #watched = new Set<Ticker>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Creates a clock; it runs while there is something to watch.
   *
   * @param within Milliseconds after which a silent peer counts as gone.
   */
  constructor(within: number) {
    this.within = within;
  }

  /**
   * Begins to watch a connection.
   *
   * @param ticker Learns when time has passed.
   */
  add(ticker: Ticker): void {
    this.#watched.add(ticker);
    this.#wait();
  }

  /**
   * Stops watching a connection.
   *
   * @param ticker What was added.
   */
  delete(ticker: Ticker): void {
    this.#watched.delete(ticker);
    if (this.#watched.size !== 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Tells some, and the others in the next turns of the event loop; then waits for the next time. */
  #tick(round: Iterator<Ticker> = this.#watched.values()): void {
    this.#timer = undefined;
    for (let left = TURN_CONNECTIONS; left !== 0; left--) {
      const { done, value } = round.next();
      if (done) return this.#wait();
      value.tick();
    }
    this.#wait(round);
  }

  /** Waits for the next turn where a round goes on, or else for the next time. */
  #wait(round?: Iterator<Ticker>): void {
    if (this.#watched.size === 0) return;
    const time = round === undefined ? this.within / TICKS : 0;
    this.#timer ??= setTimeout(() => this.#tick(round), time);
  }
}

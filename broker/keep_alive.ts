/**
 * Finding out that a peer is gone that did not say so.
 *
 * @module
 */

import type { Flow } from "./flow.ts";
import type { Link } from "./link.ts";

/** Milliseconds within which a peer is missed that is gone, where nothing else is said. */
export const KEEP_ALIVE = 60_000;

/** The time is looked at so many times before a peer counts as gone. */
const TICKS = 4;
/** After so many of them without a byte the peer is asked for an answer. */
const QUIET_TICKS = 1;
/** So many connections are looked at before others get a turn. */
const TURN_CONNECTIONS = 100;

/** What a broker lends to its keep-alive. */
export interface KeepAliveParts {
  /** Where the time is looked at. */
  readonly clock: KeepAliveClock;
  /** Knows how many bytes have come. */
  readonly link: Link;
  /** Knows whether we do not read, so that nothing can be heard. */
  readonly flow: Flow;
  /** Sends a message that does nothing, with or without an answer. */
  readonly probe: (answer: boolean) => void;
  /** Closes the connection. */
  readonly gone: () => void;
}

/**
 * Asks a peer that was silent for a while whether it is still there, and gives it up if it stays
 * silent. Any byte counts as life.
 *
 * What is sent is a call of an object that cannot exist: every peer, Twisted's too, answers it with an
 * error, and does and logs nothing. While we do not read ourselves, silence says nothing; but then
 * the peer hears nothing either, so it is told now and then that we are there.
 */
export class KeepAlive implements Ticker {
  readonly #parts: KeepAliveParts;
  #heard = -1;
  #silentTicks = 0;
  #unanswered = 0;

  /**
   * Begins to watch.
   *
   * @param parts What the broker lends.
   */
  constructor(parts: KeepAliveParts) {
    this.#parts = parts;
    parts.clock.add(this);
  }

  /** Stops watching. */
  stop(): void {
    this.#parts.clock.delete(this);
  }

  /**
   * Takes the answer to what was sent.
   *
   * @returns Whether there was anything to answer.
   */
  answered(): boolean {
    if (this.#unanswered === 0) return false;
    this.#unanswered--;
    return true;
  }

  /** Learns that time has passed, a part of that after which a silent peer is gone. */
  tick(): void {
    const { link, flow, probe, gone } = this.#parts;
    const heard = link.bytesReceived;
    const isHeard = heard !== this.#heard;
    this.#heard = heard;
    if (flow.isMute) {
      this.#silentTicks = 0;
      return probe(false);
    }
    if (isHeard) {
      this.#silentTicks = 0;
      return;
    }
    this.#silentTicks++;
    if (this.#silentTicks === QUIET_TICKS) {
      this.#unanswered++;
      probe(true);
    } else if (this.#silentTicks === TICKS - 1) gone();
  }
}

/** What learns that time has passed. */
export interface Ticker {
  /** Learns it. */
  tick(): void;
}

/**
 * Looks at the time for all connections of a server: one timer, however many they are.
 */
export class KeepAliveClock {
  readonly #interval: number;
  readonly #watched = new Set<Ticker>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Creates a clock; it runs while there is something to watch.
   *
   * @param within Milliseconds after which a silent peer counts as gone.
   */
  constructor(within: number) {
    this.#interval = within / TICKS;
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
    const time = round === undefined ? this.#interval : 0;
    this.#timer ??= setTimeout(() => this.#tick(round), time);
  }
}

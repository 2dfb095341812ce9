/**
 * Finding out that a peer is gone that did not say so.
 *
 * @module
 */

/** The time is looked at so many times before a peer counts as gone. */
const TICKS = 4;
/** After so many of them without a byte the peer is asked for an answer. */
const QUIET_TICKS = 1;

/** What a broker lends to its keep-alive. */
export interface KeepAliveParts {
  /** How many milliseconds may pass without a byte. */
  readonly within: number;
  /** How many bytes have come. */
  readonly bytesReceived: () => number;
  /** Whether we do not read, so that nothing can be heard. */
  readonly isMute: () => boolean;
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
export class KeepAlive {
  readonly #parts: KeepAliveParts;
  readonly #timer: ReturnType<typeof setInterval>;
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
    this.#timer = setInterval(() => this.#tick(), parts.within / TICKS);
  }

  /** Stops watching. */
  stop(): void {
    clearInterval(this.#timer);
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

  #tick(): void {
    const { bytesReceived, isMute, probe, gone } = this.#parts;
    const heard = bytesReceived();
    const isHeard = heard !== this.#heard;
    this.#heard = heard;
    if (isMute()) {
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

/**
 * Detects peers that are gone without having said so.
 *
 * @module
 */

import { WORD } from "../../jelly/banana/mod.ts";
import { type Alarm, type AlarmPlace, CLOCK } from "../../transport/base/clock.ts";
import { type Answer, writeCall } from "../calls/message_parts.ts";
import { PeerGoneError } from "../errors/errors.ts";
import { splitArgs } from "../flavors/kwargs.ts";
import type { Faults } from "../link/faults.ts";
import type { Link } from "../link/link.ts";
import type { Outbox } from "../link/outbox.ts";
import type { Flow } from "./flow.ts";

/** Number of ticks in the time after which a silent peer counts as gone. */
const TICKS = 4;
/**
 * How many times as long a peer may be silent while bytes wait to be written: the system accepts
 * these in steps of a megabyte or so, which are far apart over a slow network.
 */
const WAITING_TIMES = 4;
/** Number of silent ticks after which the peer is asked for an answer. */
const QUIET_TICKS = 1;
/** A call of an object that cannot exist, with a request number that no other call has. */
const PROBE = { id: 0, target: 0, method: "keepAlive" } as const;
const NO_ARGS = splitArgs([]);

/** What keep-alive works with. */
export interface KeepAliveParts {
  /** Milliseconds after which a silent peer counts as gone. */
  readonly within: number;
  /** Knows how many bytes have come and gone. */
  readonly link: Link;
  /** Knows whether reading is paused, so that nothing can be heard, and why. */
  readonly flow: Flow;
  /** Where probes go. */
  readonly outbox: Outbox;
  /** Address of the peer, for an error. */
  readonly address: string;
  /** Closes the connection of a peer that is gone. */
  readonly faults: Faults;
}

/**
 * Asks a peer that has been silent for a while whether it is still there, and gives it up if it
 * stays silent. Any byte that arrives is a sign of life, and so is any byte that the peer accepts
 * of those that wait for it: our question may be behind them.
 *
 * The question is a call of an object that cannot exist: every peer, Twisted's too, answers it with
 * an error, and does and logs nothing else. While calls that take long keep us from reading,
 * silence means nothing. A peer whose messages wait here hears nothing either, so it is told now
 * and then that we are still there.
 */
export class KeepAlive implements Alarm {
  /** Milliseconds between ticks. */
  readonly delay: number;
  /** Kept by the clock. */
  place: AlarmPlace | undefined;
  readonly #parts: KeepAliveParts;
  /** Bytes received and sent by the last tick, and whether others had to wait then. */
  #heard = -1;
  #taken = 0;
  #hadToWait = false;
  #silentTicks = 0;
  #unanswered = 0;

  /**
   * Begins to watch.
   *
   * @param parts What it works with.
   */
  constructor(parts: KeepAliveParts) {
    this.#parts = parts;
    this.delay = parts.within / TICKS;
    CLOCK.set(this);
  }

  /** Stops watching. */
  stop(): void {
    CLOCK.clear(this);
  }

  /**
   * Handles an answer, if it is one to a probe.
   *
   * @param id Number of the request that is answered.
   * @returns Whether it is.
   */
  answered(id: number | bigint): boolean {
    if (id !== PROBE.id || this.#unanswered === 0) return false;
    this.#unanswered--;
    return true;
  }

  /** Called at each tick, by the clock. */
  ring(): void {
    const { within, flow, address, faults } = this.#parts;
    CLOCK.set(this);
    this.#silentTicks = this.#isAlive() ? 0 : this.#silentTicks + 1;
    const times = this.#hadToWait ? WAITING_TIMES : 1;
    if (this.#silentTicks >= times * TICKS - 1) {
      return faults.fail(new PeerGoneError(address, times * within));
    }
    if (this.#silentTicks === QUIET_TICKS) {
      this.#unanswered++;
      this.#probe(1);
    } else if (flow.isMute) {
      this.#probe(0);
    }
  }

  /** Whether the peer has given a sign of life since the last tick, or owes none. */
  #isAlive(): boolean {
    const { link, flow } = this.#parts;
    const { bytesReceived, output: { bytesSent, buffered } } = link;
    const isHeard = bytesReceived !== this.#heard;
    // If nothing had to wait, the transport accepts bytes even for a peer that is gone.
    const hasTaken = this.#hadToWait && bytesSent !== this.#taken;
    this.#heard = bytesReceived;
    this.#taken = bytesSent;
    this.#hadToWait = buffered !== 0;
    return isHeard || hasTaken || flow.isOccupied;
  }

  /** Sends a message that does nothing, with or without an answer. */
  #probe(answer: Answer): void {
    const head = { ...PROBE, answer };
    this.#parts.outbox.send((writer, jellier) =>
      writeCall(writer, jellier, WORD.message, head, NO_ARGS)
    );
  }
}

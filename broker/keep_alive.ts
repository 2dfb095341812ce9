/**
 * Finding out that a peer is gone that did not say so.
 *
 * @module
 */

import { WORD } from "../jelly/banana/mod.ts";
import { type Alarm, type AlarmPlace, CLOCK } from "../transport/clock.ts";
import type { Faults } from "./broker_hooks.ts";
import { PeerGoneError } from "./errors.ts";
import type { Flow } from "./flow.ts";
import { splitArgs } from "./kwargs.ts";
import type { Link } from "./link.ts";
import { writeCall } from "./message_parts.ts";
import type { Outbox } from "./outbox.ts";

/** The time is looked at so many times before a peer counts as gone. */
const TICKS = 4;
/**
 * So many times as long it may be silent where bytes wait to be written: the system takes these in steps of a
 * megabyte or so, which over a slow network are far apart.
 */
const WAITING_TIMES = 4;
/** After so many of them without a byte the peer is asked for an answer. */
const QUIET_TICKS = 1;
/** A call of an object that cannot exist, by a request number that no other call has. */
const PROBE = { id: 0, target: 0, method: "keepAlive" } as const;
const NO_ARGS = splitArgs([]);

/** What a broker lends to its keep-alive. */
export interface KeepAliveParts {
  /** Milliseconds after which a silent peer counts as gone. */
  readonly within: number;
  /** Knows how many bytes have come and gone. */
  readonly link: Link;
  /** Knows whether we do not read, so that nothing can be heard, and why. */
  readonly flow: Flow;
  /** Where questions go. */
  readonly outbox: Outbox;
  /** Where the peer is, for an error. */
  readonly address: string;
  /** Closes the connection of a peer that is gone. */
  readonly faults: Faults;
}

/**
 * Asks a peer that was silent for a while whether it is still there, and gives it up if it stays
 * silent. Any byte counts as life, and so does any that it takes of those that wait for it: what we ask
 * may be behind them.
 *
 * What is sent is a call of an object that cannot exist: every peer, Twisted's too, answers it with an
 * error, and does and logs nothing. While calls that take long keep us from reading, silence says
 * nothing. A peer whose messages wait here hears nothing either, so it is told now and then that we are
 * there.
 */
export class KeepAlive implements Alarm {
  /** Milliseconds from one look at the time to the next. */
  readonly delay: number;
  /** Kept by the clock. */
  place: AlarmPlace | undefined;
  readonly #parts: KeepAliveParts;
  /** How many bytes had come and gone at the last look, and whether others had to wait. */
  #heard = -1;
  #taken = 0;
  #hadToWait = false;
  #silentTicks = 0;
  #unanswered = 0;

  /**
   * Begins to watch.
   *
   * @param parts What the broker lends.
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
   * Takes an answer, if it is one to what was sent here.
   *
   * @param id Number of the request that is answered.
   * @returns Whether it is.
   */
  answered(id: number | bigint): boolean {
    if (id !== PROBE.id || this.#unanswered === 0) return false;
    this.#unanswered--;
    return true;
  }

  /** Learns that time has passed, a part of that after which a silent peer is gone. */
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
      this.#probe(true);
    } else if (flow.isMute) {
      this.#probe(false);
    }
  }

  /** Whether the peer has given a sign of life since the last look, or owes none. */
  #isAlive(): boolean {
    const { link, flow } = this.#parts;
    const { bytesReceived, output: { bytesSent, buffered } } = link;
    const isHeard = bytesReceived !== this.#heard;
    // Where nothing waits, the transport takes bytes also for a peer that is gone.
    const hasTaken = this.#hadToWait && bytesSent !== this.#taken;
    this.#heard = bytesReceived;
    this.#taken = bytesSent;
    this.#hadToWait = buffered !== 0;
    return isHeard || hasTaken || flow.isOccupied;
  }

  /** Sends a message that does nothing, with or without an answer. */
  #probe(answer: boolean): void {
    const head = { ...PROBE, answer };
    this.#parts.outbox.send((writer, jellier) =>
      writeCall(writer, jellier, WORD.message, head, NO_ARGS)
    );
  }
}

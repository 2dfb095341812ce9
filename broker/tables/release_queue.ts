/**
 * Giving objects back to the peer.
 *
 * @module
 */

import { othersGoOn } from "../../transport/base/event_turn.ts";
import { writeNumber } from "../calls/message_parts.ts";
import type { Broker } from "../connection/broker.ts";
import type { Outbox, WriteMessage } from "../link/outbox.ts";

/**
 * Number of arrivals up to which an object is given back at once; almost all objects have no more.
 */
const FEW = 16;
/** Maximum number of messages written for the others in one turn of the event loop. */
const TURN_MESSAGES = 10_000;
/** Approximate number of bytes kept for an object of which arrivals have yet to be given back. */
const OWED_BYTES = 64;

/** An object of which some arrivals have yet to be given back. */
interface Owed {
  readonly luid: number;
  count: number;
}

/**
 * Gives objects back to the peer with one message for each arrival, as the peer counts them one by
 * one.
 *
 * A peer may send an object millions of times with little effort. Sending all those messages at
 * once would hold up the rest of the program, and take much memory: large numbers are written in
 * slices, as the peer takes them. Meanwhile the object may arrive again. That does not matter:
 * earlier and later arrivals are counted separately here, and the peer, which counts them together,
 * hears of each arrival once.
 */
export class ReleaseQueue {
  readonly #broker: Broker;
  readonly #outbox: Outbox;
  readonly #word: number;
  readonly #owed = new Set<Owed>();
  /** Number of messages that may still be written in this turn. */
  #left = TURN_MESSAGES;
  #isGoingOn = false;

  /**
   * Creates an empty queue for one kind of object.
   *
   * @param broker The connection.
   * @param outbox The outbox for messages to the peer.
   * @param word Name of the message: `decref` or `decache`.
   */
  constructor(broker: Broker, outbox: Outbox, word: number) {
    this.#broker = broker;
    this.#outbox = outbox;
    this.#word = word;
  }

  /**
   * Gives back arrivals of an object, now or soon; none once the connection is closed.
   *
   * @param luid Number of the object.
   * @param count The number of arrivals.
   */
  giveBack(luid: number, count: number): void {
    if (count <= FEW) return this.#write(luid, count);
    if (!this.#outbox.mayWait((this.#owed.size + 1) * OWED_BYTES)) return;
    this.#owed.add({ luid, count });
    this.#writeOwed();
    if (!this.#isGoingOn) this.#goOn();
  }

  /**
   * Goes on in later turns, as the peer takes what was written, until a turn has nothing left to
   * do.
   */
  async #goOn(): Promise<void> {
    this.#isGoingOn = true;
    do {
      await othersGoOn();
      await this.#broker.drained();
      this.#left = TURN_MESSAGES;
      this.#writeOwed();
    } while (this.#left !== TURN_MESSAGES && !this.#broker.isClosed);
    this.#isGoingOn = false;
  }

  #writeOwed(): void {
    for (const owed of this.#owed) {
      const count = Math.min(owed.count, this.#left);
      this.#left -= count;
      owed.count -= count;
      this.#write(owed.luid, count);
      if (owed.count !== 0) return;
      this.#owed.delete(owed);
    }
  }

  #write(luid: number, count: number): void {
    const write: WriteMessage = (writer) => writeNumber(writer, this.#word, luid);
    for (let left = count; left !== 0 && !this.#broker.isClosed; left--) this.#outbox.send(write);
  }
}

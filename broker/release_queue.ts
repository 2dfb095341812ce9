/**
 * Giving objects of the peer's back.
 *
 * @module
 */

import { othersGoOn } from "../transport/event_turn.ts";
import type { Broker } from "./broker.ts";
import { writeNumber } from "./message_parts.ts";
import type { Outbox, WriteMessage } from "./outbox.ts";

/** An object that has come no more often, as nearly all, is given back at once in any case. */
const FEW = 16;
/** Of the others, so many messages are written in one turn of the event loop. */
const TURN_MESSAGES = 10_000;

/** An object of which some arrivals are still to be given back. */
interface Owed {
  readonly luid: number;
  count: number;
}

/**
 * Gives objects back to the peer, by one message for each arrival, as it counts them one by one.
 *
 * A peer may send an object millions of times with little effort. All those messages at once would
 * keep the program from all else, and take much memory: so many are written in slices, as the peer takes them.
 * Meanwhile the object may arrive again. That is no matter: what came before and what
 * comes now is counted apart here, and the peer, who counts both together, hears of each arrival once.
 */
export class ReleaseQueue {
  readonly #broker: Broker;
  readonly #outbox: Outbox;
  readonly #word: number;
  readonly #owed = new Set<Owed>();
  /** How many messages may be written in this turn. */
  #left = TURN_MESSAGES;
  #isGoingOn = false;

  /**
   * Creates the queue of one kind of objects; nothing is to be given back yet.
   *
   * @param broker The connection.
   * @param outbox Where the peer is told.
   * @param word Name of the message: `decref` or `decache`.
   */
  constructor(broker: Broker, outbox: Outbox, word: number) {
    this.#broker = broker;
    this.#outbox = outbox;
    this.#word = word;
  }

  /**
   * Gives arrivals of an object back, now or soon; none once the connection is closed.
   *
   * @param luid Number of the object.
   * @param count How many arrivals.
   */
  giveBack(luid: number, count: number): void {
    if (count <= FEW) return this.#write(luid, count);
    this.#owed.add({ luid, count });
    this.#writeOwed();
    if (!this.#isGoingOn) this.#goOn();
  }

  /** Goes on in later turns, as the peer takes what was written, until there is one with nothing to do. */
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

/**
 * Turns for sending pages.
 *
 * @module
 */

import { BusySet } from "../../transport/base/busy_set.ts";
import { LimitError } from "../errors/errors.ts";
import type { BrokerLimits } from "../link/limits.ts";
import type { Link } from "../link/link.ts";

/** Number of turns after which everything else in the program gets one. */
const TURNS = 32;

/**
 * Counts the pagers of a connection, and gives them turns, one page each, in the order in which
 * they ask. At each turn, so few bytes are waiting to be written that calls and answers between the
 * pages do not wait long.
 */
export class PageTurns {
  readonly #link: Link;
  /** Maximum number of bytes waiting to be written when a page is added. */
  readonly #mostWaiting: number;
  readonly #maxPagers: number;
  readonly #pagers = new BusySet<object>();
  readonly #asking: (() => void)[] = [];
  #isRunning = false;
  #turns = 0;
  #break: { readonly timer: ReturnType<typeof setTimeout>; readonly end: () => void } | undefined;

  /**
   * Creates the turns of a connection.
   *
   * @param link Where the pages are written.
   * @param limits How many pagers there may be, and how many bytes may wait to be written.
   */
  constructor(link: Link, { maxPagers, highWaterMark }: BrokerLimits) {
    this.#link = link;
    this.#maxPagers = maxPagers;
    this.#mostWaiting = highWaterMark >> 2;
  }

  /**
   * Counts a pager that begins.
   *
   * @param pager The pager.
   * @throws {LimitError} If there are too many.
   */
  enter(pager: object): void {
    if (this.#pagers.size >= this.#maxPagers) {
      throw new LimitError(
        "maxPagers",
        `Cannot send pages: ${this.#maxPagers} pagers are under way`,
      );
    }
    this.#pagers.add(pager);
  }

  /**
   * Stops counting a pager, if it was counted.
   *
   * @param pager The pager.
   */
  leave(pager: object): void {
    this.#pagers.delete(pager);
  }

  /**
   * Waits for a turn.
   *
   * @param isFirst Whether it is for a pager's first page, which is sent at once if no other is
   * waiting.
   * @returns Resolves when one page may be written, or the link is closed; undefined if one may be
   * written now.
   */
  next(isFirst: boolean): Promise<void> | undefined {
    if (isFirst && !this.#isRunning && this.#link.output.buffered <= this.#mostWaiting) {
      return undefined;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#asking.push(resolve);
    if (!this.#isRunning) this.#run();
    return promise;
  }

  /** Lets all waiting pagers proceed, since the link is closed. */
  clear(): void {
    clearTimeout(this.#break?.timer);
    this.#break?.end();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let turn = this.#asking.shift(); turn !== undefined; turn = this.#asking.shift()) {
      await this.#link.output.drained(this.#mostWaiting);
      turn();
      // The pager that has the turn writes now.
      await undefined;
      if (++this.#turns % TURNS === 0 && this.#link.isOpen) await this.#takeBreak();
    }
    this.#isRunning = false;
  }

  async #takeBreak(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#break = { timer: setTimeout(resolve, 0), end: resolve };
    await promise;
    this.#break = undefined;
  }
}

/**
 * Whose turn it is to send a page.
 *
 * @module
 */

import type { Link } from "./link.ts";

/** After so many turns everything else in the program gets one. */
const TURNS = 32;

/**
 * Gives the pagers of a connection their turns, one page each, in the order in which they ask.
 *
 * Little enough waits to be written at each turn that calls and answers between the pages do not wait long.
 */
export class PageTurns {
  readonly #link: Link;
  readonly #mostWaiting: number;
  readonly #asking: (() => void)[] = [];
  #isRunning = false;
  #turns = 0;
  #break: { readonly timer: ReturnType<typeof setTimeout>; readonly end: () => void } | undefined;

  /**
   * Creates the turns of a connection.
   *
   * @param link Where the pages are written.
   * @param mostWaiting How many bytes may wait to be written when a page is added.
   */
  constructor(link: Link, mostWaiting: number) {
    this.#link = link;
    this.#mostWaiting = mostWaiting;
  }

  /** Whether nobody else waits for a turn, and one page may be written now. */
  get areFree(): boolean {
    return !this.#isRunning && this.#link.output.buffered <= this.#mostWaiting;
  }

  /**
   * Waits for a turn.
   *
   * @returns Settles when one page may be written, or the link is closed.
   */
  next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#asking.push(resolve);
    if (!this.#isRunning) this.#run();
    return promise;
  }

  /** Gives all that wait their turn, since the link is closed. */
  clear(): void {
    clearTimeout(this.#break?.timer);
    this.#break?.end();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let turn = this.#asking.shift(); turn !== undefined; turn = this.#asking.shift()) {
      await this.#link.output.drained(this.#mostWaiting);
      turn();
      // Whoever has the turn writes now.
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

/**
 * Permission to send, given by whoever has to keep what was sent until it is read.
 *
 * WebSockets and message ports deliver whether the program reads or not. So each end tells the
 * other one how many bytes it may send, and gives more as they are read: nobody needs a buffer
 * without bound, and a writer learns that it has to wait.
 *
 * @module
 */

import { TransportClosedError } from "./errors.ts";

/** Bytes that each end may send before it got any permission. */
export const FIRST_WINDOW = 65_536;

/** Permission that this end got. */
export class SendWindow {
  #open: number;
  #waiter: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #error: Error | undefined;

  /** Creates the window with permission for so many bytes; `Infinity` where none is needed. */
  constructor(open: number) {
    this.#open = open;
  }

  /** Waits until something may be sent, then uses up to so many bytes; one caller at a time. */
  async take(most: number): Promise<number> {
    while (this.#open <= 0 && this.#error === undefined) {
      await new Promise<void>((resolve, reject) => this.#waiter = { resolve, reject });
    }
    if (this.#error !== undefined) throw this.#error;
    const count = Math.min(most, this.#open);
    this.#open -= count;
    return count;
  }

  /** Adds permission. */
  grant(count: number): void {
    this.#open = Math.min(this.#open + count, Number.MAX_SAFE_INTEGER);
    this.#waiter?.resolve();
    this.#waiter = undefined;
  }

  /** Rejects whoever waits or comes. */
  close(error: Error = new TransportClosedError("Cannot write: connection closed")): void {
    this.#error ??= error;
    this.#waiter?.reject(this.#error);
    this.#waiter = undefined;
  }
}

/** Permission that this end gave. */
export class ReceiveWindow {
  readonly #size: number;
  #open: number;
  #read = 0;

  /** Creates the window with permission for so many bytes, all of them given already. */
  constructor(size: number) {
    this.#size = this.#open = size;
  }

  /** Counts bytes that arrived; `false` if there was no permission for them. */
  receive(count: number): boolean {
    this.#open -= count;
    return this.#open >= 0;
  }

  /** Counts bytes that were read; returns how many more to permit now, which is rarely above 0. */
  release(count: number): number {
    this.#read += count;
    if (this.#read < this.#size / 2) return 0;
    const grant = this.#read;
    this.#open += grant;
    this.#read = 0;
    return grant;
  }
}

/** Permission in the form in which it travels. */
export function parseGrant(text: string): number | undefined {
  return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : undefined;
}

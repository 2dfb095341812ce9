/**
 * Permission to send, granted by the end that must hold what was sent until it is read.
 *
 * WebSockets and message ports deliver whether the program reads or not. Each end therefore tells
 * the other how many bytes it may send, and permits more as they are read, so that no unbounded
 * buffer is needed, and a writer learns when it has to wait.
 *
 * @module
 */

import { TransportClosedError } from "./errors.ts";

/** Bytes that each end may send before it has received any permission. */
export const FIRST_WINDOW = 65_536;

/** Permission that this end has received. */
export class SendWindow {
  #open: number;
  #isClosed = false;
  #wake: (() => void) | undefined;

  /** Creates the window with permission for a number of bytes; `Infinity` if none is needed. */
  constructor(open: number) {
    this.#open = open;
  }

  /** Whether nothing may be sent now. */
  get isShut(): boolean {
    return this.#open <= 0;
  }

  /** Uses up permission for at most `most` bytes; returns how many may be sent now, 0 for none. */
  takeNow(most: number): number {
    if (this.#isClosed || this.#open <= 0) return 0;
    const count = Math.min(most, this.#open);
    this.#open -= count;
    return count;
  }

  /**
   * Waits until something may be sent, then uses up permission for at most `most` bytes and returns
   * how many; one caller at a time.
   */
  async take(most: number): Promise<number> {
    while (this.#open <= 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#isClosed) throw new TransportClosedError("Cannot write: connection closed");
    return this.takeNow(most);
  }

  /** Adds permission. */
  grant(count: number): void {
    this.#open = Math.min(this.#open + count, Number.MAX_SAFE_INTEGER);
    this.#wake?.();
  }

  /** Rejects the pending call of {@linkcode SendWindow.take} and all later ones. */
  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }
}

/** Permission that this end has granted. */
export class ReceiveWindow {
  readonly #size: number;
  /** Maximum bytes that the peer may have sent and that have not been read. */
  #most: number;
  #open: number;
  #read = 0;

  /**
   * Creates the window.
   *
   * @param first Permission that the peer already has; `Infinity` if none is needed.
   * @param size What it is raised to, if that is more, once the peer shows that it has a lot to
   * send.
   */
  constructor(first: number, size: number) {
    this.#size = Math.max(first, size);
    this.#most = this.#open = first;
  }

  /** Counts bytes that arrived; returns how many of them were permitted. */
  receive(count: number): number {
    const permitted = Math.min(count, this.#open);
    this.#open -= permitted;
    return permitted;
  }

  /** Counts bytes that were read; returns how many more to permit now, usually 0. */
  release(count: number): number {
    this.#read += count;
    if (this.#read < this.#most / 2) return 0;
    const grant = this.#read + this.#size - this.#most;
    this.#open += grant;
    this.#most = this.#size;
    this.#read = 0;
    return grant;
  }
}

/** Parses a grant as it is sent; undefined if it is malformed. */
export function parseGrant(text: string): number | undefined {
  return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : undefined;
}

/**
 * Holds bytes that arrive at any time until a reader asks for them.
 *
 * @module
 */

import { ByteQueue } from "./byte_queue.ts";

/** The state of an inbox: bytes may still arrive, or not. */
type InboxState = { readonly kind: "open" } | { readonly kind: "ended"; readonly error?: Error };

const OPEN: InboxState = { kind: "open" };

/** A pending read, and how many bytes it has got so far. */
interface Reader {
  readonly buffer: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: Error) => void;
  count: number;
}

/** The owner of an inbox. */
export interface InboxOwner {
  /** Called with the number of bytes each time the reader takes some. */
  onRead(count: number): void;
}

/** The reading side of transports whose bytes arrive as events. */
export class Inbox {
  readonly #queue = new ByteQueue();
  readonly #owner: InboxOwner;
  #state: InboxState = OPEN;
  #reader: Reader | undefined;

  /** Creates an empty inbox. */
  constructor(owner: InboxOwner) {
    this.#owner = owner;
  }

  /** Number of bytes waiting for the reader. */
  get size(): number {
    return this.#queue.size;
  }

  /** The buffer of a pending read. */
  get wanted(): Uint8Array | undefined {
    return this.#reader?.buffer;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (buffer.length === 0) return Promise.resolve(0);
    if (this.#reader !== undefined) {
      return Promise.reject(
        new TypeError("Cannot read twice at the same time: one read is pending"),
      );
    }
    if (this.#queue.size > 0) {
      const count = this.#queue.read(buffer);
      this.#owner.onRead(count);
      return Promise.resolve(count);
    }
    if (this.#state.kind === "open") {
      return new Promise((resolve, reject) => this.#reader = { buffer, resolve, reject, count: 0 });
    }
    const { error } = this.#state;
    return error === undefined ? Promise.resolve(null) : Promise.reject(error);
  }

  /**
   * Gives bytes to the reader, or keeps them until it asks for them; after the end, they are
   * dropped. The read resolves at {@linkcode Inbox.deliver}, so that pieces that arrive together
   * are read together.
   *
   * @param own Whether the bytes may be kept without copying them.
   */
  push(bytes: Uint8Array, own = false): void {
    if (this.#state.kind === "ended") return;
    const reader = this.#reader;
    if (reader !== undefined && reader.count < reader.buffer.length) {
      const fits = bytes.subarray(0, reader.buffer.length - reader.count);
      reader.buffer.set(fits, reader.count);
      reader.count += fits.length;
      bytes = bytes.subarray(fits.length);
    }
    if (bytes.length === 0) return;
    if (own) this.#queue.adopt(bytes);
    else this.#queue.append(bytes);
  }

  /**
   * Resolves the pending read, if there still is one, with bytes that are already in its buffer.
   */
  filled(count: number): void {
    if (this.#reader === undefined) return;
    this.#reader.count = count;
    this.deliver();
  }

  /** Resolves the pending read with what it was given, if anything. */
  deliver(): void {
    const reader = this.#reader;
    if (reader === undefined || reader.count === 0) return;
    this.#reader = undefined;
    reader.resolve(reader.count);
    this.#owner.onRead(reader.count);
  }

  /** Ends the inbox: the reader gets what is there, then the end or the error. */
  end(error?: Error): void {
    this.deliver();
    if (this.#state.kind === "ended") return;
    this.#state = { kind: "ended", ...(error && { error }) };
    const reader = this.#reader;
    this.#reader = undefined;
    if (error === undefined) reader?.resolve(null);
    else reader?.reject(error);
  }

  /** Drops what is there, so that it is never read, and ends the inbox. */
  abandon(): void {
    this.#queue.clear();
    this.end();
    this.#state = { kind: "ended" };
  }
}

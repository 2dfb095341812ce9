/**
 * Bytes that arrive when they like, for a reader that asks for them.
 *
 * @module
 */

import { ByteQueue } from "./_byte_queue.ts";

/** How an inbox stands: bytes may still come, or not. */
type InboxState = { readonly kind: "open" } | { readonly kind: "ended"; readonly error?: Error };

const OPEN: InboxState = { kind: "open" };

/** A read that waits, and how much it got already. */
interface Reader {
  readonly buffer: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: Error) => void;
  count: number;
}

/** Whoever has an inbox. */
export interface InboxOwner {
  /** Learns how many bytes the reader took, each time. */
  onRead(count: number): void;
}

/** The reading side of transports to which bytes come by events. */
export class Inbox {
  readonly #queue = new ByteQueue();
  readonly #owner: InboxOwner;
  #state: InboxState = OPEN;
  #reader: Reader | undefined;

  /** Creates an empty inbox. */
  constructor(owner: InboxOwner) {
    this.#owner = owner;
  }

  /** Bytes that wait for the reader. */
  get size(): number {
    return this.#queue.size;
  }

  /** Where a reader that waits wants its bytes. */
  get wanted(): Uint8Array | undefined {
    return this.#reader?.buffer;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (buffer.length === 0) return Promise.resolve(0);
    if (this.#reader !== undefined) {
      return Promise.reject(new TypeError("Cannot read twice at a time: one read is pending"));
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
   * Gives bytes to the reader, or keeps them until it asks; after the end they are dropped. The
   * reader goes on at {@linkcode Inbox.deliver}, so that pieces that come together are read
   * together.
   *
   * @param own Whether the bytes may be kept as they are, or else must be copied.
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

  /** Lets the reader, if there is one still, go on with bytes that are in its buffer already. */
  filled(count: number): void {
    if (this.#reader === undefined) return;
    this.#reader.count = count;
    this.deliver();
  }

  /** Lets the reader go on with what it was given. */
  deliver(): void {
    const reader = this.#reader;
    if (reader === undefined || reader.count === 0) return;
    this.#reader = undefined;
    reader.resolve(reader.count);
    this.#owner.onRead(reader.count);
  }

  /** Nothing comes any more: the reader gets what is there, then the end or the error. */
  end(error?: Error): void {
    this.deliver();
    if (this.#state.kind === "ended") return;
    this.#state = { kind: "ended", ...(error && { error }) };
    const reader = this.#reader;
    this.#reader = undefined;
    if (error === undefined) reader?.resolve(null);
    else reader?.reject(error);
  }

  /** Drops what is there, as nobody is to read it. */
  abandon(): void {
    this.#queue.clear();
    this.end();
    this.#state = { kind: "ended" };
  }
}

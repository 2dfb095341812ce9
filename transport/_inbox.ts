/**
 * Bytes that arrive when they like, for a reader that asks for them.
 *
 * @module
 */

import { ByteQueue } from "./_byte_queue.ts";

/** How an inbox stands: bytes may still come, or not. */
type InboxState = { readonly kind: "open" } | { readonly kind: "ended"; readonly error?: Error };

/** The reading side of transports to which bytes come by events. */
export class Inbox {
  readonly #queue = new ByteQueue();
  readonly #onRead: (count: number) => void;
  #state: InboxState = { kind: "open" };
  #reader:
    | {
      readonly buffer: Uint8Array;
      readonly resolve: (count: number | null) => void;
      readonly reject: (error: Error) => void;
    }
    | undefined;

  /** Creates an inbox that tells how many bytes the reader took, each time. */
  constructor(onRead: (count: number) => void) {
    this.#onRead = onRead;
  }

  /** Bytes that wait for the reader. */
  get size(): number {
    return this.#queue.size;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#reader !== undefined) {
      return Promise.reject(new TypeError("Cannot read twice at a time: one read is pending"));
    }
    if (this.#queue.size > 0) {
      const count = this.#queue.read(buffer);
      this.#onRead(count);
      return Promise.resolve(count);
    }
    if (this.#state.kind === "open") {
      return new Promise((resolve, reject) => this.#reader = { buffer, resolve, reject });
    }
    const { error } = this.#state;
    return error === undefined ? Promise.resolve(null) : Promise.reject(error);
  }

  /**
   * Gives bytes to the reader, or keeps them until it asks; after the end they are dropped.
   *
   * @param own Whether the bytes may be kept as they are, or else must be copied.
   */
  push(bytes: Uint8Array, own = false): void {
    if (this.#state.kind === "ended" || bytes.length === 0) return;
    const reader = this.#reader;
    if (reader === undefined) return this.#keep(bytes, own);
    this.#reader = undefined;
    const count = Math.min(bytes.length, reader.buffer.length);
    reader.buffer.set(bytes.subarray(0, count));
    if (count < bytes.length) this.#keep(bytes.subarray(count), own);
    reader.resolve(count);
    this.#onRead(count);
  }

  /** Nothing comes any more: the reader gets what is there, then the end or the error. */
  end(error?: Error): void {
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

  #keep(bytes: Uint8Array, own: boolean): void {
    if (own) this.#queue.adopt(bytes);
    else this.#queue.append(bytes);
  }
}

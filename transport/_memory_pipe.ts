/**
 * One direction of an in-memory connection.
 *
 * @module
 */

import { ByteQueue } from "./_byte_queue.ts";
import { TransportClosedError } from "./errors.ts";
import type { MemoryFaults } from "./memory.ts";
import type { CloseReason } from "./transport.ts";

/** How a pipe stands: open, ended by one of its ends, or cut in the middle. */
type PipeState =
  | { readonly kind: "open" }
  | { readonly kind: "ended"; readonly reason: CloseReason | undefined }
  | { readonly kind: "cut"; readonly error: Error | undefined };

/** A read or write that waits, with its buffer. */
interface Waiter<T> {
  readonly bytes: Uint8Array;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** Sizes and faults of a {@linkcode MemoryPipe}. */
export interface MemoryPipeOptions extends MemoryFaults {
  /** Most bytes that one read gives. */
  readonly chunkSize: number;
  /** Bytes buffered before a write waits. */
  readonly highWaterMark: number;
}

/** The bytes on their way from one end to the other. */
export class MemoryPipe {
  readonly #queue = new ByteQueue();
  readonly #chunkSize: number;
  readonly #highWaterMark: number;
  readonly #cutAfter: number;
  #swallowAfter: number;
  #stallAfter: number;
  #state: PipeState = { kind: "open" };
  #reader: Waiter<number | null> | undefined;
  #writer: Waiter<number> | undefined;
  #taken = 0;
  #given = 0;
  /** Called when `cutAfter` bytes were taken. */
  onCut: () => void = () => {};

  constructor(options: MemoryPipeOptions) {
    const { cutAfter = Infinity, swallowAfter = Infinity, stallAfter = Infinity } = options;
    for (const size of [options.chunkSize, options.highWaterMark]) {
      if (!(size >= 1)) throw new RangeError(`Cannot use size "${size}": at least 1 is needed`);
    }
    for (const count of [cutAfter, swallowAfter, stallAfter]) {
      if (!(count >= 0)) throw new RangeError(`Cannot place a fault after "${count}" bytes`);
    }
    this.#chunkSize = options.chunkSize;
    this.#highWaterMark = options.highWaterMark;
    this.#cutAfter = cutAfter;
    this.#swallowAfter = swallowAfter;
    this.#stallAfter = stallAfter;
  }

  /** Bytes taken from the writer, swallowed ones included. */
  get taken(): number {
    return this.#taken;
  }

  /** Bytes that wait for the reader. */
  get buffered(): number {
    return this.#queue.size;
  }

  /** What the writer said at the end, once the reader got there. */
  get reason(): CloseReason | undefined {
    return this.#state.kind === "ended" && this.#queue.size === 0 ? this.#state.reason : undefined;
  }

  get #swallows(): boolean {
    return this.#taken >= this.#swallowAfter;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#reader !== undefined) {
      return Promise.reject(new TypeError("Cannot read twice at a time: one read is pending"));
    }
    return new Promise((resolve, reject) => {
      this.#reader = { bytes: buffer, resolve, reject };
      this.#flow();
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#writer !== undefined) {
      return Promise.reject(new TypeError("Cannot write twice at a time: one write is pending"));
    }
    return new Promise((resolve, reject) => {
      this.#writer = { bytes, resolve, reject };
      this.#flow();
    });
  }

  /** The writer is gone: the reader gets what is buffered, then the end; unless that is swallowed. */
  end(reason?: CloseReason): void {
    if (this.#state.kind !== "open" || this.#swallows) return;
    this.#state = { kind: "ended", reason };
    this.#flow();
  }

  /** The reader is gone: what is buffered is dropped, and the writer finds out unless swallowed. */
  abandon(): void {
    this.#queue.clear();
    this.#reader?.resolve(null);
    this.#reader = undefined;
    this.end();
  }

  /** Ends the pipe for both; the reader still gets what is buffered, unless that is stalled. */
  cut(error?: Error): void {
    if (this.#state.kind !== "open") return;
    if (this.#given >= this.#stallAfter) this.#queue.clear();
    this.#stallAfter = Infinity;
    this.#state = { kind: "cut", error };
    this.#flow();
  }

  swallow(): void {
    this.#swallowAfter = Math.min(this.#swallowAfter, this.#taken);
    this.#flow();
  }

  stall(): void {
    this.#stallAfter = Math.min(this.#stallAfter, this.#given);
  }

  resume(): void {
    this.#stallAfter = Infinity;
    this.#flow();
  }

  /** Moves what can be moved: what is taken may be given, what is given makes room to take. */
  #flow(): void {
    while (this.#take() || this.#give());
  }

  #take(): boolean {
    const writer = this.#writer;
    if (writer === undefined) return false;
    if (this.#state.kind !== "open") {
      this.#writer = undefined;
      writer.reject(new TransportClosedError("Cannot write: connection closed"));
      return true;
    }
    let count = Math.min(writer.bytes.length, this.#cutAfter - this.#taken);
    if (!this.#swallows) {
      const room = this.#highWaterMark - this.#queue.size;
      if (room <= 0) return false;
      count = Math.min(count, room, this.#swallowAfter - this.#taken);
      this.#queue.append(writer.bytes.subarray(0, count));
    }
    this.#taken += count;
    this.#writer = undefined;
    writer.resolve(count);
    if (this.#taken >= this.#cutAfter) this.onCut();
    return true;
  }

  #give(): boolean {
    const reader = this.#reader;
    const most = Math.min(this.#chunkSize, this.#stallAfter - this.#given);
    if (reader === undefined || most <= 0) return false;
    if (this.#queue.size > 0) {
      const count = this.#queue.read(reader.bytes.subarray(0, most));
      this.#given += count;
      this.#reader = undefined;
      reader.resolve(count);
      return true;
    }
    switch (this.#state.kind) {
      case "open":
        return false;
      case "ended":
        reader.resolve(null);
        break;
      case "cut":
        if (this.#state.error === undefined) reader.resolve(null);
        else reader.reject(this.#state.error);
    }
    this.#reader = undefined;
    return true;
  }
}

/**
 * One direction of an in-memory connection.
 *
 * @module
 */

import { ByteQueue } from "../base/byte_queue.ts";
import { TransportClosedError } from "../base/errors.ts";
import type { CloseReason } from "../base/transport.ts";

/** The state of a pipe: open, ended by one of its ends, or cut in the middle. */
type PipeState =
  | { readonly kind: "open" }
  | { readonly kind: "ended"; readonly reason: CloseReason | undefined }
  | { readonly kind: "cut"; readonly error: Error | undefined };

/** A pending read or write, with its buffer. */
interface Waiter<T> {
  readonly bytes: Uint8Array;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** Faults in what one end writes, at positions counted from the first byte of the connection. */
export interface MemoryFaults {
  /** The connection is cut, both ways, once exactly this many bytes have been taken. */
  readonly cutAfter?: number;
  /** Everything after this many bytes is lost, even the end, and the writer is not told. */
  readonly swallowAfter?: number;
  /** What comes after this many bytes does not arrive until {@linkcode MemoryTransport.resume}. */
  readonly stallAfter?: number;
}

/** Sizes and faults of a {@linkcode MemoryPipe}. */
export interface MemoryPipeOptions extends MemoryFaults {
  /** Maximum bytes that one read returns. */
  readonly chunkSize: number;
  /** Bytes buffered before a write waits. */
  readonly highWaterMark: number;
}

/** Carries bytes from one end to the other. */
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
  /** Called when `cutAfter` bytes have been taken. */
  onCut: () => void = () => {};

  constructor(options: MemoryPipeOptions) {
    const { cutAfter = Infinity, swallowAfter = Infinity, stallAfter = Infinity } = options;
    for (const size of [options.chunkSize, options.highWaterMark]) {
      if (!(size >= 1)) throw new RangeError(`Cannot use size "${size}": the minimum is 1`);
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

  /** Number of bytes taken from the writer, including swallowed ones. */
  get taken(): number {
    return this.#taken;
  }

  /** Number of bytes waiting for the reader. */
  get buffered(): number {
    return this.#queue.size;
  }

  /** The writer's reason for ending, once the reader has read everything before it. */
  get reason(): CloseReason | undefined {
    return this.#state.kind === "ended" && this.#queue.size === 0 ? this.#state.reason : undefined;
  }

  get #swallows(): boolean {
    return this.#taken >= this.#swallowAfter;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#reader !== undefined) {
      return Promise.reject(
        new TypeError("Cannot read twice at the same time: one read is pending"),
      );
    }
    return new Promise((resolve, reject) => {
      this.#reader = { bytes: buffer, resolve, reject };
      this.#flow();
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#writer !== undefined) {
      return Promise.reject(
        new TypeError("Cannot write twice at the same time: one write is pending"),
      );
    }
    return new Promise((resolve, reject) => {
      this.#writer = { bytes, resolve, reject };
      this.#flow();
    });
  }

  /**
   * Ends the pipe for the writer: the reader gets what is buffered, then the end, unless that is
   * swallowed.
   */
  end(reason?: CloseReason): void {
    if (this.#state.kind !== "open" || this.#swallows) return;
    this.#state = { kind: "ended", reason };
    this.#flow();
  }

  /**
   * Ends the pipe for the reader: what is buffered is dropped, and writes reject unless swallowed.
   */
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

  /**
   * Moves all bytes that can be moved: those taken can be given, and those given make room for
   * more.
   */
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

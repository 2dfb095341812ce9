/**
 * Connections within one program, with faults on request.
 *
 * @module
 */

import { TransportClosedError } from "../base/errors.ts";
import type { CloseReason, Dialed, Transport } from "../base/transport.ts";
import { type MemoryFaults, MemoryPipe } from "./_memory_pipe.ts";

/** Options for {@linkcode memoryPair}. */
export interface MemoryPairOptions {
  /** Maximum bytes that one read returns. Unlimited by default. */
  readonly chunkSize?: number;
  /** Bytes buffered each way before a write waits. Defaults to 65,536. */
  readonly highWaterMark?: number;
  /** Faults on the way from the first end to the second. */
  readonly first?: MemoryFaults;
  /** Faults on the way from the second end to the first. */
  readonly second?: MemoryFaults;
}

/**
 * One end of a {@linkcode memoryPair}. Besides being a transport, it can cause faults in what this
 * end sends, effective at once.
 *
 * @example A link that loses everything
 * ```ts
 * import { memoryPair } from "@perspective/broker/transport";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = memoryPair();
 * client.transport.swallow();
 * assertEquals(await client.transport.write(new Uint8Array(100)), 100);
 * assertEquals(server.transport.unread, 0);
 * ```
 */
export interface MemoryTransport extends Transport {
  /** Number of bytes that this end has written so far. */
  readonly written: number;
  /** Number of bytes that have arrived here and wait to be read. */
  readonly unread: number;
  /**
   * Cuts the connection like a broken cable: writes reject, and reads end after the bytes that are
   * on their way.
   *
   * @param error What reads then reject with. Without it, they see an ordinary end.
   */
  cut(error?: Error): void;
  /** Silently drops everything that this end sends from now on, including its closing. */
  swallow(): void;
  /** Withholds what the other end has not read yet, until {@linkcode MemoryTransport.resume}. */
  stall(): void;
  /** Ends a stall, even one set by `stallAfter` that is still to come. */
  resume(): void;
}

/** One end of a {@linkcode memoryPair}, and what it knows of the other. */
export interface MemoryDialed extends Dialed {
  /** The byte pipe, which can also cause faults. */
  readonly transport: MemoryTransport;
}

/**
 * Creates a connection inside this program: what one end writes, the other reads. It uses no timers
 * and no system resources, so tests need neither sleep nor clean up.
 *
 * @example Cut after three bytes
 * ```ts
 * import { memoryPair } from "@perspective/broker/transport";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = memoryPair({ first: { cutAfter: 3 } });
 * assertEquals(await client.transport.write(Uint8Array.of(1, 2, 3, 4)), 3);
 * const buffer = new Uint8Array(8);
 * assertEquals(await server.transport.read(buffer), 3);
 * assertEquals(await server.transport.read(buffer), null);
 * ```
 *
 * @param options Buffer sizes and faults.
 * @returns The two ends.
 * @throws {RangeError} If a size is below 1, or a fault is placed before the first byte.
 */
export function memoryPair(options: MemoryPairOptions = {}): [MemoryDialed, MemoryDialed] {
  const { chunkSize = Infinity, highWaterMark = 65_536, first, second } = options;
  const there = new MemoryPipe({ chunkSize, highWaterMark, ...first });
  const back = new MemoryPipe({ chunkSize, highWaterMark, ...second });
  const client = new MemoryEnd(back, there);
  const server = new MemoryEnd(there, back);
  if (first?.cutAfter === 0 || second?.cutAfter === 0) client.cut();
  return [
    { transport: client, peer: { kind: "memory", address: "memory:second", secure: true } },
    { transport: server, peer: { kind: "memory", address: "memory:first", secure: true } },
  ];
}

class MemoryEnd implements MemoryTransport {
  readonly #input: MemoryPipe;
  readonly #output: MemoryPipe;
  #closed = false;

  constructor(input: MemoryPipe, output: MemoryPipe) {
    this.#input = input;
    this.#output = output;
    output.onCut = () => this.cut();
  }

  get closeReason(): CloseReason | undefined {
    return this.#input.reason;
  }

  get written(): number {
    return this.#output.taken;
  }

  get unread(): number {
    return this.#input.buffered;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#closed ? Promise.resolve(null) : this.#input.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    if (!this.#closed) return this.#output.write(bytes);
    return Promise.reject(new TransportClosedError("Cannot write: connection closed"));
  }

  close(reason?: CloseReason): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#output.end(reason);
    this.#input.abandon();
  }

  cut(error?: Error): void {
    this.#output.cut(error);
    this.#input.cut(error);
  }

  swallow(): void {
    this.#output.swallow();
  }

  stall(): void {
    this.#output.stall();
  }

  resume(): void {
    this.#output.resume();
  }
}

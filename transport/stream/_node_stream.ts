/**
 * Converts between transports and the streams of `node:stream`, which `node:tls` uses.
 *
 * @module
 */

import type { Duplex } from "node:stream";
import { builtin } from "../base/builtin.ts";
import { TransportClosedError } from "../base/errors.ts";
import { ReadBuffer } from "../base/read_buffer.ts";
import type { Transport } from "../base/transport.ts";
import { writeAll } from "../base/write_all.ts";

/** Milliseconds to wait for the last bytes of a connection that is being closed. */
const LINGER = 1000;
/** Bytes to read ahead of the reader. */
const READ_AHEAD = 65_536;

/**
 * A stream on top of a transport, with a tap that holds back its reads, since `node:tls` does not.
 */
export interface TappedStream {
  /** The stream. */
  readonly stream: Duplex;
  /** Called before each read of the transport, which waits for the promise that it returns. */
  mayRead: () => Promise<void> | void;
  /** Whether any byte has arrived. */
  isHeard: boolean;
  /** The error of a failed write, kept because `node:tls` reports the bytes as written. */
  error?: Error;
}

/** Creates a Node stream on top of a transport. */
export function streamOf(transport: Transport): TappedStream {
  const { Duplex } = builtin("node:stream");
  const buffer = new ReadBuffer();
  async function read(): Promise<void> {
    try {
      await tapped.mayRead();
      const count = await transport.read(buffer.bytes);
      if (count !== null) tapped.isHeard = true;
      stream.push(count === null ? null : buffer.bytes.slice(0, count));
      buffer.adapt(count ?? 0);
    } catch (error) {
      stream.destroy(error as Error);
    }
  }
  async function write(bytes: Uint8Array, done: (error?: Error) => void): Promise<void> {
    try {
      await writeAll(transport, bytes);
      done();
    } catch (error) {
      tapped.error = error as Error;
      done(tapped.error);
    }
  }
  const stream = new Duplex({
    read: () => void read(),
    write: (chunk: Uint8Array, _encoding, done) => void write(chunk, done),
    destroy(error, done) {
      transport.close();
      done(error);
    },
  });
  const tapped: TappedStream = { stream, isHeard: false, mayRead: () => {} };
  return tapped;
}

/** A pending read. */
interface Reader {
  readonly buffer: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: Error) => void;
}

/** What can still be read: what arrives, what arrived before the end, or nothing. */
type State =
  | { readonly kind: "open" }
  | { readonly kind: "ended"; readonly error: Error | undefined }
  | { readonly kind: "closed" };

/** A TLS connection of `node:tls` as a transport. */
export class StreamTransport implements Transport {
  readonly #stream: Duplex;
  readonly #source: TappedStream;
  readonly #closed = Promise.withResolvers<void>();
  #reader: Reader | undefined;
  #state: State = { kind: "open" };
  #isWriting = false;
  #openTap: () => void = () => {};

  /**
   * Takes over a stream, which nothing else may read from then on.
   *
   * @param stream The TLS connection.
   * @param source What the stream reads from; without the tap, it would read for as long as the
   * peer sends.
   */
  constructor(stream: Duplex, source: TappedStream) {
    this.#stream = stream;
    this.#source = source;
    source.mayRead = () => this.#mayRead();
    stream.on("readable", () => this.#give());
    stream.on("end", () => this.#end());
    stream.on("error", (error) => this.#end(error));
    stream.on("close", () => {
      this.#end();
      source.stream.destroy();
      this.#closed.resolve();
    });
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#isClosed) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#reader = { buffer, resolve, reject };
      this.#give();
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed || this.#stream.destroyed) {
        return reject(new TransportClosedError("Cannot write: connection closed"));
      }
      this.#isWriting = true;
      this.#stream.write(bytes, (error) => {
        this.#isWriting = false;
        const failure = error ?? this.#source.error;
        if (failure) reject(failure);
        else resolve(bytes.length);
      });
    });
  }

  close(): void {
    const { kind } = this.#state;
    if (kind === "closed") return;
    this.#state = { kind: "closed" };
    this.#reader?.resolve(null);
    this.#reader = undefined;
    this.#openTap();
    const stream = this.#stream;
    // If a write is unfinished, its bytes are not being accepted; otherwise, only TLS's close is
    // left to be sent.
    if (stream.destroyed || this.#isWriting) return void stream.destroy();
    // Wait for the peer's close: closing with bytes unread, such as TLS session tickets, makes the
    // system reset the connection, and the peer loses what it has not read yet.
    const timer = setTimeout(() => stream.destroy(), LINGER);
    stream.once("close", () => clearTimeout(timer));
    stream.once("end", () => stream.destroy());
    stream.end();
    stream.resume();
    if (kind === "ended") stream.destroy();
  }

  get #isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  /** Lets the peer send as long as few bytes wait to be read. */
  #mayRead(): Promise<void> | void {
    if (this.#stream.readableLength < READ_AHEAD || this.#isClosed) return;
    return new Promise((resolve) => this.#openTap = resolve);
  }

  #end(error?: Error): void {
    const state = this.#state;
    if (state.kind === "closed") return;
    const first = state.kind === "ended" ? state.error : undefined;
    this.#state = { kind: "ended", error: first ?? error };
    this.#give();
  }

  #give(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const { buffer, resolve, reject } = reader;
    const count = Math.min(this.#stream.readableLength, buffer.length);
    // If there is nothing, this call makes the stream look for more, or for the end.
    const bytes: Uint8Array | null = this.#stream.read(count);
    const state = this.#state;
    if (bytes !== null) {
      buffer.set(bytes);
      resolve(count);
    } else if (state.kind !== "ended") return;
    else if (state.error !== undefined) reject(state.error);
    else resolve(null);
    this.#reader = undefined;
    if (this.#stream.readableLength < READ_AHEAD) this.#openTap();
  }
}

/**
 * Between transports and the streams of `node:stream`, which `node:tls` wants and gives.
 *
 * @module
 */

import type { Duplex } from "node:stream";
import { ReadBuffer } from "./_read_buffer.ts";
import { TransportClosedError } from "./errors.ts";
import type { Transport } from "./transport.ts";

/** Milliseconds for the last bytes of a connection that is being closed. */
const LINGER = 2000;

/** One of Deno's own modules; not by an import, which a bundle for browsers could not have. */
export const builtin: typeof process.getBuiltinModule = (id: string) =>
  globalThis.process.getBuiltinModule(id);

/** A Node stream on top of a transport. */
export function duplexOf(transport: Transport): Duplex {
  const { Duplex } = builtin("node:stream");
  const buffer = new ReadBuffer();
  async function read(this: Duplex): Promise<void> {
    try {
      const count = await transport.read(buffer.bytes);
      this.push(count === null ? null : buffer.bytes.slice(0, count));
      buffer.adapt(count ?? 0);
    } catch (error) {
      this.destroy(error as Error);
    }
  }
  async function write(bytes: Uint8Array, done: (error?: Error) => void): Promise<void> {
    try {
      for (let sent = 0; sent < bytes.length;) sent += await transport.write(bytes.subarray(sent));
    } catch (error) {
      return done(error as Error);
    }
    done();
  }
  return new Duplex({
    read,
    write: (chunk: Uint8Array, _encoding, done) => void write(chunk, done),
    destroy(error, done) {
      transport.close();
      done(error);
    },
  });
}

/** A transport on top of a Node stream. */
export class StreamTransport implements Transport {
  readonly #stream: Duplex;
  readonly #closed = Promise.withResolvers<void>();
  #reader: { buffer: Uint8Array; resolve: (count: number | null) => void } | undefined;
  #rejectReader: (error: Error) => void = () => {};
  #error: Error | undefined;
  #writing = false;
  #ended = false;

  /** Takes the stream over; nobody else may read it. */
  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("readable", () => this.#give());
    stream.on("end", () => this.#end());
    stream.on("error", (error) => this.#end(error));
    stream.on("close", () => {
      this.#end();
      this.#closed.resolve();
    });
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#reader = { buffer, resolve };
      this.#rejectReader = reject;
      this.#give();
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#stream.writableEnded || this.#stream.destroyed) {
        return reject(new TransportClosedError("Cannot write: connection closed"));
      }
      this.#writing = true;
      this.#stream.write(bytes, (error) => {
        this.#writing = false;
        if (error) reject(error);
        else resolve(bytes.length);
      });
    });
  }

  close(): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) return;
    this.#end();
    // Bytes of an unfinished write were not taken; without one, only a farewell is to be sent.
    if (this.#writing) return void stream.destroy();
    const timer = setTimeout(() => stream.destroy(), LINGER);
    stream.once("close", () => clearTimeout(timer));
    stream.end(() => stream.destroy());
  }

  #end(error?: Error): void {
    this.#ended = true;
    this.#error ??= error;
    this.#give();
  }

  #give(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const count = Math.min(this.#stream.readableLength, reader.buffer.length);
    if (count > 0 && !this.#stream.destroyed) {
      reader.buffer.set(this.#stream.read(count));
      reader.resolve(count);
    } else if (this.#error !== undefined) this.#rejectReader(this.#error);
    else if (this.#ended) reader.resolve(null);
    else return;
    this.#reader = undefined;
  }
}

/**
 * Sending streams in pages, one page for each chunk (docs/paging.md).
 *
 * @module
 */

import { noOperation } from "../errors/failure.ts";
import type { RemoteReference } from "../flavors/remote_reference.ts";
import { Pager, type PagerOptions } from "./pager.ts";

/**
 * Sends the contents of a stream: each chunk is a page, whatever it is.
 *
 * @example
 * ```ts
 * import { connectPair, getAllPages, type RemoteReference, Root, StreamPager } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * class Server extends Root {
 *   remote_count(collector: RemoteReference): Promise<void> {
 *     return new StreamPager(collector, ReadableStream.from([1, 2, 3])).finished;
 *   }
 * }
 * await using pair = await connectPair(new Server());
 * assertEquals(await getAllPages(pair.client.root(), "count"), [1, 2, 3]);
 * ```
 *
 * @typeParam Args The arguments of the callback.
 */
export class StreamPager<Args extends readonly unknown[] = []> extends Pager<Args> {
  readonly #source: ReadableStream<unknown> | (() => ReadableStream | Promise<ReadableStream>);
  #reader: Promise<ReadableStreamDefaultReader<unknown>> | undefined;

  /**
   * Creates a pager, which begins to send.
   *
   * @param collector Where the pages go.
   * @param source The stream, or a function that opens it, which is called when there is room for
   * the first page; the pager cancels the stream if it is not read to its end.
   * @param options What to do at the end, and how many pages may be on their way.
   */
  constructor(
    collector: RemoteReference,
    source: ReadableStream<unknown> | (() => ReadableStream | Promise<ReadableStream>),
    options: PagerOptions<Args> = {},
  ) {
    super(collector, options);
    this.#source = source;
  }

  /** Returns the next chunk. */
  override async nextPage(): Promise<unknown> {
    const reader = await this.#opened();
    const { done, value } = await reader.read();
    return done ? undefined : value ?? null;
  }

  /** Stops at once, without waiting for a chunk that has not arrived yet. */
  override stopPaging(): void {
    super.stopPaging();
    this.#cancel(undefined);
  }

  /**
   * Cancels the stream, unless it was read to its end.
   *
   * @param error Why the paging could not be finished, if it could not.
   */
  override pagingEnded(error: unknown): void {
    this.#cancel(error);
  }

  #opened(): Promise<ReadableStreamDefaultReader<unknown>> {
    return this.#reader ??= Promise.try(() => this.#open()).then((stream) => stream.getReader());
  }

  #open(): ReadableStream | Promise<ReadableStream> {
    const source = this.#source;
    return typeof source === "function" ? source() : source;
  }

  #cancel(reason: unknown): void {
    // A stream that has yet to be opened is not opened just for this.
    if (this.#reader === undefined && typeof this.#source === "function") return;
    // A stream that has failed cannot be cancelled; the reason is already known.
    this.#opened().then((reader) => reader.cancel(reason)).catch(noOperation);
  }
}

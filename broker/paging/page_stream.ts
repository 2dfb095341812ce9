/**
 * Pages as a stream (docs/paging.md).
 *
 * @module
 */

import { positiveInteger } from "../../transport/base/checks.ts";
import { PagingError, PBError } from "../errors/errors.ts";
import type { RemoteReference } from "../flavors/remote_reference.ts";
import type { CallableName, PageArgs } from "../flavors/types.ts";
import { PageReceiver } from "./page_collector.ts";
import { pageSize } from "./page_size.ts";

/** Options of a {@linkcode StreamPageCollector}. */
export interface StreamPageCollectorOptions<Page> {
  /**
   * Returns whether a page is of the kind that the stream is for; the stream fails at any other. By
   * default, only bytes are accepted.
   *
   * @param page The page that has arrived.
   */
  accept?: (page: unknown) => page is Page;
  /**
   * Approximate amount of memory that pages may take before the pager is slowed down, in bytes. A
   * page counts for at least the length of its message plus 256 bytes. Defaults to 262,144 (256
   * KiB).
   */
  highWaterMark?: number;
}

/**
 * Receives pages from the peer as a stream.
 *
 * When the stream is not read fast enough, pages are not answered until there is room: a pager with
 * a window then waits. From a pager without one, pages are accepted only up to limits of the
 * connection (`maxCallsIn`, `maxBufferedBytes`); then nothing more is read from the connection
 * until there is room.
 *
 * The stream fails when the pager stops before the last page, and when the connection is lost. Once
 * it is cancelled, pages that still arrive are dropped.
 *
 * @example
 * ```ts
 * import { connectPair, type RemoteReference, Root, StreamPageCollector, StringPager } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * class Server extends Root {
 *   remote_getPages(collector: RemoteReference): Promise<void> {
 *     const bytes = new TextEncoder().encode("Hello");
 *     return new StringPager(collector, bytes, { chunkSize: 2, window: 4 }).finished;
 *   }
 * }
 * await using pair = await connectPair(new Server());
 * const collector = new StreamPageCollector();
 * collector.fetch(pair.client.root(), "getPages");
 * assertEquals(await new Response(collector.readable).text(), "Hello");
 * ```
 *
 * @typeParam Page The type of the pages.
 */
export class StreamPageCollector<Page = Uint8Array> extends PageReceiver {
  /** The pages. */
  readonly readable: ReadableStream<Page>;
  readonly #accept: (page: unknown) => page is Page;
  readonly #controller: ReadableStreamDefaultController<Page>;
  #room: (() => void)[] = [];
  /** Length in bytes of the message that brought the page that is being passed on. */
  #messageBytes = 0;

  /**
   * Creates a collector, to be passed to the method that makes the pager.
   *
   * @param options Which pages to accept, and how many may wait to be read.
   * @throws {RangeError} If the high-water mark is not a positive integer.
   */
  constructor(options: StreamPageCollectorOptions<Page> = {}) {
    super();
    const { accept = isBytes as never, highWaterMark = 256 * 1024 } = options;
    this.#accept = accept;
    const strategy = {
      highWaterMark: positiveInteger("highWaterMark", highWaterMark),
      size: (page: Page) => pageSize(page, this.#messageBytes),
    };
    let controller: ReadableStreamDefaultController<Page>;
    this.readable = new ReadableStream<Page>({
      start: (given) => void (controller = given),
      pull: () => this.#makeRoom(),
      cancel: () => this.giveUp(new PagingError("Cannot collect pages: the stream was cancelled")),
    }, strategy);
    this.#controller = controller!;
  }

  /** Passes a page on; the promise resolves when there is room for more. */
  override pageReceived(page: unknown, messageBytes: number): Promise<void> | undefined {
    if (!this.#accept(page)) {
      this.giveUp(
        new PagingError("Cannot collect pages: one is not of the kind that was expected"),
      );
      throw new PBError("Cannot accept page: it is not of the kind that was expected");
    }
    this.#messageBytes = messageBytes;
    this.#controller.enqueue(page);
    if (this.#controller.desiredSize! > 0) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#room.push(resolve);
    return promise;
  }

  /** Ends the stream. */
  override pagesEnded(): void {
    this.#makeRoom();
    this.#controller.close();
  }

  /** Makes the stream fail; unread pages are dropped. */
  override pagesFailed(error: Error): void {
    this.#makeRoom();
    // This has no effect on a cancelled stream.
    this.#controller.error(error);
  }

  #makeRoom(): void {
    for (const resolve of this.#room.splice(0)) resolve();
  }
}

function isBytes(page: unknown): page is Uint8Array {
  return page instanceof Uint8Array;
}

/**
 * Calls a method that sends pages to its first argument, and returns the bytes as a stream.
 *
 * @example
 * ```ts
 * import { pagesAsStream, type RemoteReference } from "@perspective/broker/broker";
 *
 * async function download(server: RemoteReference, path: string): Promise<void> {
 *   await pagesAsStream(server, "getFile", path).pipeTo((await Deno.create(path)).writable);
 * }
 * ```
 *
 * @param reference The object that has the method.
 * @param method Name of the method, without `remote_`.
 * @param args Its arguments after the collector.
 * @typeParam T The class of the object.
 * @returns The bytes; the stream fails if the method does, or the pager stops before the last page.
 */
export function pagesAsStream<T, Name extends CallableName<T>>(
  reference: RemoteReference<T>,
  method: Name,
  ...args: PageArgs<T, Name>
): ReadableStream<Uint8Array> {
  const collector = new StreamPageCollector();
  collector.fetch(reference, method, ...args);
  return collector.readable;
}

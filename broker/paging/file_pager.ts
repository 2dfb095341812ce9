/**
 * Files and streams of bytes in pages of one size (`twisted.spread.util.FilePager`;
 * docs/paging.md).
 *
 * @module
 */

import { FixedChunkStream } from "@std/streams/unstable-fixed-chunk-stream";
import { positiveInteger } from "../../transport/base/checks.ts";
import { noOperation } from "../errors/failure.ts";
import type { RemoteReference } from "../flavors/remote_reference.ts";
import type { ChunkPagerOptions } from "./pager.ts";
import { StreamPager } from "./stream_pager.ts";

/** A file that is open, such as a `Deno.FsFile`. */
export interface ReadableFile {
  /** Its content; the file is closed when this has been read to its end, or cancelled. */
  readonly readable: ReadableStream<Uint8Array>;
}

/**
 * Sends a file, or a stream of bytes, in pages of one size (`twisted.spread.util.FilePager`).
 *
 * @example
 * ```ts
 * import { FilePager, type RemoteReference, Root } from "@perspective/broker/broker";
 *
 * class Server extends Root {
 *   remote_getLicense(collector: RemoteReference): Promise<void> {
 *     return new FilePager(collector, "LICENSE").finished;
 *   }
 * }
 * ```
 *
 * @typeParam Args The arguments of the callback.
 */
export class FilePager<Args extends readonly unknown[] = []> extends StreamPager<Args> {
  /** The file or stream that was passed, which is closed even if it is never read. */
  readonly #given: ReadableFile | ReadableStream<Uint8Array> | undefined;

  /**
   * Creates a pager, which begins to send.
   *
   * @param collector Where the pages go.
   * @param file A path, which is opened when there is room for the first page; an open file; or a
   * stream of bytes. The pager closes it. An empty one has no pages.
   * @param options The length of a page, which defaults to 16,384 bytes, and what to do at the end.
   * @throws {RangeError} If the length of a page is not a positive integer.
   */
  constructor(
    collector: RemoteReference,
    file: string | URL | ReadableFile | ReadableStream<Uint8Array>,
    options: ChunkPagerOptions<Args> = {},
  ) {
    const chunkSize = positiveInteger("chunkSize", options.chunkSize ?? 16 * 1024);
    super(
      collector,
      async () => streamOf(await opened(file)).pipeThrough(new FixedChunkStream(chunkSize)),
      options,
    );
    this.#given = isPath(file) ? undefined : file;
  }

  /**
   * Closes the file, or cancels the stream, unless it was read to its end.
   *
   * @param error Why the paging could not be finished, if it could not.
   */
  override pagingEnded(error: unknown): void {
    super.pagingEnded(error);
    if (this.#given === undefined) return;
    const stream = streamOf(this.#given);
    // A stream that is being read is cancelled together with the pages made from it.
    if (!stream.locked) stream.cancel(error).catch(noOperation);
  }
}

function isPath(file: string | URL | object): file is string | URL {
  return typeof file === "string" || file instanceof URL;
}

/** Opens a file that was given as a path. */
function opened(
  file: string | URL | ReadableFile | ReadableStream<Uint8Array>,
): ReadableFile | ReadableStream<Uint8Array> | Promise<ReadableFile> {
  return isPath(file) ? Deno.open(file) : file;
}

function streamOf(file: ReadableFile | ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  return file instanceof ReadableStream ? file : file.readable;
}

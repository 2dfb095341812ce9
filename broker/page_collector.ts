/**
 * Large things in small pages: what takes them (`twisted.spread.util.CallbackPageCollector`,
 * `getAllPages`; docs/paging.md).
 *
 * @module
 */

import type { Jellier } from "../jelly/mod.ts";
import { positiveInteger } from "../transport/checks.ts";
import type { Broker } from "./broker.ts";
import { LimitError, PagingError, PBConnectionLost, PBError } from "./errors.ts";
import { noOperation } from "./failure.ts";
import { brokerOf } from "./invoker.ts";
import type { Kwargs } from "./kwargs.ts";
import { pageSize } from "./page_size.ts";
import type { PageCollector } from "./pager.ts";
import { type ParameterNames, PARAMETERS } from "./parameters.ts";
import { Referenceable } from "./referenceable.ts";
import type { RemoteReference } from "./remote_reference.ts";
import type { CallableName, PageArgs } from "./types.ts";

const NAMES: ParameterNames = Object.freeze({ remote_gotPage: ["page"] });

/**
 * Takes pages from a pager at the other end; a subclass says what becomes of them.
 *
 * The pages end once: when the pager says so, or when there is no hope that it will, since
 * it has let go of the collector or the connection is lost. What comes later is dropped.
 */
export abstract class PageReceiver extends Referenceable implements PageCollector {
  #isOver = false;
  #isWatched = false;
  /** The connection that the pages come over, once that is known. */
  #broker: Broker | undefined;
  /** The call that asks for the pages, if this object made it. */
  #call: Promise<unknown> | undefined;

  /** Whether no more pages are taken. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Takes a page.
   *
   * @param page The page.
   * @param messageBytes How long the message was that brought it, in bytes.
   * @returns Nothing, or a promise that settles when there is room for more.
   */
  abstract pageReceived(page: unknown, messageBytes: number): unknown;

  /**
   * Learns that all pages have come.
   *
   * @returns Nothing, or a promise; an error is logged.
   */
  abstract pagesEnded(): unknown;

  /**
   * Learns that no more pages come, although not all have.
   *
   * @param error Why.
   * @returns Nothing, or a promise; an error is logged.
   */
  abstract pagesFailed(error: Error): unknown;

  /**
   * Calls a method that sends pages to its first argument, with this object for it. If the
   * call fails, no pages come, and its error says why.
   *
   * @param reference The object that has the method.
   * @param method Name of the method, without `remote_`.
   * @param args Its arguments behind the collector.
   * @typeParam T The class of the object.
   */
  fetch<T, Name extends CallableName<T>>(
    reference: RemoteReference<T>,
    method: Name,
    ...args: PageArgs<T, Name>
  ): void {
    this.#broker = reference.broker;
    // What the method takes first is checked at the other end only.
    this.#call = (reference as RemoteReference).callRemote(method, this, ...args);
    this.#call.catch((error) => this.giveUp(error));
  }

  /**
   * Takes a call from the other end.
   *
   * @param broker The connection that it came over.
   * @param message Name of the remote method, without the prefix.
   * @param args The positional arguments.
   * @param kw The keyword arguments, if there are any.
   * @returns What the method returns.
   * @throws {NoSuchMethod} If there is no such method.
   */
  override remoteMessageReceived(
    broker: Broker,
    message: string,
    args: unknown[],
    kw: Kwargs | undefined,
  ): unknown {
    this.#broker = broker;
    return super.remoteMessageReceived(broker, message, args, kw);
  }

  /** What Twisted's collector calls the parameter of its method. */
  get [PARAMETERS](): ParameterNames {
    return NAMES;
  }

  /**
   * Takes a page from the other end.
   *
   * @param page The page.
   * @returns What `pageReceived` gives.
   * @throws {PBError} If no more pages are taken, so that a pager that waits for answers stops.
   */
  remote_gotPage(page: unknown): unknown {
    if (this.#isOver) throw new PBError("No more pages are taken");
    return this.pageReceived(page, this.#broker?.messageBytes ?? 0);
  }

  /** Learns from the other end that all pages were sent. */
  remote_endedPaging(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#notify(() => this.pagesEnded());
  }

  /**
   * Gives up: pages that come later are dropped.
   *
   * @param error Why.
   */
  giveUp(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#notify(() => this.pagesFailed(error));
  }

  /**
   * Writes a reference, and begins to watch whether the other end holds it.
   *
   * @param jellier Where to write.
   */
  override jellyFor(jellier: Jellier): void {
    super.jellyFor(jellier);
    if (this.#isWatched) return;
    this.#isWatched = true;
    const broker = this.#broker = brokerOf(jellier, this);
    broker.onRelease(this, (isTakenBack) => {
      this.#isWatched = false;
      if (isTakenBack) return;
      if (broker.isClosed) {
        return this.giveUp(new PBConnectionLost("Cannot collect pages: connection lost"));
      }
      const error = new PagingError("Cannot collect pages: the pager stopped before the last one");
      if (this.#call === undefined) this.giveUp(error);
      // The answer may still come, and say why.
      else this.#call.then(() => this.giveUp(error), noOperation);
    });
  }

  /** Tells the program; before there is a connection, nobody but the program itself has a reason to. */
  #notify(callback: () => unknown): void {
    if (this.#broker === undefined) callback();
    else this.#broker.notifyAll([callback]);
  }
}

/** Options of a {@linkcode CallbackPageCollector}. */
export interface PageCollectorOptions {
  /** Called instead of the callback if not all pages came; like it, it is logged if it fails. */
  errback?: (error: Error) => unknown;
  /**
   * About how much memory all pages together may take, in bytes; 67,108,864 (64 MiB) unless given. A page
   * counts no less than its message, and 256 bytes more.
   */
  maxBytes?: number;
}

/**
 * Collects pages, and gives them all to a callback when the last one has come
 * (`twisted.spread.util.CallbackPageCollector`).
 *
 * @example
 * ```ts
 * import { CallbackPageCollector, type RemoteReference } from "@perspective/broker/broker";
 *
 * function show(server: RemoteReference) {
 *   const collector = new CallbackPageCollector(console.log, {
 *     maxBytes: 1_000_000,
 *     errback: console.error,
 *   });
 *   collector.fetch(server, "getPages");
 * }
 * ```
 */
export class CallbackPageCollector extends PageReceiver {
  readonly #callback: (pages: unknown[]) => unknown;
  readonly #errback: ((error: Error) => unknown) | undefined;
  readonly #maxBytes: number;
  #pages: unknown[] = [];
  #bytes = 0;

  /**
   * Creates a collector, to be sent to what makes the pager.
   *
   * @param callback Gets all pages; if it fails, that is logged.
   * @param options What to do if not all come, and how much may come.
   * @throws {RangeError} If the limit is not a positive integer.
   */
  constructor(callback: (pages: unknown[]) => unknown, options: PageCollectorOptions = {}) {
    super();
    this.#callback = callback;
    this.#errback = options.errback;
    this.#maxBytes = positiveInteger("maxBytes", options.maxBytes ?? 64 * 1024 * 1024);
  }

  /** Keeps a page; if that makes too many, gives up and drops them all. */
  override pageReceived(page: unknown, messageBytes: number): void {
    this.#bytes += pageSize(page, messageBytes);
    this.#pages.push(page);
    if (this.#bytes <= this.#maxBytes) return;
    const error = new LimitError(
      "maxBytes",
      `Cannot collect pages: they take more than ${this.#maxBytes} bytes`,
    );
    this.giveUp(error);
    throw error;
  }

  /** Calls the callback, and gives what that gives. */
  override pagesEnded(): unknown {
    const pages = this.#pages;
    this.#pages = [];
    return this.#callback(pages);
  }

  /** Drops the pages, calls the errback, and gives what that gives. */
  override pagesFailed(error: Error): unknown {
    this.#pages = [];
    return this.#errback?.(error);
  }
}

/**
 * Calls a method that sends pages to its first argument, and collects them
 * (`twisted.spread.util.getAllPages`).
 *
 * At most about 64 MiB; for more, or less, make a {@linkcode CallbackPageCollector} with a limit of your
 * own, or take the pages as a stream.
 *
 * @example
 * ```ts
 * import { getAllPages, type RemoteReference } from "@perspective/broker/broker";
 *
 * function fetchReport(server: RemoteReference, year: number): Promise<unknown[]> {
 *   return getAllPages(server, "getReport", year);
 * }
 * ```
 *
 * @param reference The object that has the method.
 * @param method Name of the method, without `remote_`.
 * @param args Its arguments behind the collector.
 * @returns All pages.
 * @typeParam T The class of the object.
 * @throws {RemoteError} If the method failed.
 * @throws {LimitError} If the pages take too much memory.
 * @throws {PagingError} If the pager stopped before the last page.
 * @throws {PBConnectionLost} If the connection was lost before.
 */
export function getAllPages<T, Name extends CallableName<T>>(
  reference: RemoteReference<T>,
  method: Name,
  ...args: PageArgs<T, Name>
): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    new CallbackPageCollector(resolve, { errback: reject }).fetch(reference, method, ...args);
  });
}

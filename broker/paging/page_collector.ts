/**
 * Large data in small pages: the receiving end (`twisted.spread.util.CallbackPageCollector`,
 * `getAllPages`; docs/paging.md).
 *
 * @module
 */

import type { Jellier } from "../../jelly/mod.ts";
import { positiveInteger } from "../../transport/base/checks.ts";
import type { Broker } from "../connection/broker.ts";
import { LimitError, PagingError, PBConnectionLost, PBError } from "../errors/errors.ts";
import { noOperation } from "../errors/failure.ts";
import { brokerOf, CONNECTION } from "../flavors/invoker.ts";
import type { Kwargs } from "../flavors/kwargs.ts";
import { type ParameterNames, PARAMETERS } from "../flavors/parameters.ts";
import { Referenceable } from "../flavors/referenceable.ts";
import type { RemoteReference } from "../flavors/remote_reference.ts";
import type { CallableName, PageArgs } from "../flavors/types.ts";
import { pageSize } from "./page_size.ts";
import type { PageCollector } from "./pager.ts";

const NAMES: ParameterNames = Object.freeze({ remote_gotPage: ["page"] });

/**
 * Receives pages from a pager of the peer; a subclass defines what becomes of them.
 *
 * The pages end once: when the pager says so, or when it no longer can, because it has released the
 * collector or the connection is lost. Anything that arrives later is dropped.
 */
export abstract class PageReceiver extends Referenceable implements PageCollector {
  #isOver = false;
  #isWatched = false;
  /** The connection that the pages come over, once known. */
  #broker: Broker | undefined;
  /** The call that asks for the pages, if this object made it. */
  #call: Promise<unknown> | undefined;

  /** Whether no more pages are accepted. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Receives a page.
   *
   * @param page The page.
   * @param messageBytes Length in bytes of the message that brought it.
   * @returns Nothing, or a promise that resolves when there is room for more.
   */
  abstract pageReceived(page: unknown, messageBytes: number): unknown;

  /**
   * Called when all pages have arrived.
   *
   * @returns Nothing, or a promise; an error is logged.
   */
  abstract pagesEnded(): unknown;

  /**
   * Called when no more pages will arrive although some are missing.
   *
   * @param error Why.
   * @returns Nothing, or a promise; an error is logged.
   */
  abstract pagesFailed(error: Error): unknown;

  /**
   * Calls a method that sends pages to its first argument, and passes this object as that argument.
   * If the call fails, no pages come, and its error says why.
   *
   * @param reference The object that has the method.
   * @param method Name of the method, without `remote_`.
   * @param args Its arguments after the collector.
   * @typeParam T The class of the object.
   */
  fetch<T, Name extends CallableName<T>>(
    reference: RemoteReference<T>,
    method: Name,
    ...args: PageArgs<T, Name>
  ): void {
    this.#broker = reference.broker;
    // The type of the method's first parameter is checked at the other end only.
    this.#call = (reference as RemoteReference).callRemote(method, this, ...args);
    this.#call.catch((error) => this.giveUp(error));
  }

  /**
   * Handles a call from the peer.
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

  /** Twisted's name for the parameter of its collector's method. */
  get [PARAMETERS](): ParameterNames {
    return NAMES;
  }

  /**
   * Handles a page from the peer.
   *
   * @param page The page.
   * @returns What `pageReceived` returns.
   * @throws {PBError} If no more pages are accepted, so that a pager that waits for answers stops.
   */
  remote_gotPage(page: unknown): unknown {
    if (this.#isOver) throw new PBError("No more pages are accepted");
    return this.pageReceived(page, this.#broker?.[CONNECTION].incoming.messageBytes ?? 0);
  }

  /** Handles the peer's message that all pages were sent. */
  remote_endedPaging(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#notify(() => this.pagesEnded());
  }

  /**
   * Gives up: pages that arrive later are dropped.
   *
   * @param error Why.
   */
  giveUp(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#notify(() => this.pagesFailed(error));
  }

  /**
   * Writes a reference, and begins to watch whether the peer holds it.
   *
   * @param jellier The jellier to write with.
   */
  override jellyFor(jellier: Jellier): void {
    super.jellyFor(jellier);
    if (this.#isWatched) return;
    this.#isWatched = true;
    const broker = this.#broker = brokerOf(jellier, this);
    broker[CONNECTION].onRelease(this, (isTakenBack) => {
      this.#isWatched = false;
      if (isTakenBack) return;
      if (broker.isClosed) {
        return this.giveUp(new PBConnectionLost("Cannot collect pages: connection lost"));
      }
      const error = new PagingError("Cannot collect pages: the pager stopped before the last one");
      if (this.#call === undefined) this.giveUp(error);
      // The answer may still arrive, and say why.
      else this.#call.then(() => this.giveUp(error), noOperation);
    });
  }

  /**
   * Notifies the program; before there is a connection, only the program itself can have caused it.
   */
  #notify(callback: () => unknown): void {
    if (this.#broker === undefined) callback();
    else this.#broker[CONNECTION].notifyAll([callback]);
  }
}

/** Options of a {@linkcode CallbackPageCollector}. */
export interface PageCollectorOptions {
  /** Called instead of the callback if some pages are missing; if it fails, that is logged too. */
  errback?: (error: Error) => unknown;
  /**
   * Approximate maximum amount of memory for all pages, in bytes. A page counts for at least the
   * length of its message plus 256 bytes. Defaults to 67,108,864 (64 MiB).
   */
  maxBytes?: number;
}

/**
 * Collects pages, and passes them all to a callback once the last one has arrived
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
   * Creates a collector, to be passed to the method that makes the pager.
   *
   * @param callback Receives all pages; if it fails, that is logged.
   * @param options What to do if some are missing, and how much may arrive.
   * @throws {RangeError} If the limit is not a positive integer.
   */
  constructor(callback: (pages: unknown[]) => unknown, options: PageCollectorOptions = {}) {
    super();
    this.#callback = callback;
    this.#errback = options.errback;
    this.#maxBytes = positiveInteger("maxBytes", options.maxBytes ?? 64 * 1024 * 1024);
  }

  /** Keeps a page; if that exceeds the limit, gives up and drops them all. */
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

  /** Calls the callback, and returns its result. */
  override pagesEnded(): unknown {
    const pages = this.#pages;
    this.#pages = [];
    return this.#callback(pages);
  }

  /** Drops the pages, calls the errback, and returns its result. */
  override pagesFailed(error: Error): unknown {
    this.#pages = [];
    return this.#errback?.(error);
  }
}

/**
 * Calls a method that sends pages to its first argument, and collects them
 * (`twisted.spread.util.getAllPages`).
 *
 * Accepts at most about 64 MiB; for a different limit create a {@linkcode CallbackPageCollector},
 * or receive the pages as a stream.
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
 * @param args Its arguments after the collector.
 * @returns All pages.
 * @typeParam T The class of the object.
 * @throws {RemoteError} If the method failed.
 * @throws {LimitError} If the pages take too much memory.
 * @throws {PagingError} If the pager stopped before the last page.
 * @throws {PBConnectionLost} If the connection was lost before that.
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

/**
 * Large things in small pages: what sends them (`twisted.spread.util.Pager`, `StringPager`;
 * docs/paging.md).
 *
 * @module
 */

import { positiveInteger } from "../transport/checks.ts";
import { PagingError, PBConnectionLost } from "./errors.ts";
import { noOperation } from "./failure.ts";
import { isPromise } from "./is_promise.ts";
import { released, RemoteReference } from "./remote_reference.ts";

/** What pages are sent to: the methods that a pager calls at the other end. */
export interface PageCollector {
  /**
   * Takes a page.
   *
   * @param page Any value.
   * @returns Nothing, or a promise that settles when there is room for more.
   */
  remote_gotPage(page: unknown): unknown;
  /** Learns that all pages have come. */
  remote_endedPaging(): unknown;
}

/** Options of a {@linkcode Pager}. */
export interface PagerOptions<Args extends readonly unknown[] = []> {
  /** Called when all pages are sent. */
  callback?: (...args: Args) => unknown;
  /** What the callback gets; nothing unless given. */
  args?: Args;
  /**
   * Most pages that may be on their way: the collector answers each one, and may take its time.
   * Without a window pages are sent as fast as the connection takes them, and not answered.
   */
  window?: number;
  /** Whether the reference to the collector may be used afterwards; it is released unless set. */
  keepCollector?: boolean;
  /** Stops the paging when it aborts; the collector is not told that it is at its end. */
  signal?: AbortSignal | undefined;
}

/** Where a pager is in its life. */
type State = "paging" | "stopping" | "ended";

/**
 * Sends something to a collector at the other end, page by page.
 *
 * A subclass says what the pages are. They are produced as the connection takes them:
 * several pagers on one connection take turns, and other calls come through in between. There may
 * be `maxPagers` of them (see `BrokerLimits`); one more ends with a `LimitError`, and sends nothing.
 *
 * The paging begins in the turn of the event loop in which the pager is made; the first page goes out
 * before the answer of the method that makes the pager, as by Twisted, unless the page is a promise. The
 * protocol has no word for a pager that fails: then the collector is let go without having heard of the end.
 * Let the method that makes a pager return `finished`, so that the caller learns why.
 *
 * @example
 * ```ts
 * import { Pager, type RemoteReference, Root } from "@perspective/broker/broker";
 *
 * class Countdown extends Pager {
 *   #left = 3;
 *   nextPage(): unknown {
 *     return this.#left === 0 ? undefined : this.#left--;
 *   }
 * }
 * class Server extends Root {
 *   remote_count(collector: RemoteReference): Promise<void> {
 *     return new Countdown(collector).finished;
 *   }
 * }
 * ```
 *
 * @typeParam Args What the callback gets.
 */
export abstract class Pager<Args extends readonly unknown[] = []> {
  /** How many pagers use a collector now. */
  static readonly #users = new WeakMap<RemoteReference, number>();

  /** Where the pages go. */
  readonly collector: RemoteReference<PageCollector>;
  readonly #options: PagerOptions<Args>;
  readonly #window: number;
  /** Answers that have not come yet, the oldest first. */
  readonly #answers: Promise<unknown>[] = [];
  readonly #finished = Promise.withResolvers<void>();
  #isWatched = false;
  #state: State = "paging";

  /**
   * Creates a pager, which begins to send.
   *
   * @param collector Where the pages go: a reference that came from the other end.
   * @param options What to do at the end, and how many pages may be on their way.
   * @throws {PagingError} If the collector is no reference.
   * @throws {RangeError} If the window is not a positive integer.
   */
  constructor(collector: RemoteReference, options: PagerOptions<Args> = {}) {
    if (!((collector as unknown) instanceof RemoteReference)) {
      throw new PagingError("Cannot send pages: the collector is no reference");
    }
    const { window } = options;
    this.#window = window === undefined ? 0 : positiveInteger("window", window);
    this.collector = collector as RemoteReference<PageCollector>;
    this.#options = options;
    this.#finished.promise.catch(noOperation);
    Pager.#users.set(collector, (Pager.#users.get(collector) ?? 0) + 1);
    // After the constructor of the subclass, but before the answer of the method that makes the pager.
    collector.broker.beginSoon(() => this.#begin());
  }

  /**
   * Gives the next page: any value that can be sent.
   *
   * @returns The page or a promise of it; undefined if there are no more.
   */
  abstract nextPage(): unknown;

  /** Stops: the page that is being made is sent, then the collector hears of the end. */
  stopPaging(): void {
    if (this.#state === "paging") this.#state = "stopping";
  }

  /** Whether there may be pages to come. */
  get stillPaging(): boolean {
    return this.#state === "paging";
  }

  /**
   * Settles when the paging has ended: resolves after the collector was told, rejects if it
   * could not be finished. Whoever reads this takes care of the error; else it is logged.
   */
  get finished(): Promise<void> {
    this.#isWatched = true;
    return this.#finished.promise;
  }

  /**
   * Gives back what the pages are made of; called once, however the paging ended.
   *
   * @param _error Why it could not be finished, if so.
   */
  pagingEnded(_error: unknown): void {}

  get #hasEnded(): boolean {
    return this.#state === "ended";
  }

  #begin(): void {
    const { signal } = this.#options;
    const { broker } = this.collector;
    if (signal?.aborted) return this.#aborted();
    try {
      broker.pageTurns.enter(this);
    } catch (error) {
      return this.#end({ error });
    }
    signal?.addEventListener("abort", this.#aborted);
    broker.notifyOnDisconnect(this.#disconnected);
    this.#run();
  }

  async #run(): Promise<void> {
    const { collector } = this;
    const { broker } = collector;
    try {
      // Nothing is opened or read while the peer takes nothing.
      const begin = broker.pageTurns.next(true);
      if (begin !== undefined) await begin;
      for (let isFirst = true; this.#state === "paging"; isFirst = false) {
        const made = this.nextPage();
        const isLater = isPromise(made);
        const page = isLater ? await made : made;
        if (page === undefined) break;
        // A first page that is there at once has the turn that was waited for.
        const turn = isFirst && !isLater ? undefined : broker.pageTurns.next(isFirst);
        if (turn !== undefined) await turn;
        if (this.#hasEnded) return;
        if (this.#window !== 0) await this.#sendInWindow(page);
        else {
          const hasRoom = this.#tell("gotPage", page);
          if (this.stillPaging) await (hasRoom ? undefined : broker.drained());
        }
      }
      if (this.#answers.length !== 0) await Promise.all(this.#answers);
      if (this.#hasEnded) return;
      // Behind the only page it goes out before the answer of the method too, as by Twisted.
      this.#tell("endedPaging");
      this.#end(undefined);
    } catch (error) {
      this.#end({ error });
    }
  }

  /** Calls the collector without an answer, and tells whether the connection takes more now. */
  #tell(method: string, ...args: readonly unknown[]): boolean {
    const { collector } = this;
    if (collector.isReleased) throw released(method);
    return collector.broker.tell(collector, method, args);
  }

  async #sendInWindow(page: unknown): Promise<void> {
    const answer = this.collector.callRemote("gotPage", page);
    answer.catch(noOperation);
    this.#answers.push(answer);
    if (this.#answers.length >= this.#window) await this.#answers.shift();
  }

  readonly #disconnected = (): void => {
    this.#end({ error: new PBConnectionLost("Cannot send pages: connection lost") });
  };

  readonly #aborted = (): void => {
    this.#end({ error: this.#options.signal?.reason });
  };

  #end(failure: { error: unknown } | undefined): void {
    if (this.#hasEnded) return;
    this.#state = "ended";
    const { collector } = this;
    const { callback, args, signal } = this.#options;
    const { broker } = collector;
    broker.dontNotifyOnDisconnect(this.#disconnected);
    broker.pageTurns.leave(this);
    signal?.removeEventListener("abort", this.#aborted);
    this.#releaseCollector();
    broker.notifyAll([() => this.pagingEnded(failure?.error)]);
    if (failure === undefined) {
      this.#finished.resolve();
      if (callback !== undefined) {
        broker.notifyAll([() => Reflect.apply(callback, undefined, args ?? [])]);
      }
      return;
    }
    const { error } = failure;
    this.#finished.reject(error);
    if (this.#isWatched || signal?.aborted || broker.isClosed) return;
    broker.logOften({
      event: "pagesFailed",
      level: "error",
      message: "Cannot send all pages",
      error,
    });
  }

  #releaseCollector(): void {
    const { collector } = this;
    const users = Pager.#users.get(collector)! - 1;
    Pager.#users.set(collector, users);
    // One that the other end has published is not counted.
    if (users === 0 && !this.#options.keepCollector && typeof collector.luid === "number") {
      collector.release();
    }
  }
}

/** Options of a pager that cuts bytes into pages. */
export interface ChunkPagerOptions<Args extends readonly unknown[] = []>
  extends PagerOptions<Args> {
  /** How long each page is, in bytes. */
  chunkSize?: number;
}

/**
 * Sends bytes in pages of one size (`twisted.spread.util.StringPager`).
 *
 * @example
 * ```ts
 * import { connectPair, getAllPages, type RemoteReference, Root, StringPager } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * class Server extends Root {
 *   remote_getPages(collector: RemoteReference): void {
 *     new StringPager(collector, new Uint8Array(250), { chunkSize: 100 });
 *   }
 * }
 * await using pair = await connectPair(new Server());
 * const pages = await getAllPages(pair.client.root(), "getPages") as Uint8Array[];
 * assertEquals(pages.map((page) => page.length), [100, 100, 50]);
 * ```
 *
 * @typeParam Args What the callback gets.
 */
export class StringPager<Args extends readonly unknown[] = []> extends Pager<Args> {
  readonly #bytes: Uint8Array;
  readonly #chunkSize: number;
  #at = 0;

  /**
   * Creates a pager, which begins to send.
   *
   * @param collector Where the pages go.
   * @param bytes What to send; not to be changed until it is sent. Nothing at all is one empty page.
   * @param options The length of a page, 8,192 bytes unless given, and what to do at the end.
   * @throws {RangeError} If the length of a page is not a positive integer.
   */
  constructor(
    collector: RemoteReference,
    bytes: Uint8Array,
    options: ChunkPagerOptions<Args> = {},
  ) {
    const chunkSize = positiveInteger("chunkSize", options.chunkSize ?? 8192);
    super(collector, options);
    this.#bytes = bytes;
    this.#chunkSize = chunkSize;
  }

  /** Gives the next page. */
  override nextPage(): Uint8Array {
    const page = this.#bytes.subarray(this.#at, this.#at += this.#chunkSize);
    if (this.#at >= this.#bytes.length) this.stopPaging();
    return page;
  }
}

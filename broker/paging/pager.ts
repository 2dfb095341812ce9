/**
 * Large data in small pages: the sending end (`twisted.spread.util.Pager`, `StringPager`;
 * docs/paging.md).
 *
 * @module
 */

import { positiveInteger } from "../../transport/base/checks.ts";
import { isPromise } from "../async/is_promise.ts";
import { PagingError, PBConnectionLost } from "../errors/errors.ts";
import { noOperation } from "../errors/failure.ts";
import { CONNECTION } from "../flavors/invoker.ts";
import { released, RemoteReference } from "../flavors/remote_reference.ts";
import { OWN_DIALECT } from "../link/negotiation.ts";

/**
 * Number of pages of which one is answered where there is no window, so that a pager learns of a
 * collector that takes no more.
 */
const CHECKED = 16;

/** The receiver of pages: the methods that a pager calls at the peer. */
export interface PageCollector {
  /**
   * Receives a page.
   *
   * @param page Any value.
   * @returns Nothing, or a promise that resolves when there is room for more.
   */
  remote_gotPage(page: unknown): unknown;
  /** Called when all pages have arrived. */
  remote_endedPaging(): unknown;
}

/** Options of a {@linkcode Pager}. */
export interface PagerOptions<Args extends readonly unknown[] = []> {
  /** Called when all pages are sent. */
  callback?: (...args: Args) => unknown;
  /** The arguments of the callback. Defaults to none. */
  args?: Args;
  /**
   * Maximum number of pages on their way at once: the collector answers each one, and may take its
   * time. Without a window, pages are sent as fast as the connection takes them; if the peer uses
   * this library, it answers some of them, so that the paging ends if it takes no more.
   */
  window?: number;
  /**
   * Whether the reference to the collector remains usable afterwards; if not, it is released.
   * Defaults to false.
   */
  keepCollector?: boolean;
  /** Stops the paging when it aborts; the collector is not told of the end. */
  signal?: AbortSignal | undefined;
}

/** The state of a pager. */
type State = "paging" | "stopping" | "ended";

/**
 * Sends something to a collector of the peer, page by page.
 *
 * A subclass defines the pages. They are produced as the connection takes them: several pagers on
 * one connection take turns, and other calls get through in between. There may be `maxPagers` of
 * them (see `BrokerLimits`); one more ends with a `LimitError`, and sends nothing.
 *
 * The paging begins in the turn of the event loop in which the pager is created; the first page
 * goes out before the answer of the method that creates the pager, as in Twisted, unless the page
 * is a promise. The protocol has no message for a pager that fails: in that case the collector is
 * released without being told of the end. Let the method that creates a pager return `finished`, so
 * that the caller learns why.
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
 * @typeParam Args The arguments of the callback.
 */
export abstract class Pager<Args extends readonly unknown[] = []> {
  /** Number of pagers that are using a collector. */
  static readonly #users = new WeakMap<RemoteReference, number>();

  /** Where the pages go. */
  readonly collector: RemoteReference<PageCollector>;
  readonly #options: PagerOptions<Args>;
  readonly #window: number;
  /** Answers that have not arrived yet, the oldest first. */
  readonly #answers: Promise<unknown>[] = [];
  readonly #finished = Promise.withResolvers<void>();
  /** Number of pages that were sent. */
  #sent = 0;
  #isWatched = false;
  #state: State = "paging";

  /**
   * Creates a pager, which begins to send.
   *
   * @param collector Where the pages go: a reference that came from the peer.
   * @param options What to do at the end, and how many pages may be on their way.
   * @throws {PagingError} If the collector is not a reference.
   * @throws {RangeError} If the window is not a positive integer.
   */
  constructor(collector: RemoteReference, options: PagerOptions<Args> = {}) {
    if (!((collector as unknown) instanceof RemoteReference)) {
      throw new PagingError("Cannot send pages: the collector is not a reference");
    }
    const { window } = options;
    this.#window = window === undefined ? 0 : positiveInteger("window", window);
    this.collector = collector as RemoteReference<PageCollector>;
    this.#options = options;
    this.#finished.promise.catch(noOperation);
    Pager.#users.set(collector, (Pager.#users.get(collector) ?? 0) + 1);
    // After the constructor of the subclass, but before the answer of the method that creates the
    // pager.
    collector.broker[CONNECTION].outbox.soon(() => this.#begin());
  }

  /**
   * Returns the next page: any value that can be sent.
   *
   * @returns The page or a promise of it; undefined if there are no more.
   */
  abstract nextPage(): unknown;

  /** Stops: the page that is being produced is sent, then the collector is told of the end. */
  stopPaging(): void {
    if (this.#state === "paging") this.#state = "stopping";
  }

  /** Whether there may be pages to come. */
  get stillPaging(): boolean {
    return this.#state === "paging";
  }

  /**
   * Settles when the paging has ended: resolves after the collector was told, rejects if it could
   * not be finished. Code that reads this property handles the error; otherwise the error is
   * logged.
   */
  get finished(): Promise<void> {
    this.#isWatched = true;
    return this.#finished.promise;
  }

  /**
   * Releases what the pages are made of; called once, however the paging ended.
   *
   * @param _error Why it could not be finished, if it could not.
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
      broker[CONNECTION].pageTurns.enter(this);
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
      // Nothing is opened or read while the peer takes no data.
      const begin = broker[CONNECTION].pageTurns.next(true);
      if (begin !== undefined) await begin;
      for (let isFirst = true; this.#state === "paging"; isFirst = false) {
        const made = this.nextPage();
        const isLater = isPromise(made);
        const page = isLater ? await made : made;
        if (page === undefined) break;
        // A first page that is available at once uses the turn that this pager has waited for.
        const turn = isFirst && !isLater ? undefined : broker[CONNECTION].pageTurns.next(isFirst);
        if (turn !== undefined) await turn;
        if (this.#hasEnded) return;
        if (this.#window !== 0) await this.#sendInWindow(page);
        else {
          const isChecked = ++this.#sent % CHECKED === 0 && broker.dialect === OWN_DIALECT;
          const hasRoom = isChecked ? this.#ask(page) : this.#tell("gotPage", page);
          // A checked page that cannot be sent has ended the paging by then.
          if (isChecked || this.stillPaging) await (hasRoom ? undefined : broker.drained());
        }
      }
      if (this.#answers.length !== 0) await Promise.all(this.#answers);
      if (this.#hasEnded) return;
      // If there is only one page, this also goes out before the answer of the method, as in
      // Twisted.
      this.#tell("endedPaging");
      this.#end(undefined);
    } catch (error) {
      this.#end({ error });
    }
  }

  /**
   * Calls the collector without waiting for an answer, and returns whether the connection takes
   * more now.
   */
  #tell(method: string, ...args: readonly unknown[]): boolean {
    const { collector } = this;
    if (collector.isReleased) throw released(method);
    return collector.broker[CONNECTION].tell(collector, method, args);
  }

  /**
   * Sends a page whose answer ends the paging if it is an error, without waiting for it; returns
   * whether the connection takes more now.
   */
  #ask(page: unknown): boolean {
    const { broker } = this.collector;
    this.collector.callRemote("gotPage", page).catch((error) => this.#end({ error }));
    return !broker[CONNECTION].link.output.isFull;
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
    broker[CONNECTION].pageTurns.leave(this);
    signal?.removeEventListener("abort", this.#aborted);
    this.#releaseCollector();
    broker[CONNECTION].notifyAll([() => this.pagingEnded(failure?.error)]);
    if (failure === undefined) {
      this.#finished.resolve();
      if (callback !== undefined) {
        broker[CONNECTION].notifyAll([() => Reflect.apply(callback, undefined, args ?? [])]);
      }
      return;
    }
    const { error } = failure;
    this.#finished.reject(error);
    if (this.#isWatched || signal?.aborted || broker.isClosed) return;
    broker[CONNECTION].logOften({
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
    // Published objects of the peer are not counted.
    if (users === 0 && !this.#options.keepCollector && typeof collector.luid === "number") {
      collector.release();
    }
  }
}

/** Options of a pager that cuts bytes or text into pages. */
export interface ChunkPagerOptions<Args extends readonly unknown[] = []>
  extends PagerOptions<Args> {
  /** Length of each page in bytes; of text, in characters. */
  chunkSize?: number;
}

/**
 * Sends bytes or text in pages of equal size (`twisted.spread.util.StringPager`).
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
 * @typeParam Args The arguments of the callback.
 */
export class StringPager<Args extends readonly unknown[] = []> extends Pager<Args> {
  readonly #string: Uint8Array | string;
  readonly #chunkSize: number;
  #at = 0;

  /**
   * Creates a pager, which begins to send.
   *
   * @param collector Where the pages go.
   * @param string The bytes, which must not change until they are sent, or the text, whose pages
   * are texts. If it is empty, one empty page is sent.
   * @param options The length of a page, which defaults to 8,192 bytes or characters, and what to do
   * at the end.
   * @throws {RangeError} If the length of a page is not a positive integer.
   * @throws {TypeError} If this is neither bytes nor text.
   */
  constructor(
    collector: RemoteReference,
    string: Uint8Array | string,
    options: ChunkPagerOptions<Args> = {},
  ) {
    const chunkSize = positiveInteger("chunkSize", options.chunkSize ?? 8192);
    if (typeof string !== "string" && !((string as unknown) instanceof Uint8Array)) {
      throw new TypeError("Cannot send pages: a StringPager sends bytes or text");
    }
    super(collector, options);
    this.#string = string;
    this.#chunkSize = chunkSize;
  }

  /** Returns the next page. */
  override nextPage(): Uint8Array | string {
    const string = this.#string;
    const start = this.#at;
    const isText = typeof string === "string";
    const end = isText ? endOf(string, start, this.#chunkSize) : start + this.#chunkSize;
    this.#at = end;
    if (end >= string.length) this.stopPaging();
    return isText ? string.slice(start, end) : string.subarray(start, end);
  }
}

/** Returns where some characters end; a pair of surrogates is one of them, as in Python. */
function endOf(text: string, start: number, characters: number): number {
  let end = start;
  for (let left = characters; left !== 0 && end < text.length; left--) {
    end += text.codePointAt(end)! > 0xffff ? 2 : 1;
  }
  return end;
}

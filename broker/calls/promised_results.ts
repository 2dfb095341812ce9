/**
 * Results that the peer calls before they have reached it (docs/protocol.md, "Pipelining").
 *
 * @module
 */

import { type NumberKey, numberKey } from "../../jelly/number_key.ts";
import { BusyMap } from "../../transport/base/busy_map.ts";
import { LimitError, NoSuchMethod } from "../errors/errors.ts";
import { CALLER } from "../flavors/referenceable.ts";
import type { ObjectId } from "../flavors/remote_reference.ts";

/** What is known about a result. */
export type ResultState =
  /** Nothing yet; calls of it wait. */
  | { readonly kind: "pending"; readonly waiting: (() => void)[] }
  /** It is an object of ours, with this number. */
  | { readonly kind: "object"; readonly luid: number }
  /** Nothing that could be called. */
  | { readonly kind: "failed"; readonly error: unknown };

/** The result of a call, as the object of other calls. */
export class PromisedResult {
  /** On whose behalf arguments of its calls are read: the one who made the first call. */
  readonly [CALLER]: object | null;
  readonly #table: PromisedResults;
  readonly #method: string;
  #state: ResultState = { kind: "pending", waiting: [] };

  /**
   * Creates a result that is not known yet.
   *
   * @param table Begins the calls that wait.
   * @param method Name of the method that is to return it.
   * @param caller Who called that method.
   */
  constructor(table: PromisedResults, method: string, caller: object | null) {
    this.#table = table;
    this.#method = method;
    this[CALLER] = caller;
  }

  /** What is known about it. */
  get state(): ResultState {
    return this.#state;
  }

  /**
   * Settles the result, once the answer with it is written; the calls that wait begin.
   *
   * @param luid The number under which it is sent; undefined if it is no object of ours.
   */
  succeed(luid: number | undefined): void {
    if (luid !== undefined) return this.#settle({ kind: "object", luid });
    const message = `Cannot call the result of "${this.#method}": it is not a reference`;
    this.fail(new NoSuchMethod(message));
  }

  /**
   * Makes all calls of the result fail.
   *
   * @param error What they fail with.
   */
  fail(error: unknown): void {
    this.#settle({ kind: "failed", error });
  }

  #settle(state: ResultState): void {
    const before = this.#state;
    if (before.kind !== "pending") return;
    this.#state = state;
    this.#table.begin(before.waiting);
  }
}

/** The results that the peer may call, by the number of the request that they answer. */
export class PromisedResults {
  readonly #max: number;
  readonly #onBegun: () => void;
  #results: BusyMap<NumberKey, PromisedResult> | undefined;
  /** Calls that are to begin, while one of them does. */
  #beginning: (() => void)[] | undefined;

  /**
   * Creates an empty table.
   *
   * @param max Maximum number of results.
   * @param onBegun Called when calls that waited have begun.
   */
  constructor(max: number, onBegun: () => void) {
    this.#max = max;
    this.#onBegun = onBegun;
  }

  /** Number of results, known and unknown. */
  get size(): number {
    return this.#results?.size ?? 0;
  }

  /**
   * Adds the result of a call that has arrived.
   *
   * @param request Number of the call's request.
   * @param method Name of the method that is to return it.
   * @param caller Who called that method.
   * @returns The result.
   * @throws {LimitError} If there are too many.
   */
  add(request: number, method: string, caller: object | null): PromisedResult {
    if (this.size >= this.#max) {
      throw new LimitError(
        "maxPipelined",
        `Cannot keep the result for other calls: ${this.#max} are kept`,
      );
    }
    const result = new PromisedResult(this, method, caller);
    (this.#results ??= new BusyMap()).set(numberKey(request), result);
    return result;
  }

  /**
   * Begins calls, after those that are to begin already: one that ends at once may have calls of
   * its own result wait, and so on, more deeply than functions can call each other.
   *
   * @param calls Begin one call each.
   */
  begin(calls: readonly (() => void)[]): void {
    const isFirst = this.#beginning === undefined;
    const beginning = this.#beginning ??= [];
    for (const call of calls) beginning.push(call);
    if (!isFirst) return;
    try {
      for (const call of beginning) call();
    } finally {
      this.#beginning = undefined;
    }
    // Not before: it may hand over more calls of the same results, which come after these.
    this.#onBegun();
  }

  /**
   * Finds a result.
   *
   * @param target What a call says that it calls: the number of a request, negated.
   * @returns The result, or undefined.
   */
  get(target: ObjectId): PromisedResult | undefined {
    return typeof target === "number" ? this.#results?.get(numberKey(-target)) : undefined;
  }

  /**
   * Removes a result, which the peer will not call any more; calls that wait for it still begin.
   *
   * @param target As for {@linkcode PromisedResults.get}; nothing happens if there is none.
   */
  delete(target: number): void {
    this.#results?.delete(numberKey(-target));
  }

  /** Forgets everything. */
  clear(): void {
    this.#results = undefined;
  }
}

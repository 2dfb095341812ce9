/**
 * Results that the peer calls before they have reached it (docs/protocol.md, "Pipelining").
 *
 * @module
 */

import { type NumberKey, numberKey } from "../../jelly/number_key.ts";
import { BusyMap } from "../../transport/base/busy_map.ts";
import { BusyTime } from "../../transport/base/event_turn.ts";
import { LimitError, type NoSuchMethod } from "../errors/errors.ts";
import type { PlainValue } from "../flavors/plain_value.ts";
import { CALLER } from "../flavors/referenceable.ts";
import type { ObjectId } from "../flavors/remote_reference.ts";
import type { StrangerBounds } from "../link/bound.ts";
import type { BrokerLimits } from "../link/limits.ts";

/** What is known about a result. */
export type ResultState =
  /** Nothing yet; calls of it wait. */
  | { readonly kind: "pending"; readonly waiting: ((settled: SettledState) => void)[] }
  /** It is an object of ours, with this number. */
  | { readonly kind: "object"; readonly luid: number }
  /** It is something else; `error` says so to those who call it. */
  | {
    readonly kind: "other";
    /** What it arrives as, if that can be passed on. */
    readonly value: PlainValue | undefined;
    /** Length of the answer in bytes. */
    readonly bytes: number;
    readonly error: NoSuchMethod;
  }
  /** There is none, as the call failed. */
  | {
    readonly kind: "failed";
    readonly error: unknown;
    /** Approximate number of bytes that the error takes. */
    readonly bytes: number;
  };

/** What is known about a result once its call is answered. */
export type SettledState = Exclude<ResultState, { readonly kind: "pending" }>;

/** The result of a call, as the object of other calls. */
export class PromisedResult {
  /** On whose behalf arguments of its calls are read: the one who made the first call. */
  readonly [CALLER]: object | null;
  /** Number of the request that it answers. */
  readonly request: number;
  readonly #table: PromisedResults;
  #bytes: number;
  #state: ResultState = { kind: "pending", waiting: [] };

  /**
   * Creates a result that is not known yet.
   *
   * @param table Begins the calls that wait.
   * @param request Number of the request that it answers.
   * @param caller Who made that call.
   * @param bytes Length of the request in bytes.
   */
  constructor(table: PromisedResults, request: number, caller: object | null, bytes: number) {
    this.#table = table;
    this.request = request;
    this.#bytes = bytes;
    this[CALLER] = caller;
  }

  /** What is known about it. */
  get state(): ResultState {
    return this.#state;
  }

  /**
   * Approximate number of bytes that it keeps if it is no object of ours: an error may keep the
   * request, and a text is as long as its answer.
   */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Settles the result, once the answer to its call is written; the calls that wait begin.
   *
   * @param state What is known now.
   */
  settle(state: SettledState): void {
    const before = this.#state;
    if (before.kind !== "pending") return;
    this.#state = state;
    if (state.kind !== "object") {
      if (state.kind === "failed" || state.value !== undefined) this.#bytes += state.bytes;
      this.#table.counted(this);
    }
    if (before.waiting.length === 0) return;
    this.#table.begin(before.waiting.map((begin) => () => begin(state)));
  }
}

/** What the results that the peer may call ask of their connection, and tell it. */
export interface PromisedResultsHooks {
  /** Limits on a peer that has not logged in, while it has not. */
  readonly bounds: StrangerBounds | undefined;
  /** Called when calls that had to wait have begun, or calls have ended. */
  progressed(): void;
}

/** The peer's calls that have begun, as the results that calls wait for see them. */
export interface CallsBegun {
  /** Whether so many have begun and are unanswered that others must wait. */
  readonly areTooManyBegun: boolean;
}

/** The results that the peer may call, by the number of the request that they answer. */
export class PromisedResults {
  readonly #limits: BrokerLimits;
  readonly #calls: CallsBegun;
  readonly #hooks: PromisedResultsHooks;
  /** Number of bytes that results keep which are no objects. */
  #bytes = 0;
  #results = new BusyMap<NumberKey, PromisedResult>();
  /** Calls that are to begin, in order, and the number of them that have. */
  #beginning: (() => void)[] = [];
  #begun = 0;
  #isRunning = false;

  /**
   * Creates an empty table.
   *
   * @param limits Limits.
   * @param calls The calls that have begun.
   * @param hooks The connection.
   */
  constructor(limits: BrokerLimits, calls: CallsBegun, hooks: PromisedResultsHooks) {
    this.#limits = limits;
    this.#calls = calls;
    this.#hooks = hooks;
  }

  /** Number of results, known and unknown. */
  get size(): number {
    return this.#results.size;
  }

  /** Maximum number of results. */
  get max(): number {
    return Math.min(this.#limits.maxPipelined, this.#hooks.bounds?.references.most ?? Infinity);
  }

  /**
   * Adds the result of a call that has arrived.
   *
   * @param request Number of the call's request.
   * @param caller Who made the call.
   * @param bytes Length of the request in bytes.
   * @returns The result.
   * @throws {LimitError} If there are too many, or those that are no objects are too large.
   */
  add(request: number, caller: object | null, bytes: number): PromisedResult {
    const cannot = "Cannot keep the result for other calls";
    if (this.size >= this.max) {
      throw new LimitError("maxPipelined", `${cannot}: ${this.max} are kept`);
    }
    const maxBytes = this.#hooks.bounds?.messageBytes.most ?? Infinity;
    if (this.#bytes >= Math.min(this.#limits.maxBufferedBytes, maxBytes)) {
      const fact = `${this.#bytes} bytes of calls whose results cannot be called are kept`;
      throw new LimitError("maxBufferedBytes", `${cannot}: ${fact}`);
    }
    // The peer may have used the number before.
    this.delete(-request);
    const result = new PromisedResult(this, request, caller, bytes);
    this.#results.set(numberKey(request), result);
    return result;
  }

  /**
   * Counts what a result keeps that is no object.
   *
   * @param result The result.
   */
  counted(result: PromisedResult): void {
    if (this.get(-result.request) === result) this.#bytes += result.bytes;
  }

  /** Whether calls are to begin that could not begin at once. */
  get isBeginning(): boolean {
    return this.#begun < this.#beginning.length;
  }

  /**
   * Begins calls, after those that are to begin already: one that ends at once may have calls of
   * its own result wait, and so on, more deeply than functions can call each other.
   *
   * @param calls Begin one call each.
   */
  begin(calls: readonly (() => void)[]): void {
    for (const call of calls) this.#beginning.push(call);
    void this.#run();
  }

  /** Goes on with calls that could not begin at once; to be called when others have ended. */
  proceed(): void {
    if (this.isBeginning) void this.#run();
  }

  /** Begins calls while not too many are running, and now and then gives others a turn. */
  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const busy = new BusyTime();
    try {
      while (this.isBeginning && !this.#calls.areTooManyBegun) {
        busy.begin();
        this.#beginning[this.#begun++]!();
        const turn = busy.done();
        if (turn !== undefined) await turn;
      }
    } finally {
      this.#isRunning = false;
    }
    if (this.isBeginning) return;
    this.#beginning = [];
    this.#begun = 0;
    // Not before: it may hand over more calls of the same results, which come after these.
    this.#hooks.progressed();
  }

  /**
   * Finds a result.
   *
   * @param target What a call says that it calls: the number of a request, negated.
   * @returns The result, or undefined.
   */
  get(target: ObjectId): PromisedResult | undefined {
    return typeof target === "number" ? this.#results.get(numberKey(-target)) : undefined;
  }

  /**
   * Removes a result, which the peer will not call any more; calls that wait for it still begin.
   *
   * @param target As for {@linkcode PromisedResults.get}; nothing happens if there is none.
   */
  delete(target: number): void {
    const result = this.get(target);
    if (result === undefined) return;
    this.#results.delete(numberKey(-target));
    const { kind } = result.state;
    if (kind === "failed" || kind === "other") this.#bytes -= result.bytes;
  }

  /** Forgets everything. */
  clear(): void {
    this.#results.clear();
    this.#beginning = [];
    this.#begun = 0;
    this.#bytes = 0;
  }
}

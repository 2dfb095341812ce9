/**
 * The calls that the peer makes: their objects, results and errors.
 *
 * @module
 */

import { asPromise } from "../async/is_promise.ts";
import type { Broker } from "../connection/broker.ts";
import { PBError } from "../errors/errors.ts";
import { kwargs } from "../flavors/kwargs.ts";
import { CALLER, type RemoteTarget } from "../flavors/referenceable.ts";
import { OWN_DIALECT } from "../link/negotiation.ts";
import type { ReadTools } from "../link/toolbox.ts";
import { Answers, type AnswersHooks, type AnswersParts, isMissing } from "./answers.ts";
import {
  type IncomingCall,
  invalidObject,
  type PassedResult,
  type ReadCall,
} from "./incoming_call.ts";
import { type CallHead, KEPT, type PassedOn, readPassedOn } from "./message_parts.ts";
import { NeededResults, type ResultsOutcome } from "./needed_results.ts";
import { PromisedResult, PromisedResults, type PromisedResultsHooks } from "./promised_results.ts";

/** Approximate number of bytes kept for a call that is not answered yet, besides its arguments. */
const CALL_BYTES = 256;

/** What calls that come in ask of their connection, and tell it. */
export interface IncomingCallsHooks extends AnswersHooks, PromisedResultsHooks {
  /** The dialect that both ends have agreed on, once they have. */
  readonly dialect: string | undefined;
}

/** What incoming calls work with. */
export interface IncomingCallsParts extends AnswersParts {
  /** The connection, for what only its parts may do. */
  readonly hooks: IncomingCallsHooks;
}

/** What happens to calls that arrive. */
type State =
  | { readonly kind: "open" }
  | { readonly kind: "refusing"; readonly error: PBError }
  | { readonly kind: "deaf" };

/** Receives calls, and makes sure that each is answered. */
export class IncomingCalls {
  /** On whose behalf arguments are being read. */
  perspective: object | null = null;
  readonly #broker: Broker;
  readonly #answers: Answers;
  readonly #hooks: IncomingCallsHooks;
  #state: State = { kind: "open" };
  #total = 0;
  /** The latest call whose method returned a promise that is pending: its place in the total. */
  #running = 0;
  #messageBytes = 0;
  #unanswered = 0;
  #unansweredBytes = 0;
  #promised: PromisedResults | undefined;
  /** Number of unanswered calls that wait for the result of another. */
  #waiting = 0;

  /**
   * Creates a receiver of calls.
   *
   * @param parts What it works with.
   */
  constructor(parts: IncomingCallsParts) {
    const { broker, hooks } = parts;
    this.#broker = broker;
    this.#hooks = hooks;
    this.#answers = new Answers(parts);
  }

  /** Results that the peer may call before it has them; undefined if it has asked for none. */
  get promised(): PromisedResults | undefined {
    return this.#promised;
  }

  /** Number of calls that have arrived. */
  get total(): number {
    return this.#total;
  }

  /**
   * Length in bytes of the message whose call is being handed to its object, and of the results that
   * were passed on to it; 0 if none is.
   */
  get messageBytes(): number {
    return this.#messageBytes;
  }

  /** Whether the latest call to have begun is one whose promise is still pending. */
  get isLatestRunning(): boolean {
    return this.#running === this.#total;
  }

  /** Number of calls that are not answered yet. */
  get size(): number {
    return this.#broker.isClosed ? 0 : this.#unanswered;
  }

  /** Whether so many calls, or such large ones, are unanswered that no more should be begun. */
  get isFull(): boolean {
    // Those that have waited, and are about to begin, come first.
    if (this.#promised?.isBeginning) return true;
    const { maxCallsIn } = this.#broker.settings.limits;
    // The result that calls wait for may depend on further calls.
    const begun = this.#unanswered - Math.min(this.#waiting, this.#promised?.max ?? 0);
    if (begun >= maxCallsIn) return true;
    return this.#unansweredBytes !== 0 && this.#unansweredBytes >= this.maxBytes;
  }

  /** Whether so many calls have begun, and are unanswered, that those that have waited must go on. */
  get areTooManyBegun(): boolean {
    return this.#unanswered - this.#waiting >= this.#broker.settings.limits.maxCallsIn;
  }

  /** Maximum number of bytes of unanswered calls: fewer while nobody has logged in. */
  get maxBytes(): number {
    const { maxBufferedBytes } = this.#broker.settings.limits;
    return Math.min(maxBufferedBytes, this.#hooks.bounds?.messageBytes.most ?? Infinity);
  }

  /** Approximate number of bytes kept for calls that are not answered yet. */
  get keptBytes(): number {
    return this.#unansweredBytes + this.#unanswered * CALL_BYTES;
  }

  /**
   * Makes every call that arrives from now on fail.
   *
   * @param error The error that they fail with.
   */
  refuse(error: PBError): void {
    this.#state = { kind: "refusing", error };
  }

  /**
   * Ignores calls that arrive from now on, without even an answer, as the connection is about to
   * close.
   */
  stopAnswering(): void {
    this.#state = { kind: "deaf" };
  }

  /**
   * Reads the arguments of a call.
   *
   * @param head What comes before them.
   * @param object The object that is called, if it is known.
   * @param tools Read them.
   * @param length Length of the message in bytes.
   * @returns The call; if they cannot be read, it fails when it is begun.
   */
  read(
    head: CallHead,
    object: RemoteTarget | PromisedResult | undefined,
    { reader, unjellier }: ReadTools,
    length: number,
  ): IncomingCall {
    const outer = this.perspective;
    const caller = this.perspective = object?.[CALLER] ?? null;
    let promised: PromisedResult | undefined;
    try {
      promised = this.#promise(head, caller, length);
      if (object === undefined) throw invalidObject();
      const args = unjellier.readItems();
      const names = unjellier.readNames();
      const kw = names === undefined ? undefined : kwargs(names);
      const passedOn = head.passesOn
        ? this.#passedOn(readPassedOn(reader), { args, kw, promised })
        : undefined;
      return { head, object, length, promised, args, kw, passedOn };
    } catch (fault) {
      return { head, object, length, promised, args: undefined, fault };
    } finally {
      this.perspective = outer;
    }
  }

  /** Finds the results that take the place of arguments. */
  #passedOn(
    places: readonly PassedOn[],
    { args, kw, promised }: Pick<ReadCall, "args" | "kw" | "promised">,
  ): PassedResult[] {
    return places.map(({ place, request }) => {
      const isThere = typeof place === "number"
        ? place >= 0 && place < args.length
        : kw !== undefined && Object.hasOwn(kw, place);
      if (!isThere) {
        throw new PBError("Cannot take call: it has no argument where a result belongs");
      }
      const result = this.#promised?.get(-request);
      // A call that waits for its own result would wait forever.
      if (result === undefined || result === promised) throw invalidObject();
      return { place, result };
    });
  }

  /** Keeps the result of a call, if the peer wants to call it before it has the answer. */
  #promise(
    { id, answer }: CallHead,
    caller: object | null,
    length: number,
  ): PromisedResult | undefined {
    if (answer !== KEPT || this.#broker.dialect !== OWN_DIALECT) return undefined;
    if (typeof id !== "number" || id <= 0) return undefined;
    const { limits } = this.#broker.settings;
    this.#promised ??= new PromisedResults(limits, this, this.#hooks);
    return this.#promised.add(id, caller, length);
  }

  /**
   * Begins a call, now or once its object is known.
   *
   * @param call The call.
   */
  begin(call: IncomingCall): void {
    const { object } = call;
    if (call.begun?.() === false) return this.#make(call, undefined);
    const isReady = call.args === undefined || call.passedOn === undefined;
    if (isReady && !(object instanceof PromisedResult)) return this.#make(call, object);
    this.#wait(call);
  }

  /** Makes a call once the results of earlier ones that it needs are known. */
  #wait(call: IncomingCall): void {
    const needed = new NeededResults(this.#broker, call, {
      kept: (bytes) => this.#unansweredBytes += bytes,
      known: (outcome) => {
        this.#waiting--;
        this.#unanswered--;
        this.#unansweredBytes -= needed.bytes;
        this.#makeWith(outcome, call);
        needed.release();
      },
    });
    const outcome = needed.wait();
    if (outcome !== undefined) {
      this.#makeWith(outcome, call);
      return needed.release();
    }
    this.#waiting++;
    this.#unanswered++;
    this.#unansweredBytes += needed.bytes;
  }

  /** Makes a call that needed results of earlier ones. */
  #makeWith(outcome: ResultsOutcome, call: IncomingCall): void {
    if (outcome.kind === "ready") return this.#make(outcome.call, outcome.object);
    this.#total++;
    // What the earlier call failed with is in the log already.
    if (this.#state.kind !== "deaf") this.#answers.failAgain(call, outcome.error);
  }

  /** Makes a call of an object, or answers that there is none. */
  #make(call: IncomingCall, object: RemoteTarget | undefined): void {
    const { length } = call;
    const perspective = object?.perspective ?? null;
    let result: unknown;
    let promise: Promise<unknown> | undefined;
    const place = ++this.#total;
    // Something in the arguments may have closed the connection.
    const state = this.#state;
    if (state.kind === "deaf" || this.#broker.isClosed) return;
    try {
      if (state.kind === "refusing") throw state.error;
      if (call.args === undefined) throw call.fault;
      if (object === undefined) throw invalidObject();
      result = this.#perform(object, call);
      promise = asPromise(result);
    } catch (error) {
      const isWrong = call.args === undefined || isMissing(error);
      return this.#answers.fail(call, error, isWrong ? "warning" : "error");
    }
    if (promise === undefined) return this.#answers.succeed(call, result, perspective);
    this.#running = place;
    this.#unanswered++;
    this.#unansweredBytes += length;
    promise.then(
      (value) => {
        this.#answers.succeed(call, value, perspective);
        this.#ended(place, length);
      },
      (error) => {
        this.#answers.fail(call, error);
        this.#ended(place, length);
      },
    );
  }

  /** Calls the method, or the program's function in place of it. */
  #perform(object: RemoteTarget, call: ReadCall): unknown {
    const broker = this.#broker;
    const { aroundCall } = broker.settings;
    const { head: { method }, args, kw } = call;
    if (aroundCall === undefined) return this.#handOver(object, call, args);
    // This may happen later, when other messages have arrived.
    const next = () => this.#handOver(object, call, [...args]);
    return aroundCall({ broker, target: object, method, args: [...args], kw }, next);
  }

  #handOver(object: RemoteTarget, { head, kw, length }: ReadCall, args: unknown[]): unknown {
    const outer = this.#messageBytes;
    this.#messageBytes = length;
    try {
      return object.remoteMessageReceived(this.#broker, head.method, args, kw);
    } finally {
      this.#messageBytes = outer;
    }
  }

  #ended(place: number, bytes: number): void {
    if (this.#running === place) this.#running = 0;
    this.#unanswered--;
    this.#unansweredBytes -= bytes;
    this.#hooks.progressed();
  }
}

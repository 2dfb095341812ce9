/**
 * The results of earlier calls that a call needs: as the object that it calls, or as arguments
 * (docs/protocol.md, "Pipelining").
 *
 * @module
 */

import type { Broker } from "../connection/broker.ts";
import { CONNECTION } from "../flavors/invoker.ts";
import { kwargs } from "../flavors/kwargs.ts";
import { plainValue } from "../flavors/plain_value.ts";
import type { RemoteTarget } from "../flavors/referenceable.ts";
import type { ObjectId } from "../flavors/remote_reference.ts";
import { type IncomingCall, invalidObject, type ReadCall } from "./incoming_call.ts";
import { PromisedResult, type SettledState } from "./promised_results.ts";

/** What a call is once the results that it needs are known. */
export type ResultsOutcome =
  | { readonly kind: "ready"; readonly call: IncomingCall; readonly object?: RemoteTarget }
  /** A result that it needs is the error of another call. */
  | { readonly kind: "failed"; readonly error: unknown };

/** A result that is known, with the object if it is one. */
type Known =
  | Exclude<SettledState, { readonly kind: "object" }>
  | { readonly kind: "object"; readonly object: RemoteTarget | undefined };

/** Is told of results that a call waits for. */
export interface Waiting {
  /** Called with the number of bytes that the call keeps of a result that has become known. */
  kept(bytes: number): void;
  /** Called once all results are known. */
  known(outcome: ResultsOutcome): void;
}

/** Waits for the results that a call needs. */
export class NeededResults {
  readonly #broker: Broker;
  readonly #call: IncomingCall;
  readonly #waiting: Waiting;
  /** The results, with the number of places that each takes. */
  readonly #needed: ReadonlyMap<PromisedResult, number>;
  readonly #known = new Map<PromisedResult, Known>();
  /** End the holds on objects that the peer may give back before the call begins. */
  readonly #held: (() => Iterable<() => unknown>)[] = [];
  #bytes: number;

  /**
   * Notes what a call needs.
   *
   * @param broker The connection.
   * @param call The call.
   * @param waiting Is told of results that become known later.
   */
  constructor(broker: Broker, call: IncomingCall, waiting: Waiting) {
    this.#broker = broker;
    this.#call = call;
    this.#waiting = waiting;
    this.#bytes = call.length;
    this.#needed = resultsFor(call);
  }

  /**
   * Length of the call in bytes, as if the peer had sent the results back that are known: the call
   * keeps them, even if the peer gives them back meanwhile.
   */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Waits until all results are known.
   *
   * @returns What the call is, if they are known already; nobody is told then.
   */
  wait(): ResultsOutcome | undefined {
    let left = 0;
    if (!(this.#call.object instanceof PromisedResult)) this.#hold(this.#call.head.target);
    for (const result of this.#needed.keys()) {
      const { state } = result;
      if (state.kind !== "pending") {
        this.#note(result, state);
        continue;
      }
      left++;
      state.waiting.push((settled) => {
        const before = this.#bytes;
        this.#note(result, settled);
        this.#waiting.kept(this.#bytes - before);
        if (--left === 0) this.#waiting.known(this.#outcome());
      });
    }
    return left === 0 ? this.#outcome() : undefined;
  }

  /** Lets go of the objects that the call needed; to be called once it has begun. */
  release(): void {
    if (this.#broker.isClosed) return;
    for (const end of this.#held.splice(0)) this.#broker[CONNECTION].notifyAll(end());
  }

  #hold(id: ObjectId): void {
    const end = this.#broker[CONNECTION].locals.hold(id);
    if (end !== undefined) this.#held.push(end);
  }

  #note(result: PromisedResult, state: SettledState): void {
    if (state.kind === "object") {
      const object = this.#broker.localObjectForID(state.luid);
      this.#known.set(result, { kind: "object", object });
      if (object !== undefined) this.#hold(state.luid);
    } else {
      this.#known.set(result, state);
      this.#bytes += result.bytes * this.#needed.get(result)!;
    }
  }

  #outcome(): ResultsOutcome {
    for (const known of this.#known.values()) if (known.kind === "failed") return known;
    const call = this.#call;
    try {
      const object = this.#object();
      const filled = call.args === undefined ? call : this.#filled(call);
      return { kind: "ready", call: filled, ...(object !== undefined && { object }) };
    } catch (fault) {
      return { kind: "ready", call: { ...call, args: undefined, fault } };
    }
  }

  /** Returns the object that is called. */
  #object(): RemoteTarget | undefined {
    const { object } = this.#call;
    if (!(object instanceof PromisedResult)) return object;
    const known = this.#known.get(object)!;
    if (known.kind === "object") return known.object;
    throw known.error;
  }

  /** Puts results in the places of arguments. */
  #filled(call: ReadCall): ReadCall {
    const { passedOn } = call;
    if (passedOn === undefined) return call;
    const args = [...call.args];
    const names: Record<string, unknown> = { ...call.kw };
    for (const { place, result } of passedOn) {
      const value = valueOf(this.#known.get(result)!);
      if (typeof place === "number") args[place] = value;
      else Object.defineProperty(names, place, { value });
    }
    return { ...call, args, kw: call.kw && kwargs(names), length: this.#bytes };
  }
}

/** Returns a result as it arrives when the peer sends it back. */
function valueOf(known: Known): unknown {
  if (known.kind === "failed") throw known.error;
  if (known.kind === "other") return plainValue(known.value);
  if (known.object === undefined) throw invalidObject();
  return known.object;
}

/** Returns the results that a call needs, and in how many places. */
function resultsFor({ object, ...call }: IncomingCall): Map<PromisedResult, number> {
  const results = new Map<PromisedResult, number>();
  if (object instanceof PromisedResult) results.set(object, 1);
  if (call.args === undefined) return results;
  for (const { result } of call.passedOn ?? []) results.set(result, (results.get(result) ?? 0) + 1);
  return results;
}

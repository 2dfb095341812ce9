/**
 * Keyword arguments and options, which may follow the positional arguments of a call.
 *
 * @module
 */

import { JellyError } from "../../jelly/mod.ts";
import { deadline } from "../../transport/base/checks.ts";

/**
 * The keyword arguments of a call, for and from Python peers.
 *
 * Each argument is a property. A handler gets them as its last argument, if there are any.
 *
 * @example
 * ```ts
 * import { Kwargs, kwargs, Root } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * class Adder extends Root {
 *   remote_add(value: number, to: Kwargs<{ to?: number }> = kwargs({})) {
 *     return value + (to.to ?? 0);
 *   }
 * }
 * assertEquals(new Adder().remote_add(1, kwargs({ to: 2 })), 3);
 * ```
 */
export type Kwargs<T extends object = Record<string, unknown>> = T & KwargsBrand<keyof T>;

/** What distinguishes keyword arguments from a plain object. */
// Not an interface: that could not be assigned to a type with an index signature, as `Kwargs` is.
export type KwargsBrand<Names extends PropertyKey = PropertyKey> = {
  /**
   * Names the class. Only its type also says which names there are, so that the compiler finds one
   * that is misspelled.
   */
  readonly [Symbol.toStringTag]: "Kwargs" & { readonly names?: Names };
};

class KwargsObject {
  constructor(values: object) {
    for (const [name, value] of Object.entries(values)) {
      Object.defineProperty(this, name, { value, enumerable: true });
    }
    Object.freeze(this);
  }
}
Object.defineProperties(KwargsObject, { name: { value: "Kwargs" } });
Object.defineProperties(KwargsObject.prototype, { [Symbol.toStringTag]: { value: "Kwargs" } });

/** The class of {@linkcode Kwargs}, for `instanceof`. */
export const Kwargs: { [Symbol.hasInstance](value: unknown): value is Kwargs } =
  KwargsObject as never;

/**
 * Creates keyword arguments, to be passed as the last argument of a call.
 *
 * @example
 * ```ts
 * import { Kwargs, kwargs } from "@perspective/broker/broker";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const to = kwargs({ to: 2 });
 * assertEquals(to.to, 2);
 * assert(to instanceof Kwargs);
 * ```
 *
 * @param values The arguments by name.
 * @returns The arguments, frozen.
 */
export function kwargs<T extends object>(values: T): Kwargs<T> {
  // The constructor has defined the fields, which the compiler cannot see.
  return new KwargsObject(values) as unknown as Kwargs<T>;
}

/**
 * How a call is made; created by {@linkcode callOptions}.
 *
 * @typeParam Answer Whether the peer is to answer at all.
 */
export class CallOptions<Answer extends boolean = boolean> {
  /** Abandons the call when it aborts: the call rejects with the signal's reason. */
  readonly signal: AbortSignal | undefined;
  /** Time for the answer, in milliseconds; no limit if undefined. */
  readonly timeout: number | undefined;
  /** Whether the peer is to answer at all. */
  readonly answer: Answer;

  /**
   * Creates options.
   *
   * @param init The options that differ from the defaults.
   * @throws {RangeError} If the timeout is neither a positive integer that a timer accepts nor
   * `Infinity`.
   */
  constructor(init: CallOptionsInit<Answer>) {
    const { signal, timeout, answer = true as Answer } = init;
    this.signal = signal;
    if (timeout !== undefined) deadline("timeout", timeout);
    this.timeout = timeout === Infinity ? undefined : timeout;
    this.answer = answer;
    Object.freeze(this);
  }
}

/** Options for {@linkcode callOptions}. */
export interface CallOptionsInit<Answer extends boolean = boolean> {
  /** Abandons the call when it aborts; the peer is not told, and its answer is dropped. */
  signal?: AbortSignal | undefined;
  /** Time for the answer, in milliseconds. Defaults to no limit. */
  timeout?: number | undefined;
  /**
   * Whether the peer is to answer. If not, the call resolves to undefined as soon as the connection
   * can take more, and errors at the peer stay there (Twisted's `pbanswer=False`). A call that
   * cannot be sent still rejects. Defaults to true.
   */
  answer?: Answer;
}

/**
 * Creates options that say how a call is made: pass them as the very last argument.
 *
 * @example
 * ```ts
 * import { callOptions, type RemoteReference } from "@perspective/broker/broker";
 *
 * function ping(ref: RemoteReference) {
 *   return ref.callRemote("ping", callOptions({ timeout: 500 }));
 * }
 * ```
 *
 * @param init Signal, timeout, and whether the peer is to answer.
 * @returns The options.
 * @throws {RangeError} If the timeout is neither a positive integer that a timer accepts nor
 * `Infinity`.
 */
export function callOptions<Answer extends boolean = true>(
  init: CallOptionsInit<Answer>,
): CallOptions<Answer> {
  return new CallOptions(init);
}

// Both are parts of a call. A program that passes one as a value is told where it belongs.
Object.defineProperties(KwargsObject.prototype, {
  jellyFor: refusal(
    "Kwargs are not a value: they go after the other arguments; to send an object, use { ...kwargs }",
  ),
});
Object.defineProperties(CallOptions.prototype, {
  jellyFor: refusal(
    "CallOptions are not a value: they go after all other arguments, keyword arguments included",
  ),
});

function refusal(fact: string): PropertyDescriptor {
  return {
    value(this: object) {
      throw new JellyError(fact, { culprit: this });
    },
  };
}

/** What the arguments passed to `callRemote` stand for. */
export interface CallArgs {
  /** The positional arguments. */
  readonly positional: readonly unknown[];
  /** The keyword arguments, if there are any. */
  readonly keywords: Record<string, unknown> | undefined;
  /** Options of the call, if there are any. */
  readonly options: CallOptions | undefined;
  /** Whether an answer is wanted. */
  readonly answer: boolean;
}

/**
 * Splits keyword arguments and options off the end of the arguments.
 *
 * @param args The arguments as passed to `callRemote`.
 * @returns What they stand for.
 */
export function splitArgs(args: readonly unknown[]): CallArgs {
  const end = args[args.length - 1];
  const options = end instanceof CallOptions ? end : undefined;
  const rest = options === undefined ? args : args.slice(0, -1);
  const answer = options?.answer ?? true;
  const last = rest[rest.length - 1];
  if (!(last instanceof Kwargs)) return { positional: rest, keywords: undefined, options, answer };
  // Twisted's way to say that no answer is wanted.
  const { pbanswer = answer, ...keywords } = last;
  return { positional: rest.slice(0, -1), keywords, options, answer: Boolean(pbanswer) };
}

/** The options of a call that nobody wants an answer to, nor waits until it can be sent. */
export const NO_ANSWER: CallOptions<false> = callOptions({ answer: false });

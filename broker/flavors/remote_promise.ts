/**
 * Results that can be called before they have arrived (docs/protocol.md, "Pipelining").
 *
 * @module
 */

import { type IJellyable, JellyError } from "../../jelly/mod.ts";
import type { Broker } from "../connection/broker.ts";
import { NoSuchMethod } from "../errors/errors.ts";
import { CONNECTION } from "./invoker.ts";
import { plainValue } from "./plain_value.ts";
import { type ObjectId, released, RemoteReference, stubOf } from "./remote_reference.ts";
import type { CallableName, IsUntyped, RemoteArgs, RemoteResult, RemoteStub } from "./types.ts";

/** The class of the object that a result refers to; `never` if it is not a reference. */
export type Referent<T> = IsUntyped<T> extends true ? unknown
  : T extends RemoteReference<infer Target> ? Target
  : never;

/** What is known about the result. */
type State =
  /** Nothing; if the peer was asked to keep it, it is called by the number of the request. */
  | { readonly kind: "pending"; readonly request: number | undefined }
  | { readonly kind: "reference"; readonly reference: RemoteReference }
  /** It is something else; `error` says so to those who call it. */
  | { readonly kind: "other"; readonly value: unknown; readonly error: NoSuchMethod }
  | { readonly kind: "failed"; readonly error: unknown };

/** How a result is passed on as an argument. */
export type Passing =
  /** The peer knows it by the number of the request. */
  | { readonly kind: "request"; readonly request: number }
  /** As it has arrived. */
  | { readonly kind: "value"; readonly value: unknown };

/**
 * The result of a call, from {@linkcode RemoteReference.pipeline}: its methods can be called before
 * it has arrived.
 *
 * If the first call fails, calls of its result fail with the same error. If it does not return an
 * object that is sent as a reference, they fail with a {@linkcode NoSuchMethod}. Calls of the
 * result begin at the peer in the order in which they were made, once the result is known there.
 *
 * If it is a reference, a text, a number, a boolean or null, it can also be an argument of a call
 * over the same connection (but not a part of an argument). That call begins at the peer once the
 * result is known there, and is passed what it would be passed if the result had been awaited and
 * sent back; calls made later may begin before it. If the first call fails, that call fails with the
 * same error.
 *
 * It can be awaited, like what `callRemote` returns; if it is not, its failure is reported only
 * through the calls that fail with it.
 *
 * `using` gives the object back, as for a reference.
 *
 * @typeParam T What the result arrives as.
 */
export class RemotePromise<T = unknown> implements Promise<T>, IJellyable, Disposable {
  readonly #broker: Broker;
  readonly #method: string;
  readonly #result: Promise<unknown>;
  #state: State = { kind: "pending", request: undefined };
  /** Calls of a result that the peer was not asked to keep, or not yet, and calls with it. */
  readonly #waiting: (() => void)[] = [];
  /** Whether some of them are calls of it: then later calls of it come after them. */
  #haveCallsWaited = false;
  #isReleased = false;
  /** Number of calls that need it and wait for something. */
  #holds = 0;
  #stub: object | undefined;

  /**
   * Makes the first call; called by the broker.
   *
   * @param broker The connection.
   * @param method Name of the method that is called.
   * @param call Calls it, and passes the number of the request to its argument if the peer was
   * asked to keep the result.
   */
  constructor(
    broker: Broker,
    method: string,
    call: (onKept: (request: number) => void) => Promise<unknown>,
  ) {
    this.#broker = broker;
    this.#method = method;
    this.#result = call((request) => {
      // A login that was given up may still go on, and ask for its result to be kept.
      if (this.#state.kind !== "pending") return broker[CONNECTION].forgetResult(request);
      this.#state = { kind: "pending", request };
      this.#retry();
    });
    this.#result.then(
      (value) => this.#arrived(value),
      (error) => this.#settle({ kind: "failed", error }),
    );
  }

  #arrived(value: unknown): void {
    // A rule of the program may make of an answer a reference of another connection.
    if (value instanceof RemoteReference && value.broker === this.#broker) {
      this.#settle({ kind: "reference", reference: value });
      return this.#giveBack();
    }
    const message = `Cannot call the result of "${this.#method}": it is not a reference`;
    this.#settle({ kind: "other", value, error: new NoSuchMethod(message) });
  }

  #settle(state: State): void {
    const before = this.#state;
    this.#state = state;
    if (before.kind !== "pending") return;
    this.#retry();
    if (before.request !== undefined) this.#broker[CONNECTION].forgetResult(before.request);
  }

  /** Sends the calls that could not be sent so far, in order. */
  #retry(): void {
    this.#haveCallsWaited = false;
    for (const retry of this.#waiting.splice(0)) retry();
  }

  /**
   * Waits for the result.
   *
   * @param onFulfilled Receives it.
   * @param onRejected Receives the error of the call.
   * @returns As for a promise.
   */
  then<Fulfilled = T, Rejected = never>(
    onFulfilled?: ((value: T) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    return (this.#result as Promise<T>).then(onFulfilled, onRejected);
  }

  /**
   * Handles the error of the call.
   *
   * @param onRejected Receives it.
   * @returns As for a promise.
   */
  catch<Rejected = never>(
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<T | Rejected> {
    return this.then(undefined, onRejected);
  }

  /**
   * Calls a function once the call has ended.
   *
   * @param onFinally The function.
   * @returns As for a promise.
   */
  finally(onFinally?: (() => void) | null): Promise<T> {
    return (this.#result as Promise<T>).finally(onFinally);
  }

  /** The name of the class, for code that prints a result. */
  get [Symbol.toStringTag](): "RemotePromise" {
    return "RemotePromise";
  }

  /**
   * Calls a method of the result.
   *
   * @param name Name of the method, without `remote_`.
   * @param args As for {@linkcode RemoteReference.callRemote}.
   * @returns What the method returned.
   * @throws {NoSuchMethod} If the result is not a reference, or the object has no such method.
   * @throws {unknown} What the first call failed with, or what `callRemote` throws.
   */
  callRemote<Name extends CallableName<Referent<T>>, Answer extends boolean = true>(
    name: Name,
    ...args: RemoteArgs<Referent<T>, Name, Answer>
  ): Promise<RemoteResult<Referent<T>, Name, NoInfer<Answer>>> {
    return this.#call(name, args) as Promise<RemoteResult<Referent<T>, Name, Answer>>;
  }

  /**
   * Calls a method of the result that returns an object, which can itself be called at once.
   *
   * @param name Name of the method, without `remote_`.
   * @param args As for {@linkcode RemoteReference.callRemote}.
   * @returns The result of that call.
   */
  pipeline<Name extends CallableName<Referent<T>>>(
    name: Name,
    ...args: RemoteArgs<Referent<T>, Name, true>
  ): RemotePromise<RemoteResult<Referent<T>, Name>> {
    return new RemotePromise(this.#broker, name, (onKept) => this.#call(name, args, onKept));
  }

  /** The methods of the result, callable as if they were local. */
  get remote(): RemoteStub<Referent<T>> {
    this.#stub ??= stubOf(this, (name, args) => this.#call(name, args));
    return this.#stub as RemoteStub<Referent<T>>;
  }

  #call(
    name: string,
    args: readonly unknown[],
    onKept?: (request: number) => void,
  ): Promise<unknown> {
    if (this.#isReleased) return Promise.reject(released(name));
    return this.#broker[CONNECTION].call(this as never, name, args, onKept);
  }

  /**
   * On whose behalf arguments of its calls are written: objects in an answer arrive on nobody's.
   *
   * @internal
   */
  get perspective(): null {
    return null;
  }

  /**
   * Finds the object when a call is sent, which may be after this was released; called by the broker.
   *
   * @param name Name of the method.
   * @param retry Called once it is known, if it is not.
   * @returns Its number or name, or the number of the request, negated; undefined if it has to be
   * known first.
   * @throws {unknown} The error that calls of the result fail with.
   * @internal
   */
  find(name: string, retry: () => void): ObjectId | undefined {
    const state = this.#state;
    switch (state.kind) {
      case "pending":
        // If the first call had to wait itself, some calls of its result may be waiting too: this
        // one comes after them.
        if (state.request !== undefined && !this.#haveCallsWaited) return -state.request;
        this.#haveCallsWaited = true;
        this.#waiting.push(retry);
        return undefined;
      case "reference":
        // Calls that wait keep it from being released here, but it may have been released elsewhere.
        if (state.reference.isReleased) throw released(name);
        return state.reference.luid;
      case "other":
      case "failed":
        throw state.error;
    }
  }

  /**
   * Returns how the result is passed on when a call is sent; called by the broker.
   *
   * @param broker The connection over which it is to be sent.
   * @param retry Called once it is known, if it has to be known first.
   * @returns How it is passed on; undefined if it has to be known first.
   * @throws {PBError} If it is of a kind that cannot be passed on.
   * @throws {unknown} The error of the first call.
   * @internal
   */
  passOn(broker: Broker, retry: () => void): Passing | undefined {
    const state = this.#state;
    switch (state.kind) {
      case "pending":
        if (state.request !== undefined && broker === this.#broker) {
          return { kind: "request", request: state.request };
        }
        this.#waiting.push(retry);
        return undefined;
      case "reference":
        return { kind: "value", value: state.reference };
      case "other":
        // Whether it has arrived must make no difference.
        return { kind: "value", value: plainValue(state.value) };
      case "failed":
        throw state.error;
    }
  }

  /** Whether the result was released. */
  get isReleased(): boolean {
    return this.#isReleased;
  }

  /**
   * Gives the object back, now or once it has arrived; it can neither be called nor passed on any
   * more.
   */
  release(): void {
    this.#isReleased = true;
    this.#giveBack();
  }

  #giveBack(): void {
    if (this.#holds !== 0 || !this.#isReleased) return;
    if (this.#state.kind === "reference") this.#state.reference.release();
  }

  /**
   * Keeps the object from being given back while a call waits that was made before; called by the
   * broker.
   *
   * @returns Ends this; to be called once.
   * @internal
   */
  hold(): () => void {
    this.#holds++;
    return () => {
      this.#holds--;
      this.#giveBack();
    };
  }

  /** Gives the object back, for `using`; see {@linkcode RemotePromise.release}. */
  [Symbol.dispose](): void {
    this.release();
  }

  /**
   * Refuses to be sent.
   *
   * @throws {JellyError} Always.
   */
  jellyFor(): never {
    throw new JellyError(
      "the result of a call can be an argument, but has to be awaited before it can be part of one",
    );
  }
}

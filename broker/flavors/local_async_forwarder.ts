/**
 * A local object behind an interface, called as if it were remote
 * (`twisted.spread.util.LocalAsyncForwarder`).
 *
 * @module
 */

import { NoSuchMethod } from "../errors/errors.ts";
import type { AnyMethod } from "./types.ts";

/** Names of the methods of T. */
export type MethodKey<T> =
  & string
  & keyof {
    [Key in keyof T as T[Key] extends AnyMethod ? Key : never]: never;
  };

/** An interface in a form available at run time: the names of its methods, each a method of T. */
export type LocalInterface<T> = readonly MethodKey<T>[];

/** Options of a {@linkcode LocalAsyncForwarder}. */
export interface LocalAsyncForwarderOptions {
  /** Whether calls of other methods fail; if not, they return null. Defaults to false. */
  failWhenNotImplemented?: boolean;
}

/**
 * Calls an object's methods that belong to an interface, and no others.
 *
 * @example
 * ```ts
 * import { LocalAsyncForwarder } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * interface Greeter {
 *   greet(name: string): string;
 * }
 * const host = { greet: (name: string) => `Hello ${name}`, dismiss: () => "gone" };
 *
 * const greeter = new LocalAsyncForwarder<Greeter>(host, ["greet"]);
 * assertEquals(await greeter.callRemote("greet", "Ada"), "Hello Ada");
 * assertEquals(await greeter.callRemote("dismiss"), null);
 * ```
 *
 * @typeParam T The interface.
 */
export class LocalAsyncForwarder<T extends object> {
  /** The object. */
  readonly forwarded: T;
  /** The methods that are forwarded. */
  readonly interface: LocalInterface<T>;
  readonly #failWhenNotImplemented: boolean;

  /**
   * Creates a forwarder.
   *
   * @param forwarded The object.
   * @param methods The methods that are forwarded.
   * @param options What to do about other methods.
   * @throws {TypeError} If the object lacks one of the methods.
   */
  constructor(
    forwarded: T,
    methods: LocalInterface<T>,
    options: LocalAsyncForwarderOptions = {},
  ) {
    for (const name of methods) {
      if (typeof Reflect.get(forwarded, name) === "function") continue;
      throw new TypeError(`Cannot forward "${name}": the object has no such method`);
    }
    this.forwarded = forwarded;
    this.interface = Object.freeze([...methods]);
    this.#failWhenNotImplemented = options.failWhenNotImplemented ?? false;
  }

  /**
   * Calls a method of the interface.
   *
   * @param method Name of the method.
   * @param args Its arguments.
   * @returns What the method returns.
   */
  callRemote<Name extends MethodKey<T>>(
    method: Name,
    ...args: ForwardedArgs<T, Name>
  ): Promise<ForwardedResult<T, Name>>;
  /**
   * Calls a method that may not belong to the interface.
   *
   * @param method Name of the method.
   * @param args Its arguments.
   * @returns What the method returns, or null if the interface does not have it.
   * @throws {NoSuchMethod} Through the promise, if the interface does not have it and
   * `failWhenNotImplemented` is set.
   */
  callRemote(method: string, ...args: readonly unknown[]): Promise<unknown>;
  async callRemote(method: string, ...args: readonly unknown[]): Promise<unknown> {
    if ((this.interface as readonly string[]).includes(method)) {
      return await Reflect.apply(
        Reflect.get(this.forwarded, method) as never,
        this.forwarded,
        args,
      );
    }
    if (!this.#failWhenNotImplemented) return null;
    throw new NoSuchMethod(`No Such Method in Interface: ${method}`);
  }
}

/** Arguments of a method of T. */
export type ForwardedArgs<T, Name extends keyof T> = T[Name] extends
  (...args: infer Args) => unknown ? Args : never;

/** What a method of T returns, or what its promise resolves to. */
export type ForwardedResult<T, Name extends keyof T> = T[Name] extends
  (...args: never) => infer Result ? Awaited<Result> : never;

/**
 * Local objects that are called as if they were remote (`twisted.spread.util.LocalAsRemote`).
 *
 * @module
 */

import { NoSuchMethod } from "../errors/errors.ts";
import { printTraceback } from "../errors/failure.ts";
import type { AnyMethod } from "./types.ts";

/** Names of the `sync_` and `async_` methods of T, without their prefix. */
export type LocalMethodName<T> = keyof T extends infer Key
  ? Key extends `sync_${infer Name}` | `async_${infer Name}` ? Name : never
  : never;

/** The method of T that a name calls. */
export type LocalMethodOf<T, Name extends string> = `sync_${Name}` extends keyof T
  ? T[`sync_${Name}`]
  : `async_${Name}` extends keyof T ? T[`async_${Name}`]
  : never;

/** Arguments of the method of T that a name calls. */
export type LocalArgs<T, Name extends string> = LocalMethodOf<T, Name> extends
  (...args: infer Args) => unknown ? Args : never;

/**
 * What `callRemote` returns: the result of a `sync_` method, or a promise of an `async_` method's
 * result.
 */
export type LocalResult<T, Name extends string> = LocalMethodOf<T, Name> extends
  (...args: never) => infer Result
  ? `sync_${Name}` extends keyof T ? Result : Promise<Awaited<Result>>
  : never;

/**
 * An object of this program that is called like a remote one, so that it can be passed to code that
 * is written for a `RemoteReference`.
 *
 * The names of its methods begin with `sync_` if the caller gets the result as it is, or with
 * `async_` if the caller gets a promise of it.
 *
 * @example
 * ```ts
 * import { LocalAsRemote } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * class Clock extends LocalAsRemote {
 *   sync_zone(): string {
 *     return "UTC";
 *   }
 *   async_add(hours: number): number {
 *     return 12 + hours;
 *   }
 * }
 * const clock = new Clock();
 * assertEquals(clock.callRemote("zone"), "UTC");
 * assertEquals(await clock.callRemote("add", 2), 14);
 * ```
 */
export class LocalAsRemote {
  /** Whether an error in an `async_` method is printed to the console. True unless overridden. */
  readonly reportAllTracebacks: boolean = true;

  /**
   * Calls a method.
   *
   * @param name Name of the method, without `sync_` or `async_`; if there are both, `sync_` is
   * called.
   * @param args Its arguments.
   * @returns The result of a `sync_` method, or a promise of an `async_` method's result.
   * @throws {NoSuchMethod} Through the promise, if there is no such method.
   */
  callRemote<Name extends LocalMethodName<this>>(
    name: Name,
    ...args: LocalArgs<this, Name>
  ): LocalResult<this, Name> {
    const sync: unknown = Reflect.get(this, `sync_${name}`);
    const result: unknown = typeof sync === "function"
      ? Reflect.apply(sync, this, args)
      : this.#callAsync(name, args);
    return result as LocalResult<this, Name>;
  }

  async #callAsync(name: string, args: readonly unknown[]): Promise<unknown> {
    try {
      const method: unknown = Reflect.get(this, `async_${name}`);
      if (typeof method !== "function") throw new NoSuchMethod(`No such method: async_${name}`);
      return await Reflect.apply(method, this, args);
    } catch (error) {
      if (this.reportAllTracebacks) printTraceback(error);
      throw error;
    }
  }

  /**
   * Returns a method as a value.
   *
   * @param name Name of the method, without `sync_` or `async_`.
   * @returns The method.
   */
  remoteMethod<Name extends LocalMethodName<this>>(name: Name): LocalMethod<this, Name> {
    return new LocalMethod(this, name);
  }
}

/**
 * A method of a local object, as a value (`twisted.spread.util.LocalMethod`).
 *
 * @typeParam T The class of the object.
 * @typeParam Name Name of the method.
 */
export class LocalMethod<T extends LocalAsRemote, Name extends LocalMethodName<T>> {
  /** The object. */
  readonly local: T;
  /** Name of the method, without `sync_` or `async_`. */
  readonly name: Name;

  /**
   * Creates a method value.
   *
   * @param local The object.
   * @param name Name of the method.
   */
  constructor(local: T, name: Name) {
    this.local = local;
    this.name = name;
  }

  /**
   * Calls the method.
   *
   * @param args Its arguments.
   * @returns What `callRemote` returns.
   */
  call(...args: LocalArgs<T, Name>): LocalResult<T, Name> {
    const { local, name } = this;
    const callRemote: AnyMethod = local.callRemote;
    return Reflect.apply(callRemote, local, [name, ...args]);
  }
}

/**
 * Objects that travel by reference, made of functions.
 *
 * @module
 */

import { Referenceable } from "./referenceable.ts";
import type { AnyMethod, MethodOf, RemoteMethodName } from "./types.ts";

/** The functions of an object, under the names that peers call them by. */
export type AsRemoteMethods<Functions> = {
  [
    Name in keyof Functions as Functions[Name] extends AnyMethod ? `remote_${Name & string}` : never
  ]: Functions[Name];
};

/** The functions that stand for the remote methods of T, without their prefix. */
export type FunctionsFor<T> = { [Name in RemoteMethodName<T>]: MethodOf<T, Name> };

/**
 * Makes an object that peers can call of functions: a callback without a class.
 *
 * @example
 * ```ts
 * import { connectPair, referenceable, type RemoteReference, Root } from "@perspective/broker";
 * import { assertEquals } from "@std/assert";
 *
 * class Clock extends Root {
 *   async remote_watch(watcher: RemoteReference<Watcher>): Promise<void> {
 *     await watcher.callRemote("tick", 1);
 *   }
 * }
 * interface Watcher {
 *   remote_tick(second: number): void;
 * }
 * await using pair = await connectPair(new Clock());
 * const seconds: number[] = [];
 * const watcher = referenceable<Watcher>({ tick: (second) => void seconds.push(second) });
 * await pair.client.root<Clock>().callRemote("watch", watcher);
 * assertEquals(seconds, [1]);
 * ```
 *
 * @param functions The functions, by the names that peers use; they are called with this object as
 * `this`. Other properties of it, and those that it inherits, are not reachable for peers.
 * @returns The object, for as many peers as there are; its functions are those of now.
 * @typeParam Functions The type of the functions.
 */
export function referenceable<Functions extends object>(
  functions: Functions,
): Referenceable & AsRemoteMethods<Functions>;
/**
 * Makes an object of functions that are typed by what the peer expects.
 *
 * @param functions The functions, as above.
 * @returns The object.
 * @typeParam T What the peer expects: an interface whose methods have the prefix `remote_`.
 */
export function referenceable<T>(functions: FunctionsFor<T> & object): Referenceable & T;
export function referenceable(functions: object): Referenceable {
  const object = new Referenceable();
  for (const [name, value] of Object.entries(functions)) {
    if (typeof value !== "function") continue;
    Object.defineProperty(object, `remote_${name}`, { value: value.bind(functions) });
  }
  return object;
}

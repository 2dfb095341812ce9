/**
 * Arguments by name, for methods whose parameter names peers know.
 *
 * @module
 */

import type { Kwargs } from "./kwargs.ts";

/**
 * Name of the property that holds the parameter names of an object's methods. Such methods accept
 * keyword arguments as Python's do: an unknown one is a `TypeError`, and an omitted one takes its
 * default. All other methods get keyword arguments as one `Kwargs` after the positional ones.
 *
 * @example A method that Python can call either way
 * ```ts
 * import { connectPair, kwargs, PARAMETERS, type ParameterNames, Root } from "@perspective/broker";
 * import { assertEquals } from "@std/assert";
 *
 * class Bank extends Root {
 *   get [PARAMETERS](): ParameterNames {
 *     return { remote_move: ["amount", "to"] };
 *   }
 *   // def remote_move(self, amount, to="savings"):
 *   remote_move(amount: number, to = "savings"): string {
 *     return `${amount} to ${to}`;
 *   }
 * }
 * await using pair = await connectPair(new Bank());
 * const bank = pair.client.root();
 * assertEquals(await bank.callRemote("move", kwargs({ to: "rent", amount: 5 })), "5 to rent");
 * assertEquals(await bank.callRemote("move", 5), "5 to savings");
 * ```
 */
export const PARAMETERS: unique symbol = Symbol("parameters");

/** The names of all parameters, in order, by the name of the method including its prefix. */
export type ParameterNames = Readonly<Record<string, readonly string[]>>;

/**
 * Puts keyword arguments in their places.
 *
 * @param method Name of the method, for an error.
 * @param names The names of its parameters.
 * @param args The positional arguments.
 * @param kw The keyword arguments.
 * @returns All arguments by position; undefined in place of a missing one.
 * @throws {TypeError} If there is no such parameter, or it already has an argument.
 */
export function inPlace(
  method: string,
  names: readonly string[],
  args: readonly unknown[],
  kw: Kwargs,
): unknown[] {
  const all = [...args];
  for (const [name, value] of Object.entries(kw)) {
    const place = names.indexOf(name);
    if (place === -1) throw new TypeError(`${method}() has no parameter "${name}"`);
    if (place < args.length) throw new TypeError(`${method}() got "${name}" twice`);
    all[place] = value;
  }
  return Array.from(all);
}

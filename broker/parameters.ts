/**
 * Arguments that come by name, for methods whose names of parameters peers know.
 *
 * @module
 */

import type { Kwargs } from "./kwargs.ts";

/**
 * Name of the property that has, for methods of an object, the names of their parameters: such methods take
 * keyword arguments as those of Python do. All others get them as one `Kwargs` behind the others.
 */
export const PARAMETERS: unique symbol = Symbol("parameters");

/** Names of parameters by method. */
export type ParameterNames = Readonly<Record<string, readonly string[]>>;

/**
 * Puts keyword arguments in their places.
 *
 * @param method Name of the method, for an error.
 * @param names The names of its parameters.
 * @param args The positional arguments.
 * @param kw The keyword arguments.
 * @returns All arguments by position; undefined where one is missing.
 * @throws {TypeError} If there is no such parameter, or it has its argument already.
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

/**
 * The names of errors on the wire: those of their class and its bases, as in Python.
 *
 * @module
 */

import type { AnyClass } from "../../jelly/mod.ts";

/**
 * Names that every Python exception has among its bases; they also name anything without a class of
 * its own.
 */
export const EXCEPTION: readonly string[] = [
  "builtins.Exception",
  "builtins.BaseException",
  "builtins.object",
];

/** Python's names for the errors of the runtime. */
const BUILT_IN: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [TypeError, "builtins.TypeError"],
  [SyntaxError, "builtins.SyntaxError"],
  [RangeError, "builtins.ValueError"],
  [URIError, "builtins.ValueError"],
  [ReferenceError, "builtins.NameError"],
]);

/**
 * Returns the names of an error class and its bases.
 *
 * Each is called by its own static `jellyName`, or else its `name`. A class with its own static
 * `jellyParents` lists all its names there: some classes have more bases in Python than they can
 * have here.
 *
 * @param cls The class.
 * @returns Full names, that of the class itself first.
 */
export function classNames(cls: AnyClass): readonly string[] {
  const names = new Set<string>();
  for (let at = (cls as { prototype?: object }).prototype; at; at = Object.getPrototypeOf(at)) {
    const base: unknown = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
    if (base === Error || base === Object) break;
    if (typeof base !== "function") continue;
    const parents = ownStatic(base, "jellyParents");
    if (Array.isArray(parents)) {
      for (const name of parents) names.add(String(name));
      break;
    }
    const name = BUILT_IN.get(base) ?? ownStatic(base, "jellyName") ?? base.name;
    if (typeof name === "string" && name !== "") names.add(name);
  }
  for (const name of EXCEPTION) names.add(name);
  return [...names];
}

function ownStatic(cls: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(cls, name)?.value;
}

/**
 * Returns whether a class is one of the runtime's own, such as `TypeError`, and not a program's.
 *
 * @param cls The class of an error.
 * @returns True for classes whose names mean nothing to the peer's program.
 */
export function isRuntimeError(cls: AnyClass): boolean {
  return Reflect.get(globalThis, cls.name) === cls;
}

/**
 * The names of classes on the wire.
 *
 * @module
 */

/** Any class, abstract ones included. */
export type AnyClass = abstract new (...args: never[]) => unknown;

/**
 * Returns the name that a class has on the wire.
 *
 * That is its own static `jellyName`, such as `"shop.Till"`, or else its `name`. A subclass does
 * not inherit the `jellyName` of its parent: two classes never share a name by accident. Give a
 * `jellyName` to every class that may be minified or has a counterpart in Python.
 *
 * @example A class that Python knows as `shop.Till`
 * ```ts
 * import { jellyNameOf } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * class Till {
 *   static readonly jellyName = "shop.Till";
 * }
 * class Drawer extends Till {}
 *
 * assertEquals(jellyNameOf(Till), "shop.Till");
 * assertEquals(jellyNameOf(Drawer), "Drawer");
 * ```
 *
 * @param cls A class.
 * @returns Its name.
 * @throws {TypeError} If the name is not a string, or is empty.
 */
export function jellyNameOf(cls: AnyClass): string {
  const { jellyName, name } = cls as { jellyName?: unknown; name?: unknown };
  const found = Object.hasOwn(cls, "jellyName") ? jellyName : name;
  if (typeof found === "string" && found !== "") return found;
  throw new TypeError(
    `Cannot name a class: it needs a static jellyName, a text such as "module.Class"`,
  );
}

/**
 * Returns the module part of a dotted name: everything before the last dot.
 *
 * @example Module of a class
 * ```ts
 * import { moduleNameOf } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(moduleNameOf("twisted.spread.pb.Error"), "twisted.spread.pb");
 * assertEquals(moduleNameOf("Till"), "");
 * ```
 *
 * @param name The name of a class or function.
 * @returns The name of its module, empty if there is no dot.
 */
export function moduleNameOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf(".")));
}

/**
 * Returns whether a value is a class, as opposed to a function: only a class has a prototype that
 * cannot be replaced.
 *
 * @example Two things that `typeof` calls functions
 * ```ts
 * import { isClass } from "@perspective/broker/jelly";
 * import { assert } from "@std/assert";
 *
 * assert(isClass(class Till {}));
 * assert(!isClass(function till() {}));
 * ```
 *
 * @param value Any value.
 * @returns True for a class, including those built into the runtime.
 */
export function isClass(value: unknown): value is AnyClass {
  return typeof value === "function" &&
    Object.getOwnPropertyDescriptor(value, "prototype")?.writable === false;
}

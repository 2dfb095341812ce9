/**
 * The state of objects: what of an object is sent, and how it is applied to another.
 *
 * @module
 */

import { utf8 } from "./banana/utf8.ts";
import { JellyError } from "./errors.ts";
import type { AnyClass } from "./names.ts";
import { Placeholder } from "./placeholder.ts";

/**
 * Returns the class of an object, whatever fields the object itself has.
 *
 * @param object The object.
 * @returns Its class, or undefined if it has none.
 */
export function classOf(object: object): AnyClass | undefined {
  const cls: unknown = Object.getPrototypeOf(object)?.constructor;
  return typeof cls === "function" ? cls as AnyClass : undefined;
}

/**
 * Returns the state of an object: its own enumerable fields.
 *
 * Private fields, accessors of the class and fields named by a symbol are not part of it.
 *
 * @example
 * ```ts
 * import { ownState } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * class Till {
 *   cash = 5;
 *   #pin = 1234;
 *   get open() {
 *     return this.#pin === 0;
 *   }
 * }
 * assertEquals(ownState(new Till()), { cash: 5 });
 * ```
 *
 * @param object Any object.
 * @returns A new plain object.
 */
export function ownState(object: object): Record<string, unknown> {
  return objectOf(Object.entries(object));
}

/** The index for which V8 would need the longest array. */
const HIGHEST_INDEX = "4294967294";

/**
 * Returns whether a name may be an index.
 *
 * In a plain object whose first index is 1,000, V8 makes room for 1,500: twelve kilobytes for a
 * name of four characters.
 *
 * @param key The name.
 * @returns True if it begins with a digit.
 */
export function maybeIndex(key: string): boolean {
  const first = key.charCodeAt(0);
  return first >= 0x30 && first <= 0x39;
}

/**
 * Makes the engine keep an object's indices in a table, as for one that is too high for an array.
 */
function sparse(object: object): void {
  if (Object.hasOwn(object, HIGHEST_INDEX)) return;
  const isSet = Reflect.defineProperty(object, HIGHEST_INDEX, { value: 0, configurable: true });
  if (isSet) Reflect.deleteProperty(object, HIGHEST_INDEX);
}

/**
 * Sets a field of a plain object, whatever its name: `__proto__` becomes a field like any other,
 * and a numeric name takes no more room than any other.
 *
 * @param object The object.
 * @param key The name of the field.
 * @param value The value of the field.
 */
export function setField(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") return defineField(object, key, value);
  if (maybeIndex(key)) sparse(object);
  object[key] = value;
}

/** Sets a field of any object as its own property, never through a setter that it inherits. */
function defineField(object: object, key: string, value: unknown): void {
  if (maybeIndex(key)) sparse(object);
  Object.defineProperty(object, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

/**
 * Creates an object from fields with any names.
 *
 * @param entries Names and values.
 * @returns A plain object.
 */
export function objectOf(entries: Iterable<[string, unknown]>): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [key, value] of entries) setField(object, key, value);
  return object;
}

/**
 * Applies a received state to an object.
 *
 * A setter of the object's class is called with the value. Everything else becomes a field of the
 * object itself, whatever its name: a state never reaches a prototype. A name is refused if it is
 * that of a method of the class, of a field that holds a function, or of a getter without a setter:
 * a peer must not replace code with data.
 *
 * @example
 * ```ts
 * import { applyState } from "@perspective/broker/jelly";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * class Till {
 *   cash = 0;
 *   count() {}
 * }
 * const till = new Till();
 * applyState(till, { cash: 5 });
 * assertEquals(till.cash, 5);
 * assertThrows(() => applyState(till, { count: 1 }));
 * ```
 *
 * @param object The object.
 * @param state A plain object, a `Map` with strings or UTF-8 bytes as keys, or null if empty.
 * @throws {JellyError} If the state is none of these, or names a method of the class.
 */
export function applyState(object: object, state: unknown): void {
  for (const [key, value] of stateEntries(state, object)) {
    const owner = ownerOf(object, key);
    if (owner === undefined) {
      defineField(object, key, value);
    } else if (owner.set !== undefined) {
      // A setter may do anything with the value, so it must not get a placeholder.
      if (value instanceof Placeholder) value.whenResolved((real) => owner.set!.call(object, real));
      else owner.set.call(object, value);
    } else {
      const kind = owner.get ? "getter without setter" : "method";
      throw new JellyError(
        `Cannot set "${key}" of ${classNameOf(object)}: its class has a ${kind} of that name`,
      );
    }
  }
}

/**
 * Returns the entries of a received state.
 *
 * @param state A plain object, a `Map` with strings or UTF-8 bytes as keys, or null.
 * @param object What it is the state of, for errors.
 * @returns Names and values.
 * @throws {JellyError} If the state is none of these.
 */
export function stateEntries(state: unknown, object?: object): [string, unknown][] {
  if (state === null || state === undefined) return [];
  if (state instanceof Map) {
    return Array.from(state, ([key, value]) => [textOf(key, object), value]);
  }
  const prototype = typeof state === "object" ? Object.getPrototypeOf(state) : undefined;
  if (prototype === Object.prototype || prototype === null) return Object.entries(state);
  const hint = object === undefined
    ? ""
    : "unjellyFor" in object
    ? "; its class may override setCopyableState or setStateFor"
    : "; a class that is registered for it (setUnjellyableForClass) may read other states";
  throw new JellyError(
    `Cannot read state of ${classNameOf(object)}: it is not a dictionary${hint}`,
  );
}

/** Returns what errors call an object. */
function classNameOf(object: object | undefined): string {
  return (object && classOf(object)?.name) || "object";
}

function textOf(key: unknown, object: object | undefined): string {
  if (typeof key === "string") return key;
  if (key instanceof Uint8Array) {
    try {
      return utf8(key, 0, key.length);
    } catch (cause) {
      throw new JellyError(`Cannot read state of ${classNameOf(object)}: a name is not UTF-8`, {
        cause,
      });
    }
  }
  throw new JellyError(`Cannot read state of ${classNameOf(object)}: a name is not text`);
}

/** Finds the method or accessor that an object or its class, but not `Object`, has under a name. */
function ownerOf(object: object, key: string): PropertyDescriptor | undefined {
  const own = Object.getOwnPropertyDescriptor(object, key);
  if (typeof own?.value === "function") return own;
  let prototype = Object.getPrototypeOf(object);
  while (prototype !== null && prototype !== Object.prototype) {
    const found = Object.getOwnPropertyDescriptor(prototype, key);
    if (found !== undefined) {
      const isCode = found.get ?? found.set ?? (typeof found.value === "function");
      return isCode && key !== "constructor" ? found : undefined;
    }
    prototype = Object.getPrototypeOf(prototype);
  }
  return undefined;
}

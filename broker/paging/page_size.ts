/**
 * How much memory a page takes.
 *
 * @module
 */

import { FrozenSet, type IUnjellyable, Unpersistable } from "../../jelly/mod.ts";
import { RemoteCache } from "../flavors/remote_cache.ts";

/**
 * Number of bytes that every page counts for, even an empty one: the minimum that a page takes,
 * including its place among others.
 */
const PAGE = 256;
/**
 * Number of bytes that a value other than bytes or text counts for, in addition to its contents.
 */
const FLAT = 16;
/**
 * Number of bytes that an object within a page counts for: the minimum that one takes, even an
 * empty list or byte string.
 */
const OBJECT = 128;

/**
 * Estimates how much memory a received page takes.
 *
 * @param page Any value.
 * @param messageBytes Length in bytes of the message that brought it.
 * @returns The approximate number of bytes; more than the message had, whatever the page is.
 */
export function pageSize(page: unknown, messageBytes: number): number {
  return PAGE + Math.max(valueSize(page), messageBytes);
}

/** Returns the size of a value and of its contents that came with it. */
function valueSize(page: unknown): number {
  const seen = new Set<object>();
  const waiting: unknown[] = [page];
  let size = 0;
  while (waiting.length !== 0) {
    const value = waiting.pop();
    size += FLAT;
    if (typeof value === "string") size += 2 * value.length;
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (value !== page) size += OBJECT;
    if (value instanceof Uint8Array) size += value.length;
    else for (const part of partsOf(value)) waiting.push(part);
  }
  return size;
}

function partsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value) || value instanceof Set) return value;
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  // Some fields of an error do not show when it is printed.
  if (value instanceof Error) return Reflect.ownKeys(value).map((key) => Reflect.get(value, key));
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return Object.entries(value).flat();
  return bringsParts(value) ? Object.values(value) : [];
}

/**
 * Returns whether the contents of an object arrived with it. Those of a cache belong to the
 * connection, not the page, and objects of other classes may refer to anything in the program.
 */
function bringsParts(value: object): boolean {
  if (value instanceof RemoteCache) return false;
  if (value instanceof FrozenSet || value instanceof Unpersistable) return true;
  return typeof (value as Partial<IUnjellyable>).unjellyFor === "function";
}

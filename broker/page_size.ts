/**
 * How much memory a page takes.
 *
 * @module
 */

import { FrozenSet, type IUnjellyable, Unpersistable } from "../jelly/mod.ts";
import { RemoteCache } from "./remote_cache.ts";

/** What every page counts, be there nothing in it: the least that one takes with its place among others. */
const PAGE = 256;
/** What a value counts that is neither bytes nor text, beside what is in it, in bytes. */
const FLAT = 16;
/** What an object counts that is in a page: the least that one takes, be it an empty list or no bytes at all. */
const OBJECT = 128;

/**
 * Estimates how much memory a received page takes.
 *
 * @param page Any value.
 * @param messageBytes How long the message was that brought it, in bytes.
 * @returns About how many bytes; more than the message had, whatever the page is.
 */
export function pageSize(page: unknown, messageBytes: number): number {
  return PAGE + Math.max(valueSize(page), messageBytes);
}

/** Counts what is in a value, as far as it came with it. */
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
  // What is known of an error does not show when it is printed.
  if (value instanceof Error) return Reflect.ownKeys(value).map((key) => Reflect.get(value, key));
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return Object.entries(value).flat();
  return bringsParts(value) ? Object.values(value) : [];
}

/**
 * Tells whether what an object of a class refers to came with it. A cache is not the page's, but the
 * connection's, and objects of other classes may refer to anything in the program.
 */
function bringsParts(value: object): boolean {
  if (value instanceof RemoteCache) return false;
  if (value instanceof FrozenSet || value instanceof Unpersistable) return true;
  return typeof (value as Partial<IUnjellyable>).unjellyFor === "function";
}

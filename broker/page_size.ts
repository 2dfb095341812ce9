/**
 * How much memory a page takes.
 *
 * @module
 */

/** What a value counts that is neither bytes nor text, beside what is in it, in bytes. */
const FLAT = 16;
/** What an object counts that is in a page: the least that one takes, be it an empty list or no bytes at all. */
const OBJECT = 128;

/**
 * Estimates how much memory a received value takes.
 *
 * @param page Any value.
 * @returns About how many bytes; never less than its bytes and texts have.
 */
export function pageSize(page: unknown): number {
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
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype ? Object.entries(value).flat() : [];
}

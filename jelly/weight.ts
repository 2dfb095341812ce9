/**
 * How much is copied of a part of a value that may be shared with others.
 *
 * @module
 */

/** So many bytes or characters that are copied count as one value. */
const BYTES = 64;
/** As many values as a field counts for: to set one takes far longer than to read a value. */
const FIELD = 8;

/**
 * Tells how many values a part counts for when it is copied: a dictionary or a list for its items, and not
 * for what is in them.
 *
 * @param part The part.
 * @returns How many: 0 for what is not copied.
 */
export function weightOf(part: unknown): number {
  if (typeof part !== "object" || part === null || part instanceof Uint8Array) {
    return textWeight(part);
  }
  let weight = 0;
  if (Array.isArray(part)) {
    for (const item of part) weight += 1 + textWeight(item);
  } else if (isDictionary(part)) {
    const pairs = part instanceof Map ? part : Object.entries(part);
    for (const [key, value] of pairs) weight += FIELD + textWeight(key) + textWeight(value);
  }
  return weight;
}

/**
 * Tells whether a part is a dictionary, as the state of an object is.
 *
 * @param part The part.
 * @returns Whether it is.
 */
export function isDictionary(part: unknown): part is object {
  return part instanceof Map ||
    (typeof part === "object" && part !== null && Object.getPrototypeOf(part) === Object.prototype);
}

function textWeight(value: unknown): number {
  const isText = typeof value === "string" || value instanceof Uint8Array;
  return isText ? Math.floor(value.length / BYTES) : 0;
}

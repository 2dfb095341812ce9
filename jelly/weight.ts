/**
 * The cost of copying a part of a value that may be shared with others.
 *
 * @module
 */

/** Number of copied bytes or characters that count as one value. */
const BYTES = 64;
/** Number of values that a field counts for: setting one takes far longer than reading a value. */
const FIELD = 8;

/**
 * Returns how many values a part counts for when it is copied: a dictionary or list counts for its
 * items, but not for what is nested in them.
 *
 * @param part The part.
 * @returns The number of values; 0 for what is not copied.
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
 * Returns whether a part is a dictionary, such as the state of an object.
 *
 * @param part The part.
 * @returns True for a `Map` or a plain object.
 */
export function isDictionary(part: unknown): part is object {
  return part instanceof Map ||
    (typeof part === "object" && part !== null && Object.getPrototypeOf(part) === Object.prototype);
}

function textWeight(value: unknown): number {
  const isText = typeof value === "string" || value instanceof Uint8Array;
  return isText ? Math.floor(value.length / BYTES) : 0;
}

/**
 * Tells promises from other values.
 *
 * @module
 */

/**
 * Tells whether a value would be taken for a promise by `await`.
 *
 * @param value Any value.
 * @returns True if it is an object with a method `then`.
 */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}

/**
 * Distinguishes promises from other values.
 *
 * @module
 */

/**
 * Returns whether a value is an object that `await` would treat as a promise.
 *
 * @param value Any value.
 * @returns True if it is an object with a method `then`.
 */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}

/**
 * Returns the promise that `await` would make of what the program returned: a native one, which
 * settles once and throws nothing, and which calls `then` of a promise-like object only once.
 *
 * @param value Any value.
 * @returns The promise; undefined if the value is not one.
 * @throws {unknown} What the value throws when it is asked whether it is one.
 */
export function asPromise(value: unknown): Promise<unknown> | undefined {
  return isPromise(value) ? Promise.resolve(value) : undefined;
}

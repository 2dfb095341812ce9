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

/**
 * Gives the promise that `await` would make of what the program returned: one of the platform's, which
 * settles once and throws nothing, and asks what is only like a promise no more than once.
 *
 * @param value Any value.
 * @returns The promise; undefined if the value is none.
 * @throws {unknown} If it throws when it is asked whether it is one.
 */
export function asPromise(value: unknown): Promise<unknown> | undefined {
  return isPromise(value) ? Promise.resolve(value) : undefined;
}

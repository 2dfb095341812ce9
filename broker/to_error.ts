/**
 * Errors out of whatever was thrown.
 *
 * @module
 */

/**
 * Gives an error for what was thrown, which in JavaScript may be anything.
 *
 * @param thrown What was thrown.
 * @returns The error itself, or one that says in words what it was.
 */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/**
 * Errors from whatever was thrown.
 *
 * @module
 */

/**
 * Returns an error for what was thrown, which in JavaScript may be anything.
 *
 * @param thrown What was thrown.
 * @returns The error itself, or one that describes what was thrown.
 */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/**
 * Causes that there may not be.
 *
 * @module
 */

/**
 * Gives the options of an error: with a cause that is undefined it would show one.
 *
 * @param cause The cause, if there is one.
 * @returns The options.
 */
export function causedBy(cause: unknown): ErrorOptions {
  return cause === undefined ? {} : { cause };
}

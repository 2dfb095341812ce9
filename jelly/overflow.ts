/**
 * Tells when the call stack was used up.
 *
 * @module
 */

/**
 * Tells whether an error says that the call stack was used up: the limit on
 * depth leaves room, but a program may call from deep down, and have its own code in between.
 *
 * @param error What was caught.
 * @returns True for the errors that engines throw then.
 */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof Error && /call stack|too much recursion/.test(error.message) &&
    (error instanceof RangeError || error.name === "InternalError");
}

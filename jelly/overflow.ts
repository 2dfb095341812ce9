/**
 * Recognizes that the call stack was exhausted.
 *
 * @module
 */

/**
 * Returns whether an error says that the call stack was exhausted.
 *
 * The limit on depth leaves room on the stack, but a program may call from deep in the stack, and
 * its own code may run between the levels.
 *
 * @param error What was caught.
 * @returns True for the errors that engines throw in that case.
 */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof Error && /call stack|too much recursion/.test(error.message) &&
    (error instanceof RangeError || error.name === "InternalError");
}

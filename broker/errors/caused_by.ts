/**
 * Optional causes of errors.
 *
 * @module
 */

/**
 * Returns the options of an error; they are empty if there is no cause, since an error created with
 * `{ cause: undefined }` would show one.
 *
 * @param cause The cause, if there is one.
 * @returns The options.
 */
export function causedBy(cause: unknown): ErrorOptions {
  return cause === undefined ? {} : { cause };
}

/**
 * Checks options that are numbers, so that a wrong one, such as `NaN` from a misread setting, is
 * found at once.
 *
 * @module
 */

/** The longest delay of a timer, in milliseconds: a timer with a longer one runs at once. */
export const MAX_TIMEOUT: number = 2 ** 31 - 1;

/**
 * Checks an option.
 *
 * @param name Name of the option.
 * @param value Its value.
 * @returns The value.
 * @throws {RangeError} If it is not a positive integer.
 */
export function positiveInteger(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`Cannot set ${name} to "${value}": it must be a positive integer`);
}

/**
 * Checks an option that is a time.
 *
 * @param name Name of the option.
 * @param value Its value, in milliseconds.
 * @returns The value.
 * @throws {RangeError} If it is not a positive integer, or more than {@linkcode MAX_TIMEOUT}.
 */
export function milliseconds(name: string, value: number): number {
  if (positiveInteger(name, value) <= MAX_TIMEOUT) return value;
  throw new RangeError(`Cannot set ${name} to "${value}": the maximum is ${MAX_TIMEOUT}`);
}

/**
 * Checks an option that is a time, or 0 for none.
 *
 * @param name Name of the option.
 * @param value Its value, in milliseconds, or 0.
 * @returns The value.
 * @throws {RangeError} If it is neither.
 */
export function millisecondsOrNone(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value === 0 ? 0 : milliseconds(name, value);
  throw new RangeError(`Cannot set ${name} to "${value}": it must be 0 or a positive integer`);
}

/**
 * Checks an option that is a time, or forever.
 *
 * @param name Name of the option.
 * @param value Its value, in milliseconds, or `Infinity`.
 * @returns The value.
 * @throws {RangeError} If it is neither.
 */
export function deadline(name: string, value: number): number {
  return value === Infinity ? value : milliseconds(name, value);
}

/**
 * Checks an option that is a time, or none, or forever.
 *
 * @param name Name of the option.
 * @param value Its value: 0 or more milliseconds, or `Infinity`.
 * @returns The value.
 * @throws {RangeError} If it is none of these.
 */
export function duration(name: string, value: number): number {
  if (value >= 0) return value;
  throw new RangeError(`Cannot set ${name} to "${value}": it must be 0 or more`);
}

/**
 * How many microtasks a program takes to go on, and to send what it has to send.
 *
 * @module
 */

/** Number of microtasks in a row without a write after which what was written goes out. */
export const QUIET_MICROTASKS = 8;
/**
 * Number of microtasks that are enough for the program to go on, and for what it writes to go out.
 */
export const TURN_MICROTASKS = QUIET_MICROTASKS + 4;

/** Lets the program go on after it was told something, before anything else happens. */
export async function programGoesOn(): Promise<void> {
  for (let left = TURN_MICROTASKS; left !== 0; left--) await undefined;
}

/**
 * How long a program takes to go on, and to say what it has to say, counted in microtasks.
 *
 * @module
 */

/** So many microtasks in a row must write nothing before what was written goes out. */
export const QUIET_MICROTASKS = 8;
/** So many are enough for the program to go on, and for what it writes to go out. */
const TURN_MICROTASKS = QUIET_MICROTASKS + 4;

/** Lets the program go on with what it was just told, before anything else happens. */
export async function programGoesOn(): Promise<void> {
  for (let left = TURN_MICROTASKS; left !== 0; left--) await undefined;
}

/**
 * How long to go on: a moment in a test run, much longer as a task of its own.
 *
 * @module
 */

/** Whether there is time: `deno task fuzz` sets PB_FUZZ. */
const LONG = Deno.env.get("PB_FUZZ") !== undefined;

/** Gives how often to try something, of which so many tries take about a second. */
export function runs(aSecond: number): number {
  return LONG ? 60 * aSecond : aSecond;
}

/**
 * How long to fuzz: a moment in a test run, much longer as a task of its own.
 *
 * @module
 */

/** Whether to run for longer: `deno task fuzz` sets PB_FUZZ. */
const LONG = Deno.env.get("PB_FUZZ") !== undefined;

/** Returns how often to try something, given how many tries take about a second. */
export function runs(aSecond: number): number {
  return LONG ? 60 * aSecond : aSecond;
}

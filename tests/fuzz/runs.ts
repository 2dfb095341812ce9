/**
 * How long to fuzz: briefly in a normal test run, much longer in `deno task fuzz`.
 *
 * @module
 */

/** Whether to run for longer: `deno task fuzz` sets PB_FUZZ. */
const LONG = Deno.env.get("PB_FUZZ") !== undefined;

/** Returns the number of runs, given how many runs take about a second. */
export function runs(aSecond: number): number {
  return LONG ? 60 * aSecond : aSecond;
}

/**
 * Defines tests that need programs that not every machine has.
 *
 * @module
 */

/** A program that tests need. */
export interface Need {
  /** Name of its package, for the names of ignored tests. */
  readonly tool: string;
  /** The environment variable that makes tests fail where the program is missing. */
  readonly required: string;
  /** Returns what is wrong with it here; `undefined` if it can be used. */
  readonly fault: () => string | undefined;
}

/**
 * Defines a test. If the program cannot be used, the test is ignored, and its name says why; if the
 * variable is set, it fails instead.
 */
export function testNeeding(
  { tool, required, fault: find }: Need,
  name: string,
  fn: (t: Deno.TestContext) => Promise<void>,
): void {
  const fault = find();
  if (fault === undefined) return Deno.test(name, fn);
  // The only reason for ignoring a test. CI sets the variables, so that it ignores none.
  if (!Deno.env.get(required)) {
    return Deno.test({ name: `${name} [needs ${tool}: ${fault}]`, ignore: true, fn });
  }
  Deno.test(name, () => {
    throw new Error(`Cannot test with ${tool}: ${fault}`);
  });
}

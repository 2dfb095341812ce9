/**
 * Tests that need programs which not every machine has.
 *
 * @module
 */

/** A program, and what goes by it. */
export interface Need {
  /** Name of its package, for the name of a test that is ignored. */
  readonly tool: string;
  /** The environment variable that makes tests fail where the program is missing. */
  readonly required: string;
  /** What is wrong with it here; `undefined` if it can be used. */
  readonly fault: () => string | undefined;
}

/**
 * Defines a test. Where the program cannot be used the test is ignored, and its name says why; with
 * the variable set it fails instead.
 */
export function testNeeding(
  { tool, required, fault: find }: Need,
  name: string,
  fn: (t: Deno.TestContext) => Promise<void>,
): void {
  const fault = find();
  if (fault === undefined) return Deno.test(name, fn);
  // The one reason for which a test is ignored. CI sets the variables, and ignores none.
  if (!Deno.env.get(required)) {
    return Deno.test({ name: `${name} [needs ${tool}: ${fault}]`, ignore: true, fn });
  }
  Deno.test(name, () => {
    throw new Error(`Cannot test with ${tool}: ${fault}`);
  });
}

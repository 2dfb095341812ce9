/**
 * The whole gate: `deno task ok`. Runs every check, shows the output of those that fail, and ends
 * with a line of totals.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };

/** One check: a deno command. */
interface Step {
  name: string;
  args: string[];
  /** Lines of its output to show even if it succeeds. */
  show?: RegExp;
}

/** How many checks passed, failed and were skipped. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

const STEPS: Step[] = [
  { name: "format", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "types", args: ["check", "."] },
  { name: "docs", args: ["doc", "--lint", ...Object.values(config.exports)] },
  { name: "layers", args: ["run", "-A", "tools/layers.ts"] },
  { name: "publish", args: ["task", "deno", "publish", "--dry-run", "--allow-dirty"] },
  {
    name: "tests",
    args: ["task", "test", "--trace-leaks", "--coverage=coverage", "--clean"],
    show: /^.* \.\.\. ignored.*$/gm,
  },
  {
    name: "coverage",
    args: [
      "coverage",
      "coverage",
      "--include=^file:.*/(jelly|cred|transport|broker)/[^#]*$",
      "--exclude=/tests/",
    ],
    show: /^\| (?:File|All files) .*$/gm,
  },
];

/**
 * Counts the results of one check. A test run prints its own counts; any other check counts as one.
 *
 * @param success Whether the command succeeded.
 * @param output What it printed.
 */
export function tally(success: boolean, output: string): Tally {
  const counts = output.matchAll(
    /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/gm,
  );
  const sum: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, skipped] of counts) {
    sum.passed += Number(passed);
    sum.failed += Number(failed);
    sum.skipped += Number(skipped ?? 0);
  }
  if (success && sum.passed + sum.skipped === 0) sum.passed = 1;
  // If the tests do not compile, or none of them ran, they fail without a count.
  if (!success && sum.failed === 0) sum.failed = 1;
  return sum;
}

/** Formats a tally as the last line. */
export function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** Leaves out what succeeded, so that the rest is easy to find. */
function withoutSuccesses(output: string): string {
  return output.replace(/^(Check .*|running \d+ tests? from .*|.* \.\.\. ok \(.*\))\n/gm, "");
}

async function runStep({ name, args, show = /(?!)/ }: Step): Promise<Tally> {
  const start = performance.now();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  const output = text.decode(stdout) + text.decode(stderr);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const sum = tally(success, output);
  const ran = sum.passed + sum.failed > 1 ? `, ${closingLine(sum)}` : "";
  console.log(`${name} ... ${success ? "ok" : "FAILED"} (${seconds} s${ran})`);
  if (!success) console.log(`\n$ deno ${args.join(" ")}\n${withoutSuccesses(output)}`);
  for (const line of output.match(show) ?? []) console.log(`  ${line}`);
  return sum;
}

if (import.meta.main) {
  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const step of STEPS) {
    const { passed, failed, skipped } = await runStep(step);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  console.log(`\n${closingLine(total)}`);
  if (total.failed > 0) Deno.exit(1);
}

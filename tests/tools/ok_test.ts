import { assertEquals } from "@std/assert";
import { closingLine, tally } from "../../tools/ok.ts";

Deno.test("tally() counts a check that prints no counts as one", () => {
  assertEquals(tally(true, "Checked 3 files\n"), { passed: 1, failed: 0, skipped: 0 });
  assertEquals(tally(false, "error: no\n"), { passed: 0, failed: 1, skipped: 0 });
});

Deno.test("tally() reads the counts of a test run", () => {
  const output = "x ... ok (1ms)\n\nok | 12 passed (3 steps) | 0 failed | 2 ignored (4s)\n";
  assertEquals(tally(true, output), { passed: 12, failed: 0, skipped: 2 });
  const failed = "FAILED | 3 passed | 2 failed (1 step) (4s)\n\nerror: Test failed\n";
  assertEquals(tally(false, failed), { passed: 3, failed: 2, skipped: 0 });
});

Deno.test("tally() counts one failure for a run that failed without a failed test", () => {
  assertEquals(tally(false, "ok | 3 passed | 0 failed (4s)\nerror: too few\n"), {
    passed: 3,
    failed: 1,
    skipped: 0,
  });
});

Deno.test("closingLine() mentions skipped tests only if there are any", () => {
  assertEquals(closingLine({ passed: 3, failed: 1, skipped: 0 }), "3 passed, 1 failed");
  assertEquals(closingLine({ passed: 3, failed: 0, skipped: 2 }), "3 passed, 0 failed, 2 skipped");
});

/**
 * Starts a real browser, for tests.
 *
 * @module
 */

import { type Browser, chromium } from "npm:playwright-core@^1.50.0";
import { testNeeding } from "../needs.ts";

export type { Browser, Page } from "npm:playwright-core@^1.50.0";

/** Where Debian puts Chromium; the variable names another one. */
const CHROMIUM = Deno.env.get("PB_CHROMIUM") ?? "/usr/bin/chromium";

/** Starts Chromium without a window. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      // Root, as in a container, has no sandbox; what is loaded is our own.
      "--no-sandbox",
      // Pages of this machine that do not count as secure.
      "--host-resolver-rules=MAP *.test 127.0.0.1",
    ],
  });
}

/** Defines a test with a real browser; with PB_REQUIRE_BROWSER set it fails where there is none. */
export function browserTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  const need = { tool: "chromium", required: "PB_REQUIRE_BROWSER", fault: browserFault };
  testNeeding(need, name, fn);
}

/** What is wrong with Chromium here; `undefined` if it can be used. */
function browserFault(): string | undefined {
  try {
    Deno.statSync(CHROMIUM);
    return undefined;
  } catch {
    return `there is no ${CHROMIUM}`;
  }
}

/**
 * Starts a real browser, for tests.
 *
 * @module
 */

import { type Browser, chromium } from "npm:playwright-core@^1.50.0";
import { testNeeding } from "../needs.ts";

export type { Browser, Page } from "npm:playwright-core@^1.50.0";

/** Where Debian puts Chromium; the variable overrides it. */
const CHROMIUM = Deno.env.get("PB_CHROMIUM") ?? "/usr/bin/chromium";

/** Starts Chromium in headless mode. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      // The sandbox does not work for root, as in a container; all pages are the tests' own.
      "--no-sandbox",
      // Host names of this machine that browsers do not treat as secure.
      "--host-resolver-rules=MAP *.test 127.0.0.1",
    ],
  });
}

/**
 * Defines a test with a real browser; if PB_REQUIRE_BROWSER is set, it fails where there is none.
 */
export function browserTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  const need = { tool: "chromium", required: "PB_REQUIRE_BROWSER", fault: browserFault };
  testNeeding(need, name, fn);
}

/** Returns what is wrong with Chromium here; `undefined` if it can be used. */
function browserFault(): string | undefined {
  try {
    Deno.statSync(CHROMIUM);
    return undefined;
  } catch {
    return `there is no ${CHROMIUM}`;
  }
}

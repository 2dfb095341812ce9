/**
 * Starts a real browser, for tests.
 *
 * @module
 */

import { type Browser, chromium } from "npm:playwright-core@^1.50.0";

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

/**
 * Defines a test with a real browser.
 *
 * Where there is none the test is ignored, and its name says why; with PB_REQUIRE_BROWSER set
 * it fails instead.
 */
export function browserTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  const fault = browserFault();
  if (fault === undefined) {
    Deno.test(name, fn);
  } else if (Deno.env.get("PB_REQUIRE_BROWSER")) {
    Deno.test(name, () => {
      throw new Error(`Cannot test in a browser: ${fault}`);
    });
  } else {
    Deno.test({ name: `${name} [needs chromium: ${fault}]`, ignore: true, fn });
  }
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

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type AvatarGrant,
  CredInterface,
  limitLogin,
  LoginDenied,
  type LoginFacts,
  LoginFailed,
  type LoginLimiter,
  ScramError,
  UnauthorizedLogin,
  UnhandledCredentials,
} from "../../cred/mod.ts";

const FACTS = { address: "192.0.2.1", username: "alice" };

/** A limiter that records its calls, and fails those in `faults`. */
function noted(faults: Partial<Record<keyof LoginLimiter, Error>> = {}) {
  const log: string[] = [];
  const note = (what: keyof LoginLimiter) => async (facts: LoginFacts): Promise<void> => {
    assertEquals(facts, FACTS);
    await Promise.resolve();
    log.push(what);
    if (faults[what]) throw faults[what];
  };
  const limiter: LoginLimiter = {
    check: note("check"),
    failed: note("failed"),
    succeeded: note("succeeded"),
  };
  const logout = async () => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    log.push("logout");
  };
  const grant: AvatarGrant = [new CredInterface("I"), {}, logout];
  return { log, limiter, grant };
}

Deno.test("limitLogin() asks the limiter before the attempt, and reports a success", async () => {
  const { log, limiter, grant } = noted();
  const attempt = () => {
    log.push("attempt");
    return Promise.resolve(grant);
  };
  assertStrictEquals(await limitLogin(attempt, { limiter, ...FACTS }), grant);
  assertEquals(log, ["check", "attempt", "succeeded"]);
});

Deno.test("limitLogin() does not try a login that the limiter denies", async () => {
  const { log, limiter, grant } = noted({ check: new LoginDenied() });
  const attempt = () => {
    log.push("attempt");
    return Promise.resolve(grant);
  };
  await assertRejects(() => limitLogin(attempt, { limiter, ...FACTS }), LoginDenied);
  assertEquals(log, ["check"]);
});

const ENDS = [
  { error: new UnauthorizedLogin(), counted: true },
  { error: new LoginFailed(), counted: true },
  { error: new ScramError(), counted: true },
  { error: new LoginDenied(), counted: false },
  { error: new UnhandledCredentials(), counted: false },
  { error: new Error("connection lost"), counted: false },
];
for (const { error, counted } of ENDS) {
  Deno.test(`limitLogin() ${counted ? "reports" : "does not report"} ${error.name} as a failure`, async () => {
    const { log, limiter } = noted();
    const login = limitLogin(() => Promise.reject(error), { limiter, ...FACTS });
    assertStrictEquals(await assertRejects(() => login), error);
    assertEquals(log, counted ? ["check", "failed"] : ["check"]);
  });
}

Deno.test("limitLogin() logs out again if the limiter fails after a success", async () => {
  const { log, limiter, grant } = noted({ succeeded: new Error("no database") });
  const login = limitLogin(() => Promise.resolve(grant), { limiter, ...FACTS });
  await assertRejects(() => login, Error, "no database");
  assertEquals(log, ["check", "succeeded", "logout"]);
});

Deno.test("limitLogin() accepts a limiter that answers synchronously", async () => {
  const { grant } = noted();
  const limiter: LoginLimiter = { check: () => {}, failed: () => {}, succeeded: () => {} };
  assertStrictEquals(await limitLogin(() => Promise.resolve(grant), { limiter }), grant);
});

import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  ANONYMOUS,
  type AvatarId,
  BearerToken,
  BearerTokenChecker,
  type CredInterface,
  IBearerToken,
  LoginDenied,
  UnauthorizedLogin,
} from "../../cred/mod.ts";

const TOKEN = new BearerToken("token");

Deno.test("BearerTokenChecker takes the avatar id from its function", async () => {
  const answers: (AvatarId | Promise<AvatarId>)[] = [
    "alice",
    Promise.resolve("bob"),
    ANONYMOUS,
    "",
  ];
  for (const answer of answers) {
    const asked: string[] = [];
    const checker = new BearerTokenChecker((token) => {
      asked.push(token);
      return answer;
    });
    assertEquals<readonly CredInterface[]>(checker.credentialInterfaces, [IBearerToken]);
    assertEquals(await checker.requestAvatarId(TOKEN), await answer);
    assertEquals(asked, ["token"]);
  }
});

const FAULT = new SyntaxError("bad signature");
const REFUSALS = {
  "returns nothing": () => undefined,
  "returns null": () => null,
  "returns nothing later": () => Promise.resolve(undefined),
  "throws": () => {
    throw FAULT;
  },
  "rejects": () => Promise.reject(FAULT),
};
for (const [name, verify] of Object.entries(REFUSALS)) {
  Deno.test(`BearerTokenChecker refuses a token if its function ${name}`, async () => {
    const checker = new BearerTokenChecker(verify);
    const error = await assertRejects(() => checker.requestAvatarId(TOKEN), UnauthorizedLogin);
    assertEquals(error.message, new UnauthorizedLogin().message);
    if (/throws|rejects/.test(name)) assertStrictEquals(error.cause, FAULT);
  });
}

Deno.test("BearerTokenChecker passes on a LoginFailed", async () => {
  const denied = new LoginDenied("Cannot log in: quota used up");
  const checker = new BearerTokenChecker(() => Promise.reject(denied));
  assertStrictEquals(await assertRejects(() => checker.requestAvatarId(TOKEN)), denied);
});

Deno.test("BearerTokenChecker refuses a token that is too long without calling its function", async () => {
  const asked: number[] = [];
  const verify = (token: string) => `${asked.push(token.length)}`;
  const long = (length: number) => new BearerToken("x".repeat(length));
  const checker = new BearerTokenChecker(verify);
  await checker.requestAvatarId(long(8192));
  await assertRejects(() => checker.requestAvatarId(long(8193)), UnauthorizedLogin);
  const strict = new BearerTokenChecker(verify, { maxLength: 10 });
  await assertRejects(() => strict.requestAvatarId(long(11)), UnauthorizedLogin);
  assertEquals(asked, [8192]);
});

Deno.test("BearerTokenChecker refuses a limit that would let every token through, or none", () => {
  for (const maxLength of [NaN, 0]) {
    assertThrows(() => new BearerTokenChecker(() => "", { maxLength }), RangeError, "maxLength");
  }
});

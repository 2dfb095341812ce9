import { assertEquals, assertNotEquals } from "@std/assert";
import { toText, unknownSecret } from "../../cred/_bytes.ts";
import { preparePassword } from "../../cred/_scram_keys.ts";

Deno.test("unknownSecret() gives text, as passwords are, so that it takes their way through a check", () => {
  for (let i = 0; i < 100; i++) {
    const secret = unknownSecret();
    assertEquals(secret.length, 32);
    assertEquals(new TextEncoder().encode(toText(secret)), secret);
    assertEquals(preparePassword(secret), secret);
  }
});

Deno.test("unknownSecret() gives another one each time, also in the bytes that stand for a digest", () => {
  const digests = [unknownSecret(), unknownSecret()].map((secret) => secret.subarray(0, 16));
  assertNotEquals(digests[0], digests[1]);
});

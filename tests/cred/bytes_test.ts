import { assertEquals, assertNotEquals } from "@std/assert";
import { toText, unknownSecret } from "../../cred/bytes.ts";
import { preparePassword } from "../../cred/_scram_keys.ts";

Deno.test("unknownSecret() returns text that is checked just as passwords are", () => {
  for (let i = 0; i < 100; i++) {
    const secret = unknownSecret();
    assertEquals(secret.length, 32);
    assertEquals(new TextEncoder().encode(toText(secret)), secret);
    assertEquals(preparePassword(secret), secret);
  }
});

Deno.test("unknownSecret() differs each time, even in the bytes that serve as a digest", () => {
  const digests = [unknownSecret(), unknownSecret()].map((secret) => secret.subarray(0, 16));
  assertNotEquals(digests[0], digests[1]);
});

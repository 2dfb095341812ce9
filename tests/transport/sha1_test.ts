import { assertEquals } from "@std/assert";
import { sha1 } from "../../transport/_sha1.ts";
import { pattern } from "./bytes.ts";

Deno.test("sha1() agrees with WebCrypto for every length around a block", async () => {
  for (const length of [...Array.from({ length: 130 }, (_, i) => i), 1000]) {
    const bytes = Uint8Array.from(pattern(length));
    const expected = new Uint8Array(await crypto.subtle.digest("SHA-1", bytes));
    assertEquals(sha1(bytes), expected, `${length} bytes`);
  }
});

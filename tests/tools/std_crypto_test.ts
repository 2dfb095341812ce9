// The stand-in for `@std/crypto` and the real one both pass these tests.

import { assert, assertEquals, assertFalse, assertRejects, assertThrows } from "@std/assert";
import { crypto, timingSafeEqual } from "@std/crypto";
import { crypto as fromSubpath } from "@std/crypto/crypto";
import { timingSafeEqual as equalFromSubpath } from "@std/crypto/timing-safe-equal";
import { createHash } from "node:crypto";

const TEXT = new TextEncoder().encode("abc");
const STAND_IN_MD5 = "../../tools/jsr/@std/crypto/1.0.999/_md5.ts";
const MD5 = "900150983cd24fb0d6963f7d28e17f72";

async function* pieces(): AsyncIterable<Uint8Array<ArrayBuffer>> {
  yield TEXT.slice(0, 1);
  await Promise.resolve();
  yield TEXT.slice(1);
}

Deno.test("crypto.subtle.digestSync() computes MD5 of bytes and of iterables", () => {
  assertEquals(new Uint8Array(crypto.subtle.digestSync("MD5", TEXT)).toHex(), MD5);
  assertEquals(
    new Uint8Array(crypto.subtle.digestSync("MD5", [TEXT.slice(0, 2), TEXT.slice(2)])).toHex(),
    MD5,
  );
  assertEquals(new Uint8Array(fromSubpath.subtle.digestSync({ name: "MD5" }, TEXT)).toHex(), MD5);
});

Deno.test("MD5.digest() of the stand-in agrees with the runtime's, up to three blocks", async () => {
  // Deno has no types for a file of a registry that is imported by its path.
  const { MD5 } = await import(String(new URL(STAND_IN_MD5, import.meta.url)));
  const bytes = Uint8Array.from({ length: 192 }, (_, index) => index * 7);
  for (let length = 0; length <= bytes.length; length++) {
    const md5 = new MD5();
    md5.update(bytes.subarray(0, length >> 1));
    md5.update(bytes.subarray(length >> 1, length));
    const expected = createHash("md5").update(bytes.subarray(0, length)).digest("hex");
    assertEquals(md5.digest().toHex(), expected);
  }
});

Deno.test("crypto.subtle.digest() computes MD5 of bytes and of async iterables", async () => {
  assertEquals(new Uint8Array(await crypto.subtle.digest("MD5", TEXT)).toHex(), MD5);
  assertEquals(new Uint8Array(await crypto.subtle.digest("MD5", pieces())).toHex(), MD5);
});

Deno.test("crypto.subtle.digest() agrees with WebCrypto", async () => {
  const real = await globalThis.crypto.subtle.digest("SHA-256", TEXT);
  assertEquals(await crypto.subtle.digest("SHA-256", TEXT), real);
  assertEquals(crypto.subtle.digestSync("SHA-256", TEXT), real);
});

Deno.test("crypto.subtle.digest() refuses an unknown algorithm", async () => {
  await assertRejects(() => crypto.subtle.digest("MD6" as "MD5", TEXT));
  assertThrows(() => crypto.subtle.digestSync("MD6" as "MD5", TEXT));
});

Deno.test("crypto offers the rest of WebCrypto", async () => {
  assertEquals(crypto.getRandomValues(new Uint8Array(3)).length, 3);
  assertEquals(crypto.randomUUID().length, 36);
  const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  assertEquals((await crypto.subtle.sign("HMAC", key, TEXT)).byteLength, 32);
});

Deno.test("timingSafeEqual() compares bytes, and throws for different lengths", () => {
  assert(timingSafeEqual(TEXT, TEXT.slice()));
  assert(timingSafeEqual(TEXT, TEXT.buffer));
  assertFalse(equalFromSubpath(TEXT, TEXT.map((byte) => byte + 1)));
  assertThrows(() => timingSafeEqual(TEXT, TEXT.slice(1)), TypeError);
});

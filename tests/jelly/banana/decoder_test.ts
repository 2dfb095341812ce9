import { assertEquals, assertThrows } from "@std/assert";
import { BananaDecoder } from "../../../jelly/banana/decoder.ts";
import { encode } from "../../../jelly/banana/encode.ts";
import { BananaError } from "../../../jelly/banana/errors.ts";
import { atom } from "../../../jelly/banana/sexp.ts";
import { chunks, feed } from "../feed.ts";

Deno.test("BananaDecoder.push() gives whole expressions in order", () => {
  const decoder = new BananaDecoder();
  assertEquals(decoder.push(new Uint8Array()), []);
  assertEquals(decoder.push(Uint8Array.of(1, 0x81, 2, 0x81, 2)), [1, 2]);
  assertEquals(decoder.pending, 1);
  assertEquals(decoder.push(Uint8Array.of(0x80, 3)), []);
  assertEquals(decoder.push(Uint8Array.of(0x81, 4, 0x81, 5, 0x81)), [[3, 4], 5]);
  assertEquals(decoder.pending, 0);
});

Deno.test("BananaDecoder.push() keeps no reference to a chunk", () => {
  const decoder = new BananaDecoder();
  const [head, tail] = [Uint8Array.of(3, 0x82, 97, 98), Uint8Array.of(99)];
  assertEquals(decoder.push(head), []);
  head.fill(0);
  const [found] = decoder.push(tail);
  decoder.push(encode(atom("something else")));
  assertEquals(found, atom("abc"));
});

Deno.test("BananaDecoder.push() decodes 10 MB in pieces of any size", () => {
  const records = Array.from({ length: 100 }, (_, i) => [i, new Uint8Array(1000), 0.5]);
  const wire = encode(records);
  const bytes = new Uint8Array(100 * wire.length);
  for (let i = 0; i < 100; i++) bytes.set(wire, i * wire.length);
  for (const size of [Infinity, 65536, 1]) {
    const found = feed(bytes, { size });
    assertEquals(found.length, 100);
    assertEquals(found[99], records);
  }
});

Deno.test("BananaDecoder.push() decodes one message of many megabytes in small pieces", () => {
  const sexp = Array.from({ length: 20 }, () => new Uint8Array(500_000));
  const wire = encode(sexp);
  const decoder = new BananaDecoder();
  let found: unknown[] = [];
  for (const chunk of chunks(wire, 7)) found = decoder.push(chunk);
  assertEquals(found, [sexp]);
  assertEquals(decoder.pending, 0);
});

Deno.test("BananaDecoder.push() decodes in the dialect that was given", () => {
  const word = Uint8Array.of(1, 0x87);
  assertEquals(new BananaDecoder({ dialect: "pb" }).push(word), [atom("None")]);
  assertThrows(() => new BananaDecoder().push(word), BananaError, "the dialect is none");
});

Deno.test("BananaDecoder() throws at once when a limit is invalid", () => {
  assertThrows(() => new BananaDecoder({ limits: { maxDepth: 0 } }), RangeError, "maxDepth");
});

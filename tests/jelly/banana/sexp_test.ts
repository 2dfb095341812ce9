import { assertEquals } from "@std/assert";
import { atom, isList } from "../../../jelly/banana/sexp.ts";
import { Float } from "../../../jelly/values/float.ts";

Deno.test("atom() encodes text as UTF-8", () => {
  assertEquals(atom("list"), Uint8Array.of(0x6c, 0x69, 0x73, 0x74));
  assertEquals(atom("é😀"), Uint8Array.of(0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80));
  assertEquals(atom(""), new Uint8Array());
});

Deno.test("isList() is true of lists only", () => {
  const sexps = [[], [1], Object.freeze([1]), 1, 1n, new Float(1), Uint8Array.of(1)];
  assertEquals(sexps.map(isList), [true, true, true, false, false, false, false]);
});

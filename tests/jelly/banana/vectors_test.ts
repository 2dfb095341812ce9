import { assertEquals, assertThrows } from "@std/assert";
import { BananaError } from "../../../jelly/banana/errors.ts";
import { encode } from "../../../jelly/banana/encode.ts";
import { bananaVectors } from "../../vectors/load.ts";
import { feed } from "../feed.ts";

const vectors = bananaVectors();
const DIALECTS = ["pb", "none"] as const;

for (const dialect of DIALECTS) {
  Deno.test(`encode() writes what Twisted writes in dialect ${dialect}`, () => {
    for (const { name, sexp, [dialect]: wire } of vectors.value) {
      assertEquals(encode(sexp, { dialect }), wire, name);
    }
  });

  for (const size of [Infinity, 1, 3]) {
    Deno.test(`BananaDecoder.push() reads what Twisted writes in dialect ${dialect}, ${size} bytes at a time`, () => {
      for (const { name, sexp, [dialect]: wire } of vectors.value) {
        assertEquals(feed(wire, { dialect, size }), [sexp], name);
      }
    });
  }
}

for (const size of [Infinity, 1]) {
  for (const { name, dialect, wire, sexps } of vectors.read) {
    Deno.test(`BananaDecoder.push() reads ${name} as Twisted does, ${size} bytes at a time`, () => {
      assertEquals(feed(wire, { dialect, size }), sexps);
    });
  }

  for (const { name, dialect, wire, error } of vectors.refused) {
    Deno.test(`BananaDecoder.push() refuses ${name} where Twisted has ${error}, ${size} bytes at a time`, () => {
      assertThrows(() => feed(wire, { dialect, size }), BananaError);
    });
  }
}

for (const { name, sexp, error } of vectors.unsendable) {
  for (const dialect of DIALECTS) {
    Deno.test(`encode() refuses ${name} in dialect ${dialect} where Twisted has ${error}`, () => {
      assertThrows(() => encode(sexp, { dialect }), BananaError, "the limit is");
    });
  }
}

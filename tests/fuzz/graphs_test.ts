/**
 * Any value that is sent arrives equal, with the same objects shared in the same places.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import fc from "npm:fast-check@^4.0.0";
import {
  decodeValue,
  encodeValue,
  jelly,
  JellyRegistry,
  unjelly,
  valueCodec,
} from "../../jelly/mod.ts";
import { decode, encode } from "../../jelly/banana/mod.ts";
import { graphs } from "../jelly/arbitrary.ts";
import { feed } from "../jelly/feed.ts";
import { assertSameGraph } from "../jelly/graphs.ts";
import { runs } from "./runs.ts";

Deno.test("encodeValue() and jelly() keep any graph through bytes and trees, in both dialects", () => {
  // A codec whose caches know all earlier graphs, against one with empty caches.
  const seasoned = valueCodec({ registry: new JellyRegistry() });
  fc.assert(
    fc.property(graphs(), (value) => {
      const fresh = { registry: new JellyRegistry() };
      const wire = encodeValue(value, fresh);
      assertSameGraph(decodeValue(wire, fresh), value);
      assertEquals(seasoned.encode(value), wire);
      assertSameGraph(seasoned.decode(wire), value);
      const sexp = jelly(value);
      assertSameGraph(unjelly(sexp), value);
      for (const dialect of ["pb", "none"] as const) {
        const bytes = encodeValue(value, { dialect });
        assertEquals(encode(sexp, { dialect }), bytes);
        assertEquals(decode(bytes, { dialect }), sexp);
        assertSameGraph(decodeValue(bytes, { dialect }), value);
      }
    }),
    { numRuns: runs(500) },
  );
});

Deno.test("unjelly() reads any graph from bytes that arrive in pieces of any size", () => {
  fc.assert(
    fc.property(graphs(), fc.integer({ min: 1, max: 50 }), (value, size) => {
      const wire = encodeValue(value);
      const [sexp, ...more] = feed(wire, { dialect: "pb", size });
      assertEquals(more, []);
      assertSameGraph(unjelly(sexp!), value);
    }),
    { numRuns: runs(500) },
  );
});

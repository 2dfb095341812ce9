import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { LIST } from "../../jelly/banana/tokens.ts";
import { atom, type Sexp } from "../../jelly/banana/sexp.ts";
import { TreeSink } from "../../jelly/tree_sink.ts";
import { TreeSource } from "../../jelly/tree_source.ts";
import { Float } from "../../jelly/values/float.ts";

Deno.test("TreeSink closes lists by their lengths", () => {
  const sink = new TreeSink();
  sink.list(4);
  sink.list(0);
  sink.list(2);
  sink.list(1);
  sink.integer(1);
  sink.integer(2);
  sink.list(0);
  sink.float(3);
  assertEquals(sink.result(), [[], [[1], 2], [], new Float(3)]);
});

Deno.test("TreeSink keeps integers and floats apart, and gives bigints only for large integers", () => {
  const sink = new TreeSink();
  sink.list(6);
  sink.integer(5n);
  sink.integer(2n ** 60n);
  sink.float(-0);
  sink.float(2 ** 60);
  sink.float(1.5);
  sink.float(-7);
  assertEquals(sink.result(), [5, 2n ** 60n, -0, 2 ** 60, 1.5, new Float(-7)]);
});

Deno.test("TreeSink.bytes() and TreeSource.bytes() copy the bytes", () => {
  const bytes = Uint8Array.of(1, 2);
  const sink = new TreeSink();
  sink.bytes(bytes);
  assertNotStrictEquals(sink.result(), bytes);
  const source = new TreeSource(bytes);
  source.next();
  assertEquals(source.bytes(), bytes);
  assertNotStrictEquals(source.bytes(), bytes);
});

Deno.test("TreeSink.wrap() marks inner elements and the whole expression", () => {
  const sink = new TreeSink();
  const outer = sink.mark;
  sink.list(2);
  const inner = sink.mark;
  sink.list(0);
  sink.integer(7);
  sink.wrap([{ mark: outer, id: 1 }, { mark: inner, id: 2 }]);
  const reference = atom("reference");
  assertEquals(sink.result(), [reference, 1, [[reference, 2, []], 7]]);
});

Deno.test("TreeSource.skip() and sexp() pass over an element, even an empty list", () => {
  for (const sexp of [1, [], [[], [1, [2]]], atom("a")] as Sexp[]) {
    const skipping = new TreeSource([sexp, 7]);
    assertEquals([skipping.next(), skipping.count], [LIST, 2]);
    skipping.skip();
    skipping.next();
    assertEquals(skipping.integer(), 7);
    const reading = new TreeSource([sexp, 7]);
    reading.next();
    assertStrictEquals(reading.sexp(), sexp);
    reading.next();
    assertEquals(reading.integer(), 7);
  }
});

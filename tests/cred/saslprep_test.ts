import { assertEquals } from "@std/assert";
import { saslprep } from "../../cred/_saslprep.ts";
import vectors from "../vectors/cred.json" with { type: "json" };

const { examples, dropped, spaced, refused } = vectors.saslprep;

for (const [text, prepared] of examples) {
  Deno.test(`saslprep() prepares ${Deno.inspect(text)} as Python's tables do`, () => {
    assertEquals(saslprep(text!), prepared ?? undefined);
  });
}

Deno.test("saslprep() drops, replaces and refuses each code point as Python's tables do", () => {
  const at = (code: number) => saslprep(`a${String.fromCodePoint(code)}b`);
  for (const code of dropped) assertEquals(at(code), "ab", code.toString(16));
  for (const code of spaced) assertEquals(at(code), "a b", code.toString(16));
  for (const [first, last] of refused) {
    for (let code = first!; code <= last!; code++) assertEquals(at(code), undefined);
  }
});

Deno.test("saslprep() refuses no code point that Python's tables allow", () => {
  const refusals = new Set<number>();
  for (const [first, last] of refused) {
    for (let code = first!; code <= last!; code++) refusals.add(code);
  }
  const wrong: number[] = [];
  for (let code = 0; code < 0x20000; code++) {
    const surrogate = code >= 0xd800 && code < 0xe000;
    const expected = surrogate || refusals.has(code);
    if ((saslprep(String.fromCodePoint(code)) === undefined) !== expected) wrong.push(code);
  }
  assertEquals(wrong, []);
});

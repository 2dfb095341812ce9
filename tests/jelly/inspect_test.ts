import { assert, assertEquals, assertThrows } from "@std/assert";
import { inspectSexp } from "../../jelly/inspect.ts";
import { atom, type Sexp } from "../../jelly/banana/sexp.ts";
import { Float } from "../../jelly/values/float.ts";

const CASES: readonly [name: string, sexp: Sexp, text: string][] = [
  [
    "ints",
    [0, -1, 2 ** 53 - 1, 5n, 2n ** 64n],
    "[0, -1, 9007199254740991, 5, 18446744073709551616]",
  ],
  ["integral floats", [new Float(1), -0, 2 ** 53], "[1.0, -0.0, 9007199254740992.0]"],
  ["floats", [1.5, 1e300, NaN, -Infinity], "[1.5, 1e+300, NaN, -Infinity]"],
  ["text", [atom("root"), atom(`a "b" \\`), atom("日本")], `["root", "a \\"b\\" \\\\", "日本"]`],
  ["line breaks", atom("a\r\n\tb"), `"a\\r\\n\\tb"`],
  ["no bytes", new Uint8Array(), `""`],
  ["bytes that are no text", Uint8Array.of(0xff, 0x0a), `hex"ff0a"`],
  ["control characters", Uint8Array.of(0x1b, 0x5b), `hex"1b5b"`],
  ["characters that reverse text", atom("\u202eab"), `hex"e280ae6162"`],
  ["a byte order mark", atom("\ufeff"), `hex"efbbbf"`],
  ["empty lists", [[], [[]]], "[[], [[]]]"],
  [
    "a message",
    [atom("message"), 1, atom("root"), atom("echo"), 1, [atom("tuple")], [atom("dictionary")]],
    `["message", 1, "root", "echo", 1, ["tuple"], ["dictionary"]]`,
  ],
];

for (const [name, sexp, text] of CASES) {
  Deno.test(`inspectSexp() prints ${name}`, () => {
    assertEquals(inspectSexp(sexp), text);
  });
}

Deno.test("inspectSexp() breaks an expression that is too wide, with inner lists on their own lines", () => {
  const text = [atom("unicode"), atom("hi there")];
  const numbers = [atom("list"), ...Array.from({ length: 20 }, (_, index) => index)];
  const sexp = [atom("message"), 1, atom("root"), [atom("tuple"), text, text], numbers, 0, 1];
  assertEquals(
    inspectSexp(sexp, { width: 40 }),
    `["message", 1, "root",
  ["tuple",
    ["unicode", "hi there"],
    ["unicode", "hi there"]],
  ["list", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    10, 11, 12, 13, 14, 15, 16, 17, 18,
    19],
  0, 1]`,
  );
});

Deno.test("inspectSexp() keeps lines within the width", () => {
  const list = Array.from(
    { length: 300 },
    (_, index) => index % 7 === 0 ? [index, [index]] : index,
  );
  for (const width of [20, 21, 22, 23, 40, 80]) {
    const lines = inspectSexp([list, list], { width }).split("\n");
    assert(lines.every((line) => line.length <= width), `wider than ${width}`);
  }
});

Deno.test("inspectSexp() cuts off at depth", () => {
  assertEquals(inspectSexp([1, [2, [3, []]]], { depth: 2 }), "[1, [2, [...]]]");
  assertEquals(inspectSexp([1, [2, []]], { depth: 2 }), "[1, [2, []]]");
});

Deno.test("inspectSexp() cuts off at maxItems, counted over the whole expression", () => {
  assertEquals(inspectSexp([1, 2, 3, 4], { maxItems: 3 }), "[1, 2, ... 2 more]");
  assertEquals(inspectSexp([[1, 2], 3], { maxItems: 3 }), "[[1, ... 1 more], ... 1 more]");
  assertEquals(inspectSexp([1, 2], { maxItems: 3 }), "[1, 2]");
});

Deno.test("inspectSexp() cuts off at maxBytes, even within a character", () => {
  assertEquals(inspectSexp(atom("x".repeat(640)), { maxBytes: 3 }), `"xxx"... (640 bytes)`);
  assertEquals(inspectSexp(atom("ééé"), { maxBytes: 3 }), `"é"... (6 bytes)`);
  assertEquals(inspectSexp(new Uint8Array(9), { maxBytes: 2 }), `hex"0000"... (9 bytes)`);
  assertEquals(inspectSexp(atom("abc"), { maxBytes: 3 }), `"abc"`);
});

Deno.test("inspectSexp() does bounded work on deep, wide and shared expressions", () => {
  let deep: Sexp = [];
  let shared: Sexp = [1];
  for (let level = 0; level < 100_000; level += 1) deep = [deep];
  for (let level = 0; level < 100; level += 1) shared = [shared, shared];
  const cyclic: Sexp[] = [1];
  cyclic.push(cyclic, cyclic);
  const wide = new Array<Sexp>(655_360).fill(7);
  const most = { depth: 1000, maxItems: 2000 };
  for (const bomb of [deep, shared, cyclic, wide]) {
    assert(inspectSexp(bomb).length < 100_000);
    assert(inspectSexp(bomb, most).length < 4_000_000);
  }
});

Deno.test("inspectSexp() prints values that are not s-expressions instead of failing", () => {
  const wrong = ["text", null, true, { a: 1 }] as unknown as Sexp;
  assertEquals(
    inspectSexp(wrong),
    "[<no s-expression: string>, <no s-expression: object>,\n" +
      "  <no s-expression: boolean>, <no s-expression: object>]",
  );
});

Deno.test("inspectSexp() refuses options that are not whole numbers in range", () => {
  for (const value of [0, -1, 1.5, NaN, Infinity]) {
    for (const option of ["depth", "maxItems", "maxBytes", "width"]) {
      const fault = `Cannot inspect with ${option} "${value}": it is not a whole number`;
      assertThrows(() => inspectSexp([], { [option]: value }), RangeError, fault);
    }
  }
  assertThrows(() => inspectSexp([], { depth: 1001 }), RangeError, "from 1 to 1000");
});

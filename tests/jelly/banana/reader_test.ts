import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { encode } from "../../../jelly/banana/encode.ts";
import { BananaError } from "../../../jelly/banana/errors.ts";
import { NameCache } from "../../../jelly/banana/name_cache.ts";
import { BananaReader } from "../../../jelly/banana/reader.ts";
import { FLOAT, INT, LIST, STRING, VOCAB, WORD } from "../../../jelly/banana/tokens.ts";
import { atom, type Sexp } from "../../../jelly/banana/sexp.ts";
import { Float } from "../../../jelly/values/float.ts";

function readerOf(sexp: Sexp, names = new NameCache(), at = 0): BananaReader {
  const reader = new BananaReader(names);
  const wire = encode(sexp, { dialect: "pb" });
  // In the middle of other bytes, of an array that begins in the middle of its buffer.
  const bytes = new Uint8Array(new ArrayBuffer(wire.length + at + 20), 7, wire.length + at + 5);
  bytes.fill(0xff);
  bytes.set(wire, at);
  reader.reset(bytes, at);
  return reader;
}

Deno.test("BananaReader reads element by element, from any offset", () => {
  for (const at of [0, 3]) {
    const reader = readerOf([1, -300, 2n ** 70n, 2.5, atom("list"), atom("abc")], undefined, at);
    assertEquals([reader.next(), reader.count], [LIST, 6]);
    assertEquals([reader.next(), reader.integer()], [INT, 1]);
    reader.next();
    assertEquals(reader.integer(), -300);
    reader.next();
    assertEquals(reader.integer(), 2n ** 70n);
    assertEquals([reader.next(), reader.float()], [FLOAT, 2.5]);
    assertEquals([reader.next(), reader.text()], [VOCAB, "list"]);
    assertEquals([reader.next(), reader.bytes()], [STRING, atom("abc")]);
  }
});

Deno.test("BananaReader.skip() passes over an element and everything in it", () => {
  for (const sexp of [1, 2.5, atom("abc"), atom("list"), [], [1, [2.5, [atom("x")]], atom("y")]]) {
    const reader = readerOf([sexp, 7]);
    reader.next();
    reader.skip();
    reader.next();
    assertEquals(reader.integer(), 7);
  }
});

Deno.test("BananaReader.sexp() gives floats with integer values as Float", () => {
  const sexp = [new Float(1), 1.5, -0, [new Float(-3)]];
  assertEquals(readerOf(sexp).sexp(), sexp);
});

Deno.test("BananaReader.bytes() gives a copy of the bytes", () => {
  const reader = readerOf([atom("abc"), atom("list")]);
  reader.next();
  reader.next();
  const bytes = reader.bytes();
  assertEquals([bytes, bytes.buffer.byteLength], [atom("abc"), 3]);
  reader.next();
  reader.bytes().fill(0);
  assertEquals(readerOf(atom("list")).sexp(), atom("list"));
});

Deno.test("BananaReader.tag() tells known words from similar ones", () => {
  const cases: [Sexp, number | string | undefined][] = [
    [atom("unicode"), WORD.unicode],
    [atom("list"), WORD.list],
    [atom("boolean"), WORD.boolean],
    [atom("unicodf"), "unicodf"],
    [atom("unicode2"), "unicode2"],
    [atom("unicod"), "unicod"],
    [atom(""), ""],
    [5, undefined],
    [[], undefined],
    [1.5, undefined],
  ];
  for (const [sexp, tag] of cases) assertStrictEquals(readerOf(sexp).tag(), tag);
  assertThrows(() => readerOf(Uint8Array.of(0xff)).tag(), BananaError, "not UTF-8");
});

const pair = (key: string, value: Sexp): Sexp => [[atom("unicode"), atom(key)], value];

/** Reads pairs with integers for values, as an unjellier does. */
function readPairs(reader: BananaReader): { keys: string[]; known: number } {
  const keys: string[] = [];
  let known = 0;
  reader.next();
  for (let left = reader.count; left !== 0; left--) {
    let key = reader.knownKey();
    if (key !== undefined) known++;
    else {
      reader.next();
      reader.next();
      reader.tag();
      reader.next();
      key = reader.text();
    }
    keys.push(key);
    reader.next();
    reader.integer();
  }
  return { keys, known };
}

Deno.test("BananaReader.knownKey() recognises keys that come in the same order as before", () => {
  const names = new NameCache();
  const record = (...keys: string[]) => readerOf(keys.map((key) => pair(key, 300)), names);
  const keys = ["id", "name", "é", "", "x".repeat(40)];
  assertEquals(readPairs(record(...keys)), { keys, known: 0 });
  const again = readPairs(record(...keys));
  assertEquals(again.keys, keys);
  assert(
    again.known >= 3,
    "the empty key is not cached, and the first depends on what came last",
  );
  for (const others of [["name", "id"], ["id", "nama", "x"], ["list", "id"], ["x".repeat(200)]]) {
    assertEquals(readPairs(record(...others)).keys, others);
  }
});

Deno.test("BananaReader.knownKey() does not mistake other elements for a known key", () => {
  const names = new NameCache();
  readPairs(readerOf([pair("id", 1), pair("id", 1)], names));
  // The same letters in other places: as a value, as a longer key, as bytes, cut short.
  const others: Sexp[] = [
    [[atom("unicode"), atom("idx")], 1],
    [[atom("unicode"), atom("i")], 1],
    [atom("id"), 1],
    [[[atom("unicode"), atom("id")]], 1],
    [[atom("unicode"), atom("id"), 1], 1],
    [atom("unicode"), atom("id")],
    [1, 2],
  ];
  for (const other of others) {
    const reader = readerOf([other], names);
    reader.next();
    assertEquals(reader.knownKey(), undefined);
    assertEquals(reader.sexp(), other);
  }
});

Deno.test("BananaReader.knownKey() does not learn elements that only look like keys", () => {
  const names = new NameCache();
  const odd: Sexp = [[atom("unicode"), atom("id"), 5], 1];
  for (let i = 0; i < 3; i++) {
    const reader = readerOf([odd, odd], names);
    reader.next();
    assertEquals(reader.knownKey(), undefined);
    assertEquals(reader.sexp(), odd);
    assertEquals(reader.knownKey(), undefined);
    assertEquals(reader.sexp(), odd);
  }
});

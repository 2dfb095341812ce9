import { assert, assertEquals, assertThrows } from "@std/assert";
import { decode, encode } from "../../../jelly/banana/encode.ts";
import { BananaError } from "../../../jelly/banana/errors.ts";
import { KeyCache } from "../../../jelly/banana/key_cache.ts";
import { bananaLimits } from "../../../jelly/banana/limits.ts";
import { VOCABULARY, WORD, WORDS } from "../../../jelly/banana/tokens.ts";
import { BananaWriter } from "../../../jelly/banana/writer.ts";
import { atom, type Sexp } from "../../../jelly/banana/sexp.ts";

/** Returns the content of a writer as s-expressions. */
function read(writer: BananaWriter): Sexp {
  return decode(writer.written(), { dialect: "pb" });
}

Deno.test("BananaWriter.cancel() removes the unfinished expression and keeps those before it", () => {
  const writer = new BananaWriter();
  writer.begin();
  writer.integer(1);
  writer.end();
  writer.begin();
  writer.list(1000);
  for (let i = 0; i < 1000; i++) writer.float(i);
  writer.cancel();
  writer.begin();
  writer.integer(2);
  writer.end();
  assertEquals(writer.written(), Uint8Array.of(1, 0x81, 2, 0x81));
});

Deno.test("BananaWriter.take() hands over the bytes and starts afresh", () => {
  const writer = new BananaWriter();
  writer.atom("one");
  const first = writer.take();
  writer.atom("two");
  const second = writer.take(new Uint8Array(2));
  assertEquals(writer.length, 0);
  writer.float(1.5);
  writer.float(2.5);
  assertEquals([decode(first), decode(second)], [atom("one"), atom("two")]);
  assertEquals(decode(writer.written()), 1.5);
});

Deno.test("BananaWriter.atom() writes text of every length and alphabet", () => {
  for (const dialect of ["pb", "none"] as const) {
    for (const letter of ["a", "\0", "é", "語", "😀", "\ufeff"]) {
      for (const length of [0, 1, 2, 23, 31, 42, 43, 47, 48, 49, 63, 64, 127, 128, 5461, 16384]) {
        const text = letter.repeat(length);
        const writer = new BananaWriter({ dialect });
        writer.atom(text);
        assertEquals(writer.written(), encode(atom(text), { dialect }), `${letter} × ${length}`);
      }
    }
  }
});

Deno.test("BananaWriter.atom() refuses lone surrogates, at the start and after letters", () => {
  for (const text of ["\ud800", "\udfff", "abc\ud83d", `${"a".repeat(100)}\udc00`]) {
    for (const dialect of ["pb", "none"] as const) {
      const writer = new BananaWriter({ dialect });
      assertThrows(() => writer.atom(text), BananaError, "a lone surrogate");
      assertThrows(() => writer.text(text), BananaError, "a lone surrogate");
      assertThrows(() => writer.pair(text), BananaError, "a lone surrogate");
    }
  }
});

Deno.test("BananaWriter.word() writes every known word as atom() does", () => {
  for (const dialect of ["pb", "none"] as const) {
    for (let number = 1; number < WORDS.length; number++) {
      const [word, text] = [new BananaWriter({ dialect }), new BananaWriter({ dialect })];
      word.word(number);
      text.atom(WORDS[number]!);
      assertEquals(word.written(), text.written());
      assertEquals(word.written()[1] === 0x87, dialect === "pb" && number < VOCABULARY.length);
    }
  }
});

Deno.test("BananaWriter.bytes() and atom() tell words of the vocabulary from similar ones", () => {
  for (const word of VOCABULARY.slice(1)) {
    for (const text of [word, `${word}x`, word.slice(1), word.toUpperCase()]) {
      const writer = new BananaWriter({ dialect: "pb" });
      writer.atom(text);
      const written = writer.take();
      assertEquals(written.length === 2, VOCABULARY.slice(1).includes(text), text);
      writer.bytes(atom(text));
      assertEquals(writer.written(), written);
    }
  }
});

Deno.test("BananaWriter.bytes() does not mistake bytes that are not UTF-8 for a word", () => {
  // A lenient decoder would turn each of these bytes into one character.
  for (const bytes of [[0xef, 0xbb, 0xbf, ...atom("None")], [0xff, 0xff, 0xff, 0xff]]) {
    const writer = new BananaWriter({ dialect: "pb" });
    writer.bytes(Uint8Array.from(bytes));
    assertEquals(writer.written()[1], 0x82);
  }
});

Deno.test("BananaWriter.pair() writes the same bytes with and without a cache, in both dialects", () => {
  const keys = new KeyCache();
  for (const dialect of ["pb", "none"] as const) {
    for (const key of ["id", "list", "", "é", "k".repeat(100), "__proto__", "id"]) {
      const written = [{ dialect, keys }, { dialect }].map((options) => {
        const writer = new BananaWriter(options);
        writer.pair(key);
        writer.integer(1);
        return writer.take();
      });
      assertEquals(written[0], written[1]);
      assertEquals(decode(written[0]!, { dialect }), [[atom("unicode"), atom(key)], 1]);
    }
  }
});

Deno.test("BananaWriter.pair() refuses a key over the limit even if it is cached", () => {
  const keys = new KeyCache();
  new BananaWriter({ dialect: "pb", keys }).pair("long key");
  const strict = new BananaWriter({
    dialect: "pb",
    keys,
    limits: bananaLimits({ maxStringBytes: 7 }),
  });
  assertThrows(() => strict.pair("long key"), BananaError, "maxStringBytes");
});

Deno.test("BananaWriter.wrap() marks elements in any order, including nested ones", () => {
  const writer = new BananaWriter({ dialect: "pb" });
  writer.begin();
  writer.list(3);
  const outer = writer.mark;
  writer.list(2);
  writer.integer(5);
  const inner = writer.mark;
  writer.list(1);
  writer.word(WORD.None);
  const last = writer.mark;
  writer.list(0);
  writer.integer(6);
  writer.wrap([{ mark: last, id: 3 }, { mark: outer, id: 1 }, { mark: inner, id: 200 }]);
  writer.end();
  const reference = atom("reference");
  assertEquals(read(writer), [
    [reference, 1, [5, [reference, 200, [atom("None")]]]],
    [reference, 3, []],
    6,
  ]);
});

Deno.test("BananaWriter.wrap() marks 100,000 elements in one pass", () => {
  const writer = new BananaWriter();
  writer.list(100_000);
  const wraps = Array.from({ length: 100_000 }, (_, id) => {
    const { mark } = writer;
    writer.list(0);
    return { mark, id };
  });
  writer.wrap(wraps);
  const sexp = read(writer) as Sexp[];
  assertEquals(sexp[99_999], [atom("reference"), 99_999, []]);
});

Deno.test("BananaWriter accepts a value at each limit, and refuses one more", () => {
  const limits = bananaLimits({
    maxStringBytes: 6,
    maxListItems: 3,
    maxMessageBytes: 20,
    maxElements: 8,
  });
  const writer = new BananaWriter({ dialect: "pb", limits });
  const refused: [string, () => void][] = [
    ["maxListItems", () => writer.list(4)],
    ["maxPrefixBytes", () => writer.integer(2n ** 448n)],
    ["maxPrefixBytes", () => writer.integer(-(2n ** 448n))],
    ["maxStringBytes", () => writer.bytes(new Uint8Array(7))],
    ["maxStringBytes", () => writer.atom("1234567")],
    ["maxStringBytes", () => writer.atom("éééé")],
    ["maxStringBytes", () => writer.text("1234567")],
    ["maxStringBytes", () => writer.pair("1234567")],
  ];
  for (const [limit, write] of refused) {
    const error = assertThrows(write, BananaError, "the limit is");
    assertEquals(error.limit, limit);
  }
  writer.take();
  writer.begin();
  writer.list(3);
  writer.atom("ééé");
  writer.bytes(new Uint8Array(6));
  writer.integer(1);
  writer.end();
  assertEquals(writer.length, 20);
  writer.integer(1);
  const error = assertThrows(() => writer.end(), BananaError, "the limit is 20 (maxMessageBytes)");
  assertEquals(error.limit, "maxMessageBytes");
  // Words of the protocol do not count as strings of the program.
  writer.cancel();
  writer.word(WORD.dictionary);
});

Deno.test("BananaWriter.end() counts elements as the receiver does", () => {
  const count = (elements: number) => {
    const writer = new BananaWriter({ limits: bananaLimits({ maxElements: 10 }) });
    writer.begin();
    writer.list(elements - 1);
    for (let i = 1; i < elements; i++) writer.list(0);
    writer.end();
  };
  count(10);
  const error = assertThrows(() => count(11), BananaError, "Cannot send message: 11 elements");
  assertEquals(error.limit, "maxElements");
});

Deno.test("BananaWriter stops early when a message grows far beyond the limit", () => {
  const writer = new BananaWriter({ limits: bananaLimits({ maxMessageBytes: 1000 }) });
  writer.begin();
  let written = 0;
  const error = assertThrows(() => {
    for (; written < 1_000_000; written++) writer.integer(1);
  }, BananaError);
  assertEquals(error.limit, "maxMessageBytes");
  assert(written < 10_000);
});

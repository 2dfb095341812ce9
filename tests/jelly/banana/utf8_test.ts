import { assertEquals, assertThrows } from "@std/assert";
import { BananaError } from "../../../jelly/banana/errors.ts";
import { viewOf } from "../../../jelly/banana/heads.ts";
import { NameCache } from "../../../jelly/banana/name_cache.ts";
import { utf8, writeAscii } from "../../../jelly/banana/utf8.ts";

const READERS = [
  { name: "utf8()", read: utf8 },
  {
    name: "NameCache.text()",
    read: (bytes: Uint8Array, from: number, to: number) => new NameCache().text(bytes, from, to),
  },
];

for (const { name, read } of READERS) {
  Deno.test(`${name} reads text of every length from the middle of a byte array`, () => {
    for (const letter of ["a", "\0", "\x7f", "é", "\ufeff", "語", "😀"]) {
      for (let length = 0; length < 70; length++) {
        const text = letter.repeat(length);
        const inner = new TextEncoder().encode(text);
        const bytes = Uint8Array.of(0xff, ...inner, 0xff);
        assertEquals(read(bytes, 1, 1 + inner.length), text);
      }
    }
  });

  Deno.test(`${name} refuses bytes that are not UTF-8`, () => {
    const faults = [
      [0x80],
      [0xff],
      [0x61, 0xc3],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80], // a lone surrogate
      [0xf4, 0x90, 0x80, 0x80], // above U+10FFFF
      [...new Uint8Array(30), 0xe2, 0x82],
    ];
    for (const fault of faults) {
      assertThrows(() => read(Uint8Array.from(fault), 0, fault.length), BananaError, "not UTF-8");
    }
  });
}

Deno.test("NameCache.text() tells apart names that share a cache slot", () => {
  const names = new NameCache();
  // The same length, first, middle and last byte.
  const texts = ["axbxc", "aybyc", "azbzc"].flatMap((text) => [text, text]);
  for (const text of [...texts, ...texts]) {
    const bytes = new TextEncoder().encode(text);
    assertEquals(names.text(bytes, 0, bytes.length), text);
  }
});

Deno.test("NameCache.text() keeps a copy of the bytes", () => {
  const names = new NameCache();
  const bytes = new TextEncoder().encode("score");
  assertEquals(names.text(bytes, 0, 5), "score");
  bytes.set(new TextEncoder().encode("spore"));
  assertEquals(names.text(bytes, 0, 5), "spore");
});

Deno.test("writeAscii() writes text of every length into the middle of a byte array", () => {
  for (let length = 0; length < 20; length++) {
    const text = "\0aZ\x7f~".repeat(4).slice(0, length);
    const bytes = new Uint8Array(length + 2).fill(0xff);
    assertEquals(writeAscii(viewOf(bytes), 1, text), true);
    assertEquals([...bytes], [0xff, ...new TextEncoder().encode(text), 0xff]);
  }
});

Deno.test("writeAscii() detects a character that is not ASCII in any position", () => {
  for (let length = 1; length < 20; length++) {
    for (let at = 0; at < length; at++) {
      for (const letter of ["\x80", "é", "\u0100", "語", "\ud83d"]) {
        const text = "a".repeat(at) + letter + "a".repeat(length - at - 1);
        assertEquals(writeAscii(viewOf(new Uint8Array(length)), 0, text), false);
      }
    }
  }
});

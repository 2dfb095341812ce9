/**
 * What Twisted's own tests of banana assert; the name in brackets is that of Twisted's test.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  BananaDecoder,
  BananaError,
  BananaScanner,
  BananaWriter,
  decode,
  encode,
} from "../../../jelly/banana/mod.ts";
import { atom, type Sexp } from "../../../jelly/banana/sexp.ts";
import { Float } from "../../../jelly/values/float.ts";
import { feed } from "../feed.ts";

/** The smallest integer that does not fit into 64 prefix bytes of 7 bits. */
const TOO_LARGE = 1n << 448n;
const LARGER = { limits: { maxPrefixBytes: 128 } };

function assertRoundTrip(sexp: Sexp): void {
  assertEquals(decode(encode(sexp)), sexp);
}

Deno.test("[Banana Math.int2b128] integers round-trip", () => {
  const runs = [0, 1000, 1_000_000].flatMap((from) =>
    Array.from({ length: 100 }, (_, i) => from + i)
  );
  for (const value of runs) assertRoundTrip(value);
  assertRoundTrip(1024n ** 10n);
  // The digits alone, the least significant first.
  assertEquals(encode(300), Uint8Array.of(0x2c, 2, 0x81));
});

Deno.test("[Banana string] a byte string round-trips", () => assertRoundTrip(atom("hello")));

Deno.test("[Banana unsupportedUnicode] a text is refused by its type", () => {
  const text = "hello" as unknown as Sexp;
  assertThrows(() => encode(text), BananaError, "Cannot send string: banana has no such element");
  assertThrows(() => encode([1, [text]]), BananaError, "Cannot send string");
});

Deno.test("[Banana unsupportedBuiltinType] other kinds of value are refused by their types", () => {
  const cases: [unknown, string][] = [
    [null, "null"],
    [undefined, "undefined"],
    [true, "boolean"],
    [Symbol(), "symbol"],
    [Map, "function"],
    [new Map(), "object of class Map"],
    [{}, "object of class Object"],
    [Object.create(null), "object of class null"],
  ];
  for (const [value, name] of cases) {
    assertThrows(() => encode([value as Sexp]), BananaError, `Cannot send ${name}: banana has no`);
  }
});

Deno.test("[Banana unsupportedUserType] an instance is refused by the name of its class", () => {
  class MathTests {}
  const value = new MathTests() as unknown as Sexp;
  assertThrows(() => encode(value), BananaError, "Cannot send object of class MathTests");
});

Deno.test("[Banana int] 10151 round-trips as an integer", () => {
  assertRoundTrip(10151);
  assertEquals(encode(10151).at(-1), 0x81);
});

Deno.test("[Banana encodeTooLargeLong] 2^448 is refused, one less is sent", () => {
  const error = assertThrows(() => encode(TOO_LARGE), BananaError, "more than 448 bits");
  assertEquals(error.limit, "maxPrefixBytes");
  assertRoundTrip(TOO_LARGE - 1n);
});

Deno.test("[Banana decodeTooLargeLong] 2^448 is refused from a peer with a larger limit", () => {
  const wire = encode(TOO_LARGE, LARGER);
  assertEquals(wire.length, 66);
  const error = assertThrows(() => decode(wire), BananaError, "the limit is 64 (maxPrefixBytes)");
  assertEquals(error.limit, "maxPrefixBytes");
  assertEquals(decode(wire, LARGER), TOO_LARGE);
});

Deno.test("[Banana encodeTooSmallLong] -2^448 is refused, one more is sent", () => {
  const error = assertThrows(() => encode(-TOO_LARGE), BananaError, "more than 448 bits");
  assertEquals(error.limit, "maxPrefixBytes");
  assertRoundTrip(1n - TOO_LARGE);
});

Deno.test("[Banana decodeTooSmallLong] -2^448 is refused from a peer with a larger limit", () => {
  const wire = encode(-TOO_LARGE, LARGER);
  assertThrows(() => decode(wire), BananaError, "maxPrefixBytes");
  assertEquals(decode(wire, LARGER), -TOO_LARGE);
});

Deno.test("[Banana integer] 1015 round-trips", () => assertRoundTrip(1015));

Deno.test("[Banana negative] -1015 round-trips", () => assertRoundTrip(-1015));

Deno.test("[Banana float] 1015.0 round-trips, and stays a float", () => {
  assertRoundTrip(new Float(1015));
  assertEquals(encode(new Float(1015))[0], 0x84);
});

Deno.test("[Banana list] nested lists with items of every kind round-trip", () => {
  const strings = [atom("six"), atom("seven"), [atom("eight"), 9]];
  assertRoundTrip([1, 2, [3, 4], [30.5, 40.2], 5, strings, [10], []]);
});

Deno.test("[Banana partial] bytes that arrive one by one decode to the same values", () => {
  const most = 2n ** 63n - 1n;
  const strings = [atom("six"), atom("seven"), [atom("eight"), 9]];
  const foo = [1, 2, [3, 4], [30.5, 40.2], 5, strings, [10], most * 3n, most * 2n, most * -2n];
  assertEquals(feed(encode(foo), { size: 1 }), [foo]);
});

/** Checks that a length is refused before its items come, whole and byte by byte. */
function assertOversized(type: number, limit: string): void {
  const wire = Uint8Array.of(2, 1, 1, 1, 1, type);
  for (const size of [Infinity, 1]) {
    const error = assertThrows(() => feed(wire, { size }), BananaError, limit);
    assertEquals(error.limit, limit);
  }
}

Deno.test("[Banana oversizedList] a list of 4.3e9 items is refused before they come", () => {
  assertOversized(0x80, "maxListItems");
});

Deno.test("[Banana oversizedString] a string of 4.3e9 bytes is refused before they come", () => {
  assertOversized(0x82, "maxStringBytes");
});

Deno.test("[Banana crashString] the announcement of a list of 2^30 items takes no memory", () => {
  const wire = Uint8Array.of(0, 0, 0, 0, 4, 0x80);
  assertThrows(() => decode(wire), BananaError, "maxListItems");
  // With a limit high enough to let it through, only its six bytes are held.
  const decoder = new BananaDecoder({ limits: { maxListItems: 2 ** 31, maxElements: 2 ** 32 } });
  assertEquals(decoder.push(wire), []);
  assertEquals(decoder.pending, 6);
});

Deno.test("[Banana crashNegativeLong] -2147483648 round-trips", () => assertRoundTrip(-2147483648));

Deno.test("[Banana sizedIntegerTypes] the size of an integer decides its type byte", () => {
  const tail = [0x7f, 0x7f, 0x7f, 0x07];
  const cases: [number, number[]][] = [
    [2147483645, [0x7d, ...tail, 0x81]],
    [2147483646, [0x7e, ...tail, 0x81]],
    [2147483647, [0x7f, ...tail, 0x81]],
    [2147483648, [0, 0, 0, 0, 8, 0x85]],
    [2147483649, [1, 0, 0, 0, 8, 0x85]],
    [2147483650, [2, 0, 0, 0, 8, 0x85]],
    [-2147483646, [0x7e, ...tail, 0x83]],
    [-2147483647, [0x7f, ...tail, 0x83]],
    [-2147483648, [0, 0, 0, 0, 8, 0x83]],
    [-2147483649, [1, 0, 0, 0, 8, 0x86]],
    [-2147483650, [2, 0, 0, 0, 8, 0x86]],
    [-2147483651, [3, 0, 0, 0, 8, 0x86]],
  ];
  for (const [value, wire] of cases) {
    assertEquals([...encode(value)], wire);
    assertEquals([...encode(BigInt(value))], wire, "a bigint is sent by its size as well");
    assertEquals(decode(Uint8Array.from(wire)), value);
  }
});

Deno.test("[Banana dialectNotSet] a word before a dialect is agreed is an error", () => {
  const scanner = new BananaScanner();
  assertEquals(scanner.dialect, undefined);
  const word = Uint8Array.of(16, 0x87);
  assertThrows(() => scanner.scan(word, 0, 2), BananaError, "the dialect is not set");
  assertThrows(() => decode(word, { dialect: "none" }), BananaError, "the dialect is none");
});

Deno.test("[Banana receivePb] in dialect pb, 10 87 is remote", () => {
  assertEquals(decode(Uint8Array.of(16, 0x87), { dialect: "pb" }), atom("remote"));
});

Deno.test("[Banana receiveIllegalPb] in dialect pb, word 122 is an error", () => {
  const word = Uint8Array.of(122, 0x87);
  assertThrows(() => decode(word, { dialect: "pb" }), BananaError, "word 122 of the vocabulary");
});

Deno.test("[Banana sendPb] in dialect pb, remote is sent as 10 87", () => {
  assertEquals(encode(atom("remote"), { dialect: "pb" }), Uint8Array.of(16, 0x87));
  const writer = new BananaWriter({ dialect: "pb" });
  writer.atom("remote");
  assertEquals(writer.written(), Uint8Array.of(16, 0x87));
});

Deno.test("[Banana statelessDecode] a failed decode does not spoil the next", () => {
  const undecodable = new Uint8Array(66).fill(0x7f);
  undecodable[65] = 0x85;
  assertThrows(() => decode(undecodable), BananaError);
  assertThrows(() => decode(Uint8Array.of(2, 0x80, 1, 0x81)), BananaError, "end too early");
  assert(decode(Uint8Array.of(1, 0x81)) === 1);
});

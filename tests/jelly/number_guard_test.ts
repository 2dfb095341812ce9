// Sets and dictionaries whose keys, numbers or texts of digits, were chosen to collide in V8's hash tables.

import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeValue,
  encodeValue,
  FrozenSet,
  jelly,
  JellyError,
  type Sexp,
  unjelly,
} from "@perspective/broker/jelly";
import { encode } from "@perspective/broker/jelly/banana";

const atom = (text: string) => new TextEncoder().encode(text);
const DICTIONARY = atom("dictionary");

/** Numbers that collide, because V8 hashes only their lowest 64 bits. */
function chosen(count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => (BigInt(i + 1) << 64n) + 1n);
}

/** Texts of digits that collide, because V8 hashes only the lowest 24 bits of their values. */
function chosenTexts(count: number): Sexp[] {
  return Array.from({ length: count }, (_, i) => textOf(`${i * 2 ** 16}`));
}

function textOf(text: string): Sexp {
  return [atom("unicode"), atom(text)];
}

/** Containers as s-expressions, as a hostile sender writes them without ever building them. */
const SENT: Record<string, (keys: readonly Sexp[]) => Sexp> = {
  "set": (keys) => [atom("set"), ...keys],
  "frozen set": (keys) => [atom("frozenset"), ...keys],
  "dictionary": (keys) => [DICTIONARY, [0, 0], ...keys.map((key) => [key, 0])],
  "dictionary that begins with a text": (keys) => [
    DICTIONARY,
    [textOf("text"), 0],
    [0, 0],
    ...keys.map((key) => [key, 0]),
  ],
  "dictionary that ends with a number": (keys) => [
    DICTIONARY,
    ...keys.map((key) => [key, 0]),
    [0, 0],
  ],
};

/** A container that refers to each key before the key itself comes. */
function sentAhead(make: (keys: readonly Sexp[]) => Sexp, keys: readonly Sexp[]): Sexp {
  const ahead = keys.map((_, i) => [atom("dereference"), i + 1]);
  return [atom("tuple"), make(ahead), ...keys.map((key, i) => [atom("reference"), i + 1, key])];
}

for (const [name, make] of Object.entries(SENT)) {
  for (
    const [kind, keys] of [["numbers", chosen(200_000)], ["texts", chosenTexts(65_536)]] as const
  ) {
    Deno.test(`decodeValue() refuses a ${name} of colliding ${kind} before it takes long`, () => {
      // Reading all of them would take many minutes.
      const sent = encode(make(keys), { dialect: "pb" });
      assertThrows(
        () => decodeValue(sent),
        JellyError,
        "numbers were chosen to make look-ups slow",
      );
    });

    Deno.test(`decodeValue() refuses a ${name} of colliding ${kind} that follow as forward references`, () => {
      const sent = encode(sentAhead(make, keys.slice(0, 40_000)), { dialect: "pb" });
      assertThrows(
        () => decodeValue(sent),
        JellyError,
        "numbers were chosen to make look-ups slow",
      );
    });
  }
}

Deno.test("decodeValue() refuses colliding numbers before and after V8 has optimised it", () => {
  const sent = encode(SENT.set!(chosen(40_000)), { dialect: "pb" });
  const isRefused = () =>
    assertThrows(() => decodeValue(sent), JellyError, "numbers were chosen to make look-ups slow");
  isRefused();
  const harmless = encode([atom("set"), ...Array(20_000).keys()], { dialect: "pb" });
  for (let i = 0; i < 300; i++) decodeValue(harmless);
  isRefused();
});

Deno.test("decodeValue() refuses many sets of colliding numbers that take long only together", () => {
  const set = SENT.set!(chosen(2000));
  const isRead = (count: number) => {
    const sent = encode([atom("list"), ...Array(count).fill(set)], { dialect: "pb" });
    assertEquals((decodeValue(sent) as unknown[]).length, count);
  };
  isRead(1);
  assertThrows(() => isRead(200), JellyError, "numbers were chosen to make look-ups slow");
  isRead(1);
});

for (const factor of [1000, 1024, 4096, 65_536, 2 ** 20]) {
  Deno.test(`decodeValue() reads a set of texts of multiples of ${factor}, though some collide`, () => {
    const value = new Set(Array.from({ length: 2500 }, (_, i) => `${i * factor}`));
    assertEquals(decodeValue(encodeValue(value)), value);
  });
}

/** Ordinary numbers, as numbers and as texts. */
function plain(count: number): (number | bigint | string)[] {
  const kinds = [
    (i: number) => i,
    (i: number) => i * 1_000_003,
    (i: number) => i + 0.5,
    (i: number) => BigInt(i) * 1_000_000_007n + 2n ** 60n,
    (i: number) => `${i}`,
    (i: number) => `${i}000`,
    (i: number) => `0${i}`,
    (i: number) => `${i}-${i}`,
  ];
  return kinds.flatMap((make) => Array.from({ length: count / 8 }, (_, i) => make(i + 1)));
}

const CONTAINERS: Record<string, (numbers: readonly (number | bigint | string)[]) => unknown> = {
  "set": (numbers) => new Set(numbers),
  "frozen set": (numbers) => new FrozenSet(numbers),
  "dictionary": (numbers) => new Map(numbers.map((number) => [number, null])),
  "dictionary that begins with a text": (numbers) =>
    new Map<unknown, unknown>([["text", 0], ...numbers.map((number) => [number, null] as const)]),
};

for (const [name, make] of Object.entries(CONTAINERS)) {
  Deno.test(`decodeValue() reads a ${name} of many ordinary numbers and texts of numbers`, () => {
    const value = make(plain(40_000));
    assertEquals(decodeValue(encodeValue(value)), value);
  });

  Deno.test(`unjelly() reads a ${name} of few numbers, even colliding ones`, () => {
    const value = make(chosen(255));
    assertEquals(unjelly(jelly(value)), value);
  });
}

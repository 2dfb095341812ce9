// Sets and dictionaries of numbers that were chosen to fall into one place of a table.

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

/** Numbers of which V8 looks at the lowest 64 bits only, to find their place. */
function chosen(count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => (BigInt(i + 1) << 64n) + 1n);
}

/** The same containers as their sender would write them, who need not have them. */
const SENT: Record<string, (numbers: readonly bigint[]) => Sexp> = {
  "set": (numbers) => [atom("set"), ...numbers],
  "frozen set": (numbers) => [atom("frozenset"), ...numbers],
  "dictionary": (numbers) => [DICTIONARY, ...numbers.map((number) => [number, 0])],
  "dictionary that begins with a text": (numbers) => [
    DICTIONARY,
    [[atom("unicode"), atom("text")], 0],
    ...numbers.map((number) => [number, 0]),
  ],
};

for (const [name, make] of Object.entries(SENT)) {
  Deno.test(`a ${name} of numbers that were chosen to take long is refused before it has`, () => {
    // All of them would take many minutes.
    const sent = encode(make(chosen(200_000)), { dialect: "pb" });
    assertThrows(() => decodeValue(sent), JellyError, "numbers were chosen so that it takes long");
  });
}

Deno.test("numbers that were chosen are refused when the code that notices them was compiled, too", () => {
  const sent = encode(SENT.set!(chosen(40_000)), { dialect: "pb" });
  const isRefused = () =>
    assertThrows(() => decodeValue(sent), JellyError, "numbers were chosen so that it takes long");
  isRefused();
  const harmless = encode([atom("set"), ...Array(20_000).keys()], { dialect: "pb" });
  for (let i = 0; i < 300; i++) decodeValue(harmless);
  isRefused();
});

/** Numbers as they come. */
function plain(count: number): (number | bigint)[] {
  const kinds = [
    (i: number) => i,
    (i: number) => i * 1_000_003,
    (i: number) => i + 0.5,
    (i: number) => BigInt(i) * 1_000_000_007n + 2n ** 60n,
  ];
  return kinds.flatMap((make) => Array.from({ length: count / 4 }, (_, i) => make(i + 1)));
}

const CONTAINERS: Record<string, (numbers: readonly (number | bigint)[]) => unknown> = {
  "set": (numbers) => new Set(numbers),
  "frozen set": (numbers) => new FrozenSet(numbers),
  "dictionary": (numbers) => new Map(numbers.map((number) => [number, null])),
  "dictionary that begins with a text": (numbers) =>
    new Map<unknown, unknown>([["text", 0], ...numbers.map((number) => [number, null] as const)]),
};

for (const [name, make] of Object.entries(CONTAINERS)) {
  Deno.test(`a ${name} of many numbers as they come is read`, () => {
    const value = make(plain(40_000));
    assertEquals(decodeValue(encodeValue(value)), value);
  });

  Deno.test(`a ${name} of few numbers is read, whichever they are`, () => {
    const value = make(chosen(255));
    assertEquals(unjelly(jelly(value)), value);
  });
}

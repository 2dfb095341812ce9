import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import { Decimal } from "../../../jelly/values/decimal.ts";

// Recorded from CPython 3.11 and Twisted 22.4:
//   d = Decimal((int(c < 0), tuple(map(int, str(abs(c)))), e))
//   assert jelly.jelly(d) == [b"decimal", c, e]; print(c, e, str(d))
const PRINTED: readonly [coefficient: bigint, exponent: number, text: string][] = [
  [0n, 0, "0"],
  [0n, -1, "0.0"],
  [0n, -6, "0.000000"],
  [0n, -7, "0E-7"],
  [0n, -10, "0E-10"],
  [0n, 1, "0E+1"],
  [0n, 3, "0E+3"],
  [1n, 0, "1"],
  [1n, 1, "1E+1"],
  [1n, 5, "1E+5"],
  [1n, -1, "0.1"],
  [1n, -6, "0.000001"],
  [1n, -7, "1E-7"],
  [15n, -1, "1.5"],
  [150n, -2, "1.50"],
  [-78901n, -3, "-78.901"],
  [995n, -2, "9.95"],
  [123456n, 0, "123456"],
  [-1n, 0, "-1"],
  [-12n, 2, "-1.2E+3"],
  [-12n, -8, "-1.2E-7"],
  [12n, -8, "1.2E-7"],
  [12n, -7, "0.0000012"],
  [123n, -5, "0.00123"],
  [123n, -3, "0.123"],
  [123n, -2, "1.23"],
  [123n, 1, "1.23E+3"],
  [-100n, -3, "-0.100"],
  [100000000000000000000n, 0, "100000000000000000000"],
  [100000000000000000000n, -20, "1.00000000000000000000"],
  [100000000000000000000n, -21, "0.100000000000000000000"],
  [123456789n, -20, "1.23456789E-12"],
  [1n, -1000, "1E-1000"],
  [123n, 999999999999999, "1.23E+1000000000000001"],
  [123n, -999999999999999, "1.23E-999999999999997"],
];

// Recorded: print(jelly.jelly(Decimal(text))[1:])
const READ: readonly [text: string, coefficient: bigint, exponent: number][] = [
  ["0", 0n, 0],
  ["-0", 0n, 0],
  ["+0", 0n, 0],
  ["-0.00", 0n, -2],
  [".5", 5n, -1],
  ["5.", 5n, 0],
  ["-.5", -5n, -1],
  ["+5.e2", 5n, 2],
  ["1e5", 1n, 5],
  ["1e-5", 1n, -5],
  ["0e-10", 0n, -10],
  ["00012.00", 1200n, -2],
  ["1e0000000000000000005", 1n, 5],
];

const REFUSED = [
  ...["", ".", " ", "e5", "1e", "1e+", "--1", "1.2.3", "0x10", "1,5", "1n"], // refused by Python as well
  ...["NaN", "sNaN", "Infinity", "-Infinity"], // Python has them, but Twisted fails to send them
  ...[" 1", "1\n", "1_000", "\u0661"], // Python accepts these, and prints them without the extra characters
];

for (const [coefficient, exponent, text] of PRINTED) {
  Deno.test(`Decimal.toString() prints ${text} as Python does`, () => {
    assertEquals(new Decimal(coefficient, exponent).toString(), text);
    if (Math.abs(exponent) < 2000) {
      assertEquals(Decimal.from(text), new Decimal(coefficient, exponent));
    }
  });
}

for (const [text, coefficient, exponent] of READ) {
  Deno.test(`Decimal.from() reads "${text}" as Python does`, () => {
    const decimal = Decimal.from(text);
    assertStrictEquals(decimal.coefficient, coefficient);
    assertStrictEquals(decimal.exponent, exponent);
  });
}

for (const text of REFUSED) {
  Deno.test(`Decimal.from() refuses ${JSON.stringify(text)}`, () => {
    assertThrows(
      () => Decimal.from(text),
      SyntaxError,
      `Cannot read a Decimal "${text}": not a finite decimal numeral`,
    );
  });
}

Deno.test("Decimal.from() refuses too many digits, but not many leading zeros", () => {
  assertEquals(Decimal.from("9".repeat(4300)).toString().length, 4300);
  assertThrows(() => Decimal.from("9".repeat(4301)), RangeError, "more than 4300 digits");
  assertEquals(Decimal.from(`0.${"0".repeat(10_000)}1`).exponent, -10_001);
});

Deno.test("Decimal.from() refuses exponents that toString() could not print", () => {
  assertEquals(Decimal.from("1e999999999999999").exponent, 999_999_999_999_999);
  for (const text of ["1e1000000000000000", "0.1e-999999999999999", `1e${"9".repeat(400)}`]) {
    assertThrows(() => Decimal.from(text), RangeError, "Cannot make a Decimal with exponent");
  }
});

Deno.test("Decimal.from() shortens a long text in its error", () => {
  const error = assertThrows(() => Decimal.from("x".repeat(1_000_000)), SyntaxError);
  assert(error.message.length < 120);
});

Deno.test("Decimal.from() keeps every digit of the largest coefficient that can be sent", () => {
  const most = 2n ** 448n - 1n;
  assertEquals(Decimal.from(`${most}`).coefficient, most);
  assertEquals(Decimal.from(`${new Decimal(-most, -200)}`), new Decimal(-most, -200));
});

Deno.test("Decimal() accepts safe integers and no other numbers", () => {
  assertStrictEquals(new Decimal(-5).coefficient, -5n);
  assertStrictEquals(new Decimal(-0).coefficient, 0n);
  assertStrictEquals(new Decimal(1, -0).exponent, 0);
  for (const number of [1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => new Decimal(number), RangeError, `coefficient "${number}"`);
    assertThrows(() => new Decimal(1, number), RangeError, `exponent "${number}"`);
  }
  assertThrows(() => new Decimal(10n ** 4300n), RangeError, "more than 4300 digits");
  assertThrows(() => new Decimal(-(10n ** 4300n)), RangeError, "more than 4300 digits");
});

Deno.test("Decimal() creates a frozen object", () => {
  assert(Object.isFrozen(new Decimal(1)));
});

// Recorded: print(float(Decimal(text)))
for (
  const [text, number] of [
    ["0.1", 0.1],
    ["-0.3", -0.3],
    ["1E+400", Infinity],
    ["1E-400", 0],
    ["123456789012345678901234567890", 1.2345678901234568e29],
  ] as const
) {
  Deno.test(`Decimal.toNumber() rounds ${text} as Python does`, () => {
    assertStrictEquals(Decimal.from(text).toNumber(), number);
  });
}

Deno.test("Decimal.toJSON() keeps the digits", () => {
  assertEquals(JSON.stringify({ price: Decimal.from("1.50") }), `{"price":"1.50"}`);
});

Deno.test("Decimal.equals() compares values, however they are written", () => {
  const equal = (one: string, other: string) => Decimal.from(one).equals(Decimal.from(other));
  assert(equal("1.50", "1.5"));
  assert(equal("1.5", "1.50"));
  assert(equal("1E+3", "1000"));
  assert(equal("0", "0E+5"));
  assert(equal("-2.0", "-2"));
  assertFalse(equal("1", "-1"));
  assertFalse(equal("1", "10"));
  assertFalse(equal("1", "0"));
  assertFalse(equal("1.1", "1.2"));
  assertFalse(equal("9.99", "10.0"));
});

Deno.test("Decimal.equals() is quick even with huge exponents", () => {
  const huge = new Decimal(1, 999_999_999_999_999);
  assertFalse(huge.equals(new Decimal(1)));
  assertFalse(huge.equals(new Decimal(1, -999_999_999_999_999)));
  assertFalse(huge.equals(new Decimal(0)));
  assert(huge.equals(new Decimal(10, 999_999_999_999_998)));
});

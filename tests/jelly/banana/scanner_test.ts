import { assert, assertEquals, assertThrows } from "@std/assert";
import { encode } from "../../../jelly/banana/encode.ts";
import { BananaError } from "../../../jelly/banana/errors.ts";
import { type BananaLimits, bananaLimits } from "../../../jelly/banana/limits.ts";
import { BananaScanner } from "../../../jelly/banana/scanner.ts";
import type { Dialect } from "../../../jelly/banana/tokens.ts";
import { inspectSexp } from "../../../jelly/inspect.ts";
import { Float } from "../../../jelly/values/float.ts";
import { atom, type Sexp } from "../../../jelly/banana/sexp.ts";

function scannerOf(limits: Partial<BananaLimits> = {}, dialect: Dialect = "pb"): BananaScanner {
  const scanner = new BananaScanner(bananaLimits(limits));
  scanner.dialect = dialect;
  return scanner;
}

function nested(depth: number): Sexp {
  let sexp: Sexp = [];
  for (let i = 1; i < depth; i++) sexp = [sexp];
  return sexp;
}

Deno.test("BananaScanner.scan() finds the ends of expressions, one after the other", () => {
  const first = encode([1, [new Uint8Array(3), 2.5], []]);
  const bytes = new Uint8Array([9, 9, ...first, ...encode(-7), 1]);
  const scanner = scannerOf();
  const end = scanner.scan(bytes, 2, bytes.length);
  assertEquals(end, 2 + first.length);
  assertEquals(scanner.scan(bytes, end, bytes.length), end + 2);
  assertEquals(scanner.scan(bytes, end + 2, bytes.length), -1);
});

Deno.test("BananaScanner.scan() resumes where it paused, even if the bytes have moved", () => {
  const whole = encode([300, new Uint8Array(200), [1e300, []], 2n ** 200n]);
  for (let cut = 0; cut < whole.length; cut++) {
    const scanner = scannerOf();
    assertEquals(scanner.scan(whole, 0, cut), -1, `cut at ${cut}`);
    const moved = new Uint8Array(whole.length + 5);
    moved.set(whole, 5);
    assertEquals(scanner.scan(moved, 5, moved.length), moved.length, `cut at ${cut}`);
  }
});

Deno.test("BananaScanner.needed is the least possible length of the expression", () => {
  const scanner = scannerOf();
  const wire = encode(new Uint8Array(1000));
  assertEquals(scanner.scan(wire, 0, 4), -1);
  assertEquals(scanner.needed, wire.length);
  assertEquals(scanner.scan(wire, 0, wire.length), wire.length);
  assertEquals(scanner.needed, 0);
});

/** A text that the scanner passes in one step if enough bytes follow it. */
const TEXT: Sexp = [atom("unicode"), atom("text")];

const EDGES: { limit: keyof BananaLimits; most: number; at: Sexp; over: Sexp }[] = [
  { limit: "maxStringBytes", most: 5, at: [new Uint8Array(5)], over: [new Uint8Array(6)] },
  {
    limit: "maxStringBytes",
    most: 8,
    at: [[atom("unicode"), new Uint8Array(8)], new Uint8Array(8), new Uint8Array(8)],
    over: [[atom("unicode"), new Uint8Array(9)], new Uint8Array(8), new Uint8Array(8)],
  },
  { limit: "maxListItems", most: 1, at: [[1]], over: [[atom("unicode"), new Uint8Array(40)]] },
  { limit: "maxListItems", most: 3, at: [[1, 2, 3]], over: [[1, 2, 3, 4]] },
  { limit: "maxPrefixBytes", most: 5, at: [2n ** 35n - 1n], over: [2n ** 35n] },
  { limit: "maxDepth", most: 4, at: nested(4), over: nested(5) },
  { limit: "maxDepth", most: 4, at: [[[[1]]]], over: [[[[[1]]]]] },
  { limit: "maxElements", most: 4, at: [1, [2]], over: [1, [2, 3]] },
  {
    limit: "maxElements",
    most: 24,
    at: [TEXT, ...Array(20).fill(0)],
    over: [TEXT, ...Array(21).fill(0)],
  },
  { limit: "maxMessageBytes", most: 12, at: [new Uint8Array(8)], over: [new Uint8Array(9)] },
  { limit: "maxMessageBytes", most: 11, at: [new Float(1)], over: [new Float(1), 1] },
];

for (const { limit, most, at, over } of EDGES) {
  Deno.test(`BananaScanner.scan() accepts ${limit} ${most} and refuses one more: ${inspectSexp(over)}`, () => {
    const fits = encode(at);
    assertEquals(scannerOf({ [limit]: most }).scan(fits, 0, fits.length), fits.length);
    const exceeds = encode(over);
    const error = assertThrows(
      () => scannerOf({ [limit]: most }).scan(exceeds, 0, exceeds.length),
      BananaError,
      `the limit is ${most} (${limit})`,
    );
    assertEquals(error.limit, limit);
  });
}

Deno.test("BananaScanner.scan() refuses a string as soon as the message would be too long", () => {
  const wire = encode([1, new Uint8Array(1000)]);
  const scanner = scannerOf({ maxMessageBytes: 500 });
  assertThrows(() => scanner.scan(wire, 0, 8), BananaError, "maxMessageBytes");
});

Deno.test("BananaScanner.scan() accepts lengths at Twisted's limits, and refuses one more", () => {
  // 0x28_00_00 in digits of 7 bits is 640 Ki.
  for (const type of [0x80, 0x82]) {
    assertEquals(scannerOf().scan(Uint8Array.of(0, 0, 0x28, type), 0, 4), -1);
    const error = assertThrows(() => scannerOf().scan(Uint8Array.of(1, 0, 0x28, type), 0, 4));
    assert(error instanceof BananaError && error.limit !== undefined);
  }
});

Deno.test("BananaScanner.scan() computes prefixes of any length exactly", () => {
  const scanner = scannerOf();
  const zeros = new Uint8Array(65);
  assertEquals(scanner.scan(zeros, 0, 64), -1);
  assertThrows(() => scanner.scan(zeros, 0, 65), BananaError, "maxPrefixBytes");
  // A length of 2^448 - 1 is over any limit.
  const huge = new Uint8Array(65).fill(0x7f);
  huge[64] = 0x82;
  assertThrows(() => scannerOf().scan(huge, 0, 65), BananaError, "maxStringBytes");
  // Trailing zeros do not make a length larger.
  const padded = Uint8Array.of(1, ...new Uint8Array(63), 0x82, 7);
  assertEquals(scannerOf().scan(padded, 0, 66), 66);
});

Deno.test("BananaScanner.scan() refuses bytes that are not banana", () => {
  for (const type of [0x88, 0x90, 0xfe, 0xff]) {
    const fault = `0x${type.toString(16)} is not a type byte`;
    assertThrows(() => scannerOf().scan(Uint8Array.of(type), 0, 1), BananaError, fault);
    assertThrows(() => scannerOf().scan(Uint8Array.of(1, type), 0, 2), BananaError, fault);
  }
});

Deno.test("BananaScanner.scan() counts elements per expression, even if it pauses within one", () => {
  const whole = encode([1, [2, 3], 4]);
  const scanner = scannerOf({ maxElements: 6 });
  for (let i = 0; i < 5; i++) {
    assertEquals(scanner.scan(whole, 0, whole.length - 1), -1);
    assertEquals(scanner.scan(whole, 0, whole.length), whole.length);
  }
});

Deno.test("BananaScanner.reset() forgets an unfinished expression", () => {
  const scanner = scannerOf();
  assertEquals(scanner.scan(encode([[1, 2], 3]), 0, 5), -1);
  scanner.reset();
  assertEquals(scanner.scan(Uint8Array.of(5, 0x81), 0, 2), 2);
});

Deno.test("BananaScanner.scan() reads no byte twice, wherever the bytes are cut", () => {
  // Prefixes have one or two bytes, and only a prefix that is cut is read again.
  const whole = encode(Array.from({ length: 1000 }, (_, i) => [i, new Uint8Array(3), 1.5]));
  let reads = 0;
  const counted = new Proxy(whole, {
    get(target, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) reads++;
      return Reflect.get(target, key, target);
    },
  });
  const scanner = scannerOf();
  for (let end = 1; end < whole.length; end++) assertEquals(scanner.scan(counted, 0, end), -1);
  assertEquals(scanner.scan(counted, 0, whole.length), whole.length);
  assert(reads < 3 * whole.length, `${reads} looks at ${whole.length} bytes`);
});

Deno.test("BananaScanner.scan() counts announced items before they come", () => {
  // Each list announces 640 Ki items, and has one: the next list.
  const bomb = new Uint8Array(4 * 1024);
  for (let at = 0; at < bomb.length; at += 4) bomb.set([0, 0, 0x28, 0x80], at);
  assertEquals(scannerOf().scan(bomb, 0, 25 * 4), -1);
  assertThrows(() => scannerOf().scan(bomb, 0, 26 * 4), BananaError, "maxElements");
});

Deno.test("BananaScanner.scan() refuses 100,000 nested lists, however few items they have", () => {
  const bomb = new Uint8Array(200_000).fill(1);
  for (let at = 1; at < bomb.length; at += 2) bomb[at] = 0x80;
  assertEquals(scannerOf().scan(bomb, 0, 2 * 1024), -1);
  assertThrows(() => scannerOf().scan(bomb, 0, 2 * 1025), BananaError, "maxDepth");
});

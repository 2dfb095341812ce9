import { assertEquals, assertThrows } from "@std/assert";
import {
  banana,
  decodeValue,
  encodeValue,
  JellyError,
  JellyRegistry,
  valueCodec,
} from "../../jelly/mod.ts";

Deno.test("valueCodec() keeps working after it refused a value", () => {
  const codec = valueCodec({ limits: { maxDepth: 5, maxMessageBytes: 1000 } });
  const good = { a: [1, "two"] };
  const wire = codec.encode(good);
  const bad: [unknown, string][] = [
    [[good, Symbol("x")], "a symbol"],
    [[[[[[[1]]]]]], "maxDepth"],
    [Array(600).fill(1), "maxMessageBytes"],
    [{ a: "\ud800" }, "surrogate"],
  ];
  for (const [value, message] of bad) {
    assertThrows(() => codec.encode(value), JellyError, message);
    assertEquals(codec.encode(good), wire);
  }
  const faults = [
    new Uint8Array(),
    wire.subarray(1),
    Uint8Array.of(...wire, 0),
    Uint8Array.of(0x80),
  ];
  for (const fault of faults) {
    assertThrows(() => codec.decode(fault), Error, "Cannot read");
    assertEquals(codec.decode(wire), good);
  }
});

Deno.test("valueCodec() can be used again by code that it calls while it works", () => {
  const registry = new JellyRegistry();
  const codec = valueCodec({ registry });
  const inner = codec.encode({ inner: [1, 2] });
  const value = {
    first: 1,
    get second() {
      return codec.encode({ inner: [1, 2] });
    },
    third: 3,
  };
  registry.setUnjellyableFactoryForClass(
    "tests.Nested",
    (state) => codec.decode(state as Uint8Array),
  );
  assertEquals(codec.decode(codec.encode(value)), { first: 1, second: inner, third: 3 });
  const nested = banana.encode([new TextEncoder().encode("tests.Nested"), inner]);
  const list = Uint8Array.of(3, 0x80, 8, 0x87, ...nested, ...nested);
  assertEquals(codec.decode(list), [{ inner: [1, 2] }, { inner: [1, 2] }]);
});

Deno.test("encodeValue() and decodeValue() use the dialect that is given", () => {
  const pb = encodeValue(["list"]);
  const none = encodeValue(["list"], { dialect: "none" });
  assertEquals(decodeValue(none), ["list"]);
  assertEquals(decodeValue(none, { dialect: "none" }), ["list"]);
  assertThrows(() => decodeValue(pb, { dialect: "none" }), banana.BananaError, "vocabulary");
});

Deno.test("encodeValue() gives bytes that share no buffer", () => {
  const codec = valueCodec();
  const first = codec.encode("first");
  assertEquals(first.buffer.byteLength, first.length);
  codec.encode("other");
  assertEquals(decodeValue(first), "first");
});

Deno.test("decodeValue() reads bytes from the middle of a buffer", () => {
  const wire = encodeValue({ a: 1.5, b: ["text", new Uint8Array(3)] });
  const buffer = new Uint8Array(wire.length + 10);
  buffer.set(wire, 5);
  const value = decodeValue(buffer.subarray(5, 5 + wire.length)) as { b: [string, Uint8Array] };
  assertEquals<unknown>(value, { a: 1.5, b: ["text", new Uint8Array(3)] });
  assertEquals(value.b[1].buffer.byteLength, 3);
});

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Float } from "../../jelly/values/float.ts";
import {
  bananaVectors,
  bytesOf,
  conversation,
  conversations,
  jellyVector,
  jellyVectors,
  responseVectors,
  sexpOf,
} from "./load.ts";

Deno.test("bytesOf() reads hexadecimal text with runs", () => {
  assertEquals(bytesOf(""), new Uint8Array());
  assertEquals(bytesOf("00ff"), Uint8Array.of(0, 255));
  assertEquals(bytesOf("01(61*3)02(00*2)"), Uint8Array.of(1, 0x61, 0x61, 0x61, 2, 0, 0));
  assertThrows(() => bytesOf("0g"), SyntaxError);
});

Deno.test("sexpOf() reads every form of s-expression", () => {
  assertEquals(sexpOf(["a", 1, { hex: "ff" }]), [Uint8Array.of(0x61), 1, Uint8Array.of(255)]);
  assertEquals(sexpOf({ int: "-9007199254740993" }), -9007199254740993n);
  assertEquals(sexpOf({ float: "1.0" }), new Float(1));
  assert(Object.is(sexpOf({ float: "-0.0" }), -0));
  assertEquals(sexpOf({ float: "nan" }), NaN);
  assertEquals(sexpOf({ float: "-inf" }), -Infinity);
  assertThrows(() => sexpOf({}), TypeError);
});

Deno.test("bananaVectors(), jellyVectors() and conversations() read every record", () => {
  const { value, read, refused, unsendable } = bananaVectors();
  assertEquals(value.find(({ name }) => name === "word remote")?.pb, Uint8Array.of(0x10, 0x87));
  assert(read.length > 10 && refused.length > 10 && unsendable.length > 2);
  assertEquals(jellyVector('"a" * (640 * 1024)').pb.length, 655_375);
  assert(jellyVectors().length > 100);
  assertEquals(conversation("negotiation").messages.length, 4);
  assert(conversations().length > 30);
  assertEquals(responseVectors()[0]?.response.length, 16);
  assertThrows(() => jellyVector("no such value"), Error, "no such value");
});

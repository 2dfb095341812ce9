import { assert, assertEquals } from "@std/assert";
import { InputBuffer } from "../../../jelly/banana/input_buffer.ts";

/** Returns a copy of the unread bytes of a buffer. */
function waiting(input: InputBuffer): Uint8Array {
  return input.bytes.slice(input.start, input.end);
}

const numbers = (from: number, to: number) =>
  Uint8Array.from({ length: to - from }, (_, i) => from + i);

Deno.test("InputBuffer.append() and consume() keep unread bytes in order", () => {
  const input = new InputBuffer();
  input.append(numbers(0, 10));
  input.consume(input.start + 4);
  assertEquals(waiting(input), numbers(4, 10));
  input.append(numbers(10, 20));
  assertEquals(waiting(input), numbers(4, 20));
  assertEquals(input.length, 16);
  input.consume(input.end);
  assertEquals([input.length, input.start], [0, 0]);
});

Deno.test("InputBuffer.room() gives space for at least one byte, and keeps what is read into it", () => {
  const input = new InputBuffer();
  for (let i = 0; i < 5000; i++) {
    const room = input.room();
    assert(room.length > 0);
    room[0] = i;
    input.filled(1);
  }
  assertEquals(waiting(input), Uint8Array.from({ length: 5000 }, (_, i) => i));
});

Deno.test("InputBuffer.append() moves no more bytes than it receives", () => {
  // 64 bytes wait at any time, while a megabyte goes through in pieces of 100.
  const input = new InputBuffer();
  let moved = 0;
  for (let i = 0; i < 10_000; i++) {
    const before = input.bytes;
    const { start } = input;
    input.append(new Uint8Array(100));
    if (input.bytes !== before || input.start !== start) moved += 64;
    input.consume(Math.max(input.start, input.end - 64));
  }
  assert(moved < 1_000_000, `${moved} bytes were moved`);
  assert(input.bytes.length <= 4096, `${input.bytes.length} bytes are held for 64`);
});

Deno.test("InputBuffer grows under traffic and shrinks when it is quiet", () => {
  const input = new InputBuffer();
  assertEquals(input.room().length, 1024);
  for (let i = 0; i < 10; i++) {
    input.filled(input.room().length);
    input.consume(input.end);
  }
  const large = input.room().length;
  assert(large > 32 * 1024 && large <= 256 * 1024);
  for (let i = 0; i < 10; i++) {
    input.room();
    input.filled(10);
    input.consume(input.end);
  }
  assertEquals(input.room().length, 1024);
});

Deno.test("InputBuffer.clear() drops all bytes and the memory for them", () => {
  const input = new InputBuffer();
  input.append(numbers(0, 100));
  input.clear();
  assertEquals([input.length, input.bytes.length], [0, 0]);
  input.append(numbers(0, 3));
  assertEquals(waiting(input), numbers(0, 3));
});

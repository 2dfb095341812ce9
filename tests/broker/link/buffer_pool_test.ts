import { assertEquals, assertNotStrictEquals } from "@std/assert";
import { BufferPool } from "../../../broker/link/buffer_pool.ts";

const SMALL = 4096;

Deno.test("BufferPool.take() reuses a buffer that was given back", () => {
  const pool = new BufferPool();
  assertEquals(pool.take(0).buffer.byteLength, SMALL);
  const { buffer } = pool.take(SMALL + 1);
  pool.give(new Uint8Array(buffer, 0, 10));
  assertEquals(pool.take(100).buffer, buffer);
  assertNotStrictEquals(pool.take(100).buffer, buffer);
});

Deno.test("BufferPool keeps no more buffers than were taken at a time, even if they come back larger", () => {
  const pool = new BufferPool();
  const seen = new Set<ArrayBufferLike>();
  for (let i = 0; i < 1000; i++) {
    const taken = pool.take(0);
    seen.add(taken.buffer);
    const grown = taken.length > SMALL ? taken : new Uint8Array(2 * SMALL);
    seen.add(grown.buffer);
    pool.give(grown);
  }
  assertEquals(seen.size, 2);
});

Deno.test("BufferPool keeps neither small buffers nor more than 16 MiB", () => {
  const pool = new BufferPool();
  const small = new Uint8Array(SMALL);
  pool.give(small);
  assertNotStrictEquals(pool.take(0).buffer, small.buffer);
  const mebibyte = 1024 ** 2;
  const given = Array.from({ length: 20 }, () => new Uint8Array(mebibyte));
  for (const bytes of given) pool.give(bytes);
  const buffers = new Set(given.map(({ buffer }) => buffer));
  const taken = given.map(() => pool.take(mebibyte).buffer);
  assertEquals(taken.filter((buffer) => buffers.has(buffer as ArrayBuffer)).length, 16);
});

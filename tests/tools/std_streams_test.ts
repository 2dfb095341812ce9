// The stand-in for `@std/streams` and the real one both pass these tests.

import { assertEquals, assertRejects } from "@std/assert";
import { LimitedBytesTransformStream, toArrayBuffer, toBytes } from "@std/streams";
import { FixedChunkStream } from "@std/streams/unstable-fixed-chunk-stream";

function stream(...sizes: number[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  let next = 0;
  return ReadableStream.from(sizes.map((size) => new Uint8Array(size).map(() => next++)));
}

Deno.test("toBytes() and toArrayBuffer() read to the end", async () => {
  assertEquals(await toBytes(stream(2, 0, 1)), new Uint8Array([0, 1, 2]));
  assertEquals(await toArrayBuffer(stream(2, 1)), new Uint8Array([0, 1, 2]).buffer);
  assertEquals(await toBytes(stream()), new Uint8Array());
});

Deno.test("LimitedBytesTransformStream ends before the chunk that exceeds the limit", async () => {
  const limited = stream(2, 2, 2).pipeThrough(new LimitedBytesTransformStream(5));
  assertEquals((await toBytes(limited)).length, 4);
  const exact = stream(2, 2, 2).pipeThrough(new LimitedBytesTransformStream(6, { error: true }));
  assertEquals((await toBytes(exact)).length, 6);
});

Deno.test("LimitedBytesTransformStream fails over the limit with option error", async () => {
  const limited = stream(2, 2, 2).pipeThrough(new LimitedBytesTransformStream(5, { error: true }));
  await assertRejects(() => toBytes(limited), RangeError, "5");
});

Deno.test("FixedChunkStream cuts bytes into chunks of one size", async () => {
  const chunks = await Array.fromAsync(stream(2, 5, 0, 1).pipeThrough(new FixedChunkStream(3)));
  assertEquals(chunks.map((chunk) => [...chunk]), [[0, 1, 2], [3, 4, 5], [6, 7]]);
  const even = await Array.fromAsync(stream(4, 2).pipeThrough(new FixedChunkStream(3)));
  assertEquals(even.map((chunk) => chunk.length), [3, 3]);
});

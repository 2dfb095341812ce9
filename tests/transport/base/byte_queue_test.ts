import { assertEquals } from "@std/assert";
import { ByteQueue } from "../../../transport/base/byte_queue.ts";
import { pattern } from "../bytes.ts";

for (const piece of [1, 3, 1000, 4096, 5000]) {
  for (const chunk of [1, 7, 4096, 100_000]) {
    Deno.test(`ByteQueue keeps the order of pieces of ${piece}, read by ${chunk}`, () => {
      const bytes = pattern(20_000);
      const queue = new ByteQueue();
      const out: number[] = [];
      const buffer = new Uint8Array(chunk);
      for (let at = 0, adopt = false; at < bytes.length; at += piece, adopt = !adopt) {
        const copy = bytes.slice(at, at + piece);
        if (adopt) queue.adopt(copy);
        else queue.append(copy);
        if (at % 3 === 0) out.push(...buffer.subarray(0, queue.read(buffer)));
        assertEquals(queue.size, Math.min(at + piece, bytes.length) - out.length);
      }
      while (queue.size > 0) out.push(...buffer.subarray(0, queue.read(buffer)));
      assertEquals(Uint8Array.from(out), bytes);
      assertEquals(queue.read(buffer), 0);
    });
  }
}

Deno.test("ByteQueue.append() copies its bytes, and adopt() copies small pieces", () => {
  const queue = new ByteQueue();
  const bytes = Uint8Array.of(1, 2);
  queue.append(bytes);
  queue.adopt(bytes);
  bytes.fill(9);
  const out = new Uint8Array(4);
  assertEquals(queue.read(out), 4);
  assertEquals(out, Uint8Array.of(1, 2, 1, 2));
});

Deno.test("ByteQueue.clear() empties the queue", () => {
  const queue = new ByteQueue();
  queue.append(pattern(10_000));
  queue.clear();
  assertEquals(queue.size, 0);
  assertEquals(queue.read(new Uint8Array(10)), 0);
});

import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { memoryPair, TransportClosedError } from "@perspective/broker/transport";
import { pattern, readExactly, readToEnd, writeAll } from "../bytes.ts";

/** Whether a promise settles without any timer. */
async function settledSoon(promise: Promise<unknown>): Promise<"settled" | "pending"> {
  let state: "settled" | "pending" = "pending";
  promise.then(() => state = "settled", () => state = "settled");
  for (let i = 0; i < 20; i++) await Promise.resolve();
  return state;
}

Deno.test("memoryPair() gives at most chunkSize bytes per read", async () => {
  const [client, server] = memoryPair({ chunkSize: 1 });
  await client.transport.write(pattern(3));
  const buffer = new Uint8Array(10);
  for (let i = 0; i < 3; i++) assertEquals(await server.transport.read(buffer), 1);
  assertEquals(await settledSoon(server.transport.read(buffer)), "pending");
});

Deno.test("memoryPair() makes a write wait at the high-water mark", async () => {
  const [client, server] = memoryPair({ highWaterMark: 10 });
  assertEquals(await client.transport.write(pattern(25)), 10);
  assertEquals(server.transport.unread, 10);
  const waiting = client.transport.write(pattern(15));
  assertEquals(await settledSoon(waiting), "pending");
  await readExactly(server.transport, 4);
  assertEquals(await waiting, 4);
  assertEquals(client.transport.written, 14);
});

Deno.test("memoryPair() cuts the connection after exactly the given number of bytes", async () => {
  for (let cutAfter = 0; cutAfter < 12; cutAfter++) {
    const [client, server] = memoryPair({ first: { cutAfter } });
    const refused = assertRejects(
      () => writeAll(client.transport, pattern(12)),
      TransportClosedError,
    );
    assertEquals(await readToEnd(server.transport), { count: cutAfter });
    assertEquals(await readToEnd(client.transport), { count: 0 });
    await refused;
    await assertRejects(() => server.transport.write(pattern(1)), TransportClosedError);
    assertEquals(client.transport.written, cutAfter);
    assertEquals(server.transport.closeReason, undefined);
  }
});

Deno.test("memoryPair() counts bytes until the cut separately for each direction", async () => {
  const [client, server] = memoryPair({ second: { cutAfter: 2 } });
  await client.transport.write(pattern(100));
  assertEquals(await server.transport.write(pattern(5)), 2);
  assertEquals(await readToEnd(client.transport), { count: 2 });
  assertEquals(await readToEnd(server.transport), { count: 100 });
});

Deno.test("MemoryTransport.cut() rejects reads with the given error", async () => {
  const [client, server] = memoryPair();
  const error = new Error("cable");
  await client.transport.write(pattern(3));
  const reading = client.transport.read(new Uint8Array(1));
  client.transport.cut(error);
  assertStrictEquals(await assertRejects(() => reading), error);
  assertEquals(await readToEnd(server.transport), { count: 3, error });
});

Deno.test("MemoryTransport.swallow() drops bytes and the end without an error to the writer", async () => {
  const [client, server] = memoryPair({ highWaterMark: 10 });
  await client.transport.write(pattern(3));
  client.transport.swallow();
  await writeAll(client.transport, pattern(1000));
  assertEquals(server.transport.unread, 3);
  client.transport.close({ kind: "normal", message: "" });
  await readExactly(server.transport, 3);
  const reading = server.transport.read(new Uint8Array(1));
  assertEquals(await settledSoon(reading), "pending");
  server.transport.close();
  assertEquals(await reading, null);
});

Deno.test("memoryPair() drops all bytes from the given one on", async () => {
  const [client, server] = memoryPair({ first: { swallowAfter: 5 } });
  await writeAll(client.transport, pattern(50));
  assertEquals(await readExactly(server.transport, 5), pattern(5));
  assertEquals(server.transport.unread, 0);
  server.transport.close();
  await writeAll(client.transport, pattern(50));
});

Deno.test("MemoryTransport.stall() keeps bytes until resume()", async () => {
  const [client, server] = memoryPair({ highWaterMark: 10 });
  client.transport.stall();
  await client.transport.write(pattern(10));
  const waiting = client.transport.write(pattern(1));
  const reading = readExactly(server.transport, 11);
  assertEquals(await settledSoon(reading), "pending");
  client.transport.resume();
  await waiting;
  assertEquals(await reading, Uint8Array.of(...pattern(10), ...pattern(1)));
});

Deno.test("memoryPair() stalls after the given byte, and holds back the end too", async () => {
  const [client, server] = memoryPair({ first: { stallAfter: 2 } });
  await client.transport.write(pattern(3));
  client.transport.close({ kind: "goingAway", message: "bye" });
  await readExactly(server.transport, 2);
  const reading = readToEnd(server.transport);
  assertEquals(await settledSoon(reading), "pending");
  assertEquals(server.transport.closeReason, undefined);
  client.transport.resume();
  assertEquals(await reading, { count: 1 });
  assertEquals(server.transport.closeReason, { kind: "goingAway", message: "bye" });
});

Deno.test("MemoryTransport.cut() ends a stall", async () => {
  const [client, server] = memoryPair();
  client.transport.stall();
  await client.transport.write(pattern(3));
  const reading = readToEnd(server.transport);
  server.transport.cut();
  assertEquals(await reading, { count: 0 });
});

Deno.test("MemoryTransport.close() drops unread bytes, and refuses writes at both ends", async () => {
  const [client, server] = memoryPair({ highWaterMark: 5 });
  await client.transport.write(pattern(5));
  const waiting = assertRejects(() => client.transport.write(pattern(5)), TransportClosedError);
  server.transport.close();
  await waiting;
  assertEquals(await server.transport.read(new Uint8Array(5)), null);
  await assertRejects(() => server.transport.write(pattern(1)), TransportClosedError);
  await assertRejects(() => client.transport.write(pattern(1)), TransportClosedError);
});

Deno.test("MemoryTransport refuses two reads or two writes at a time", async () => {
  const [client, server] = memoryPair({ highWaterMark: 1 });
  const reading = server.transport.read(new Uint8Array(1));
  await assertRejects(() => server.transport.read(new Uint8Array(1)), TypeError);
  await client.transport.write(pattern(1));
  assertEquals(await reading, 1);
  await client.transport.write(pattern(1));
  const writing = client.transport.write(pattern(1));
  await assertRejects(() => client.transport.write(pattern(1)), TypeError);
  await readExactly(server.transport, 2);
  await writing;
});

Deno.test("memoryPair() refuses invalid sizes and positions", () => {
  assertThrows(() => memoryPair({ chunkSize: 0 }), RangeError, 'Cannot use size "0"');
  assertThrows(() => memoryPair({ highWaterMark: NaN }), RangeError);
  assertThrows(() => memoryPair({ first: { cutAfter: -1 } }), RangeError, 'after "-1" bytes');
});

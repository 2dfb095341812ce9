// FramedTransport against a peer whose frames are written out byte by byte.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  HEADROOM,
  memoryPair,
  type Transport,
  TransportClosedError,
  WebSocketError,
} from "@perspective/broker/transport";
import { FrameEncoder, FrameParser } from "../../../transport/websocket/_frames.ts";
import {
  type FramedOptions,
  FramedTransport,
} from "../../../transport/websocket/framed_transport.ts";
import { bytesOf, pattern, readExactly, readToEnd, writeAll } from "../bytes.ts";

/** Encodes a frame of a server. */
function frame(opcode: number, payload: Uint8Array): Uint8Array {
  return new FrameEncoder(false).encode(opcode, payload);
}

/** A FramedTransport as client, and the raw bytes that a server exchanges with it. */
class Scene implements AsyncDisposable {
  readonly client: FramedTransport;
  readonly server: Transport;
  readonly #frames = new FrameEncoder(false);

  constructor(options: Partial<FramedOptions> = {}) {
    const [here, there] = memoryPair();
    this.client = new FramedTransport(here.transport, {
      client: true,
      windowed: false,
      early: new Uint8Array(0),
      maxMessageSize: 100_000,
      window: 100_000,
      ...options,
    });
    this.server = there.transport;
  }

  /** Sends a frame to the client. */
  async send(opcode: number, payload: Uint8Array): Promise<void> {
    await writeAll(this.server, this.#frames.encode(opcode, payload));
  }

  /** Reads a frame of the client, which is shorter than 126 bytes. */
  async receive(): Promise<{ opcode: number; payload: Uint8Array }> {
    const [first, second] = await readExactly(this.server, 2);
    assert(second! >= 0x80, "a client masks");
    const mask = await readExactly(this.server, 4);
    const payload = await readExactly(this.server, second! & 0x7f);
    return { opcode: first! & 0x0f, payload: payload.map((byte, i) => byte ^ mask[i & 3]!) };
  }

  /** Reads a close frame of the client. */
  async receiveClose(): Promise<{ code: number; text: string }> {
    const { opcode, payload } = await this.receive();
    assertEquals(opcode, 8);
    return {
      code: payload[0]! * 256 + payload[1]!,
      text: new TextDecoder().decode(payload.subarray(2)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    this.server.close();
    await this.client.closed;
  }
}

Deno.test("FramedTransport answers the latest ping with a pong", async () => {
  await using scene = new Scene();
  await scene.send(9, bytesOf("one"));
  assertEquals(await scene.receive(), { opcode: 10, payload: bytesOf("one") });
  await scene.send(9, new Uint8Array(0));
  assertEquals(await scene.receive(), { opcode: 10, payload: new Uint8Array(0) });
});

Deno.test("FramedTransport answers pings even if nobody reads from it", async () => {
  await using scene = new Scene();
  await scene.send(2, pattern(1000));
  await scene.send(9, bytesOf("still there?"));
  assertEquals((await scene.receive()).opcode, 10);
  assertEquals(await readExactly(scene.client, 1000), pattern(1000));
});

Deno.test("FramedTransport queues at most one pong in a flood of pings", async () => {
  await using scene = new Scene();
  // Nobody reads the pongs, which soon fill the connection.
  for (let i = 0; i < 1000; i++) await scene.send(9, pattern(125));
  await scene.send(2, Uint8Array.of(7));
  assertEquals(await readExactly(scene.client, 1), Uint8Array.of(7));
  scene.client.close();
  const { count } = await readToEnd(scene.server);
  assertLess(count, 65_536 + 2 * 131 + 10);
});

const FLOODS = [
  { name: "pings", opcode: 9, payload: "" },
  { name: "pongs", opcode: 10, payload: "unsolicited" },
  { name: "permissions", opcode: 1, payload: "1" },
  { name: "messages without bytes", opcode: 2, payload: "" },
];

for (const { name, opcode, payload } of FLOODS) {
  Deno.test(`FramedTransport closes with 1008 at a flood of ${name}`, async () => {
    await using scene = new Scene({ windowed: true });
    const floods = Array.from({ length: 3000 }, () => [...frame(opcode, bytesOf(payload))]).flat();
    void writeAll(scene.server, Uint8Array.from(floods)).catch(() => {});
    const { error } = await readToEnd(scene.client);
    assertInstanceOf(error, WebSocketError);
    assertEquals(error.code, 1008);
    assertStringIncludes(error.message, "too many frames without content");
  });
}

Deno.test("FramedTransport permits one frame without content for each byte of content", async () => {
  await using scene = new Scene({ maxMessageSize: 10 });
  const mixed = Array.from(
    { length: 3000 },
    (_, i) => [...frame(2, Uint8Array.of(i)), ...frame(10, bytesOf(""))],
  ).flat();
  void writeAll(scene.server, Uint8Array.from(mixed));
  const received = await readExactly(scene.client, 3000);
  assertEquals(received, Uint8Array.from({ length: 3000 }, (_, i) => i));
});

Deno.test("FramedTransport reads bytes that arrived with the handshake", async () => {
  const early = new FrameEncoder(false).encode(2, bytesOf("hi")).slice();
  await using scene = new Scene({ early });
  assertEquals(await readExactly(scene.client, 2), bytesOf("hi"));
});

/** A server that has yet to send the end of its handshake, and a list of its writes. */
function serverInHandshake(): { server: FramedTransport; writes: string[] } {
  const writes: string[] = [];
  const readers: ((end: null) => void)[] = [];
  const conn: Transport = {
    read: () => new Promise((resolve) => readers.push(resolve)),
    write: (bytes) =>
      Promise.resolve(writes.push(String.fromCharCode(...bytes))).then(() => bytes.length),
    close: () => readers.splice(0).forEach((end) => end(null)),
  };
  const server = new FramedTransport(conn, {
    client: false,
    windowed: false,
    early: new Uint8Array(0),
    handshake: bytesOf("101 "),
    maxMessageSize: 100,
    window: 100,
  });
  return { server, writes };
}

/** Closes a server whose peer does not answer. */
async function closed(server: FramedTransport, time: FakeTime): Promise<void> {
  server.close();
  time.tick(1000);
  await server.closed;
}

Deno.test("FramedTransport sends the end of the handshake together with the first bytes", async () => {
  using time = new FakeTime();
  const { server, writes } = serverInHandshake();
  // The program that accepted the connection takes a few microtasks to write.
  for (let i = 0; i < 20; i++) await undefined;
  await Promise.all([server.write(bytesOf("hello")), server.write(bytesOf("again"))]);
  assertEquals(writes, ["101 \x82\x05hello", "\x82\x05again"]);
  await closed(server, time);
});

Deno.test("FramedTransport sends the end of the handshake within the same turn if nothing is written", async () => {
  using time = new FakeTime();
  const { server, writes } = serverInHandshake();
  for (let i = 0; i < 100; i++) await undefined;
  assertEquals(writes, ["101 "]);
  await closed(server, time);
});

Deno.test("FramedTransport sends the end of the handshake before its close frame", async () => {
  using time = new FakeTime();
  const { server, writes } = serverInHandshake();
  await closed(server, time);
  assertEquals(writes, ["101 \x88\x02\x03è"]);
});

Deno.test("FramedTransport reads only a bounded amount ahead of a slow reader", async () => {
  await using scene = new Scene({ maxMessageSize: Infinity });
  let taken = 0;
  const writing = (async () => {
    for (let i = 0; i < 100; i++) {
      await scene.send(2, pattern(10_000));
      taken += 10_000;
    }
  })();
  for (let i = 0; i < 1000; i++) await Promise.resolve();
  assertLess(taken, 250_000);
  assertEquals((await readExactly(scene.client, 1_000_000)).length, 1_000_000);
  await writing;
});

Deno.test("FramedTransport.closeReason tells why the peer closed, after its last bytes", async () => {
  await using scene = new Scene();
  await scene.send(2, bytesOf("last words"));
  await scene.send(8, Uint8Array.of(0x03, 0xe9, ...bytesOf("shutting down")));
  assertEquals(await scene.receiveClose(), { code: 1001, text: "shutting down" });
  assertEquals(await readToEnd(scene.server), { count: 0 });
  assertEquals(await readToEnd(scene.client), { count: 10 });
  assertEquals(scene.client.closeReason, { kind: "goingAway", message: "shutting down" });
  await scene.client.closed;
  await assertRejects(() => scene.client.write(pattern(1)), TransportClosedError);
});

for (const client of [true, false]) {
  const name = client ? "a client" : "a server";
  Deno.test(`FramedTransport.writeInPlace() sends the same bytes as write(), as ${name}`, async () => {
    const [here, there] = memoryPair();
    const rules = { windowed: false, early: new Uint8Array(0), maxMessageSize: 1e6, window: 1e6 };
    const writer = new FramedTransport(here.transport, { ...rules, client });
    const reader = new FramedTransport(there.transport, { ...rules, client: !client });
    for (const size of [1, 125, 126, 65_535, 65_536, 300_000]) {
      const buffer = pattern(HEADROOM + size);
      const bytes = buffer.slice(HEADROOM);
      const read = readExactly(reader, size);
      for (let at = HEADROOM; at < buffer.length;) {
        at += await writer.writeInPlace(buffer.subarray(at));
      }
      assertEquals(await read, bytes, `${size} bytes`);
      const [again] = await Promise.all([readExactly(reader, size), writeAll(writer, bytes)]);
      assertEquals(again, bytes);
      assertEquals(bytes, pattern(HEADROOM + size).subarray(HEADROOM), "write() changes nothing");
    }
    writer.close();
    await readToEnd(reader);
    await Promise.all([writer.closed, reader.closed]);
    await assertRejects(() => writer.writeInPlace(pattern(20).subarray(16)), TransportClosedError);
  });
}

Deno.test("FramedTransport.writeInPlace() writes only as much as the peer permits", async () => {
  await using scene = new Scene({ windowed: true });
  const buffer = pattern(HEADROOM + 100_000);
  const peer = new FrameParser({ onText() {}, onPing() {} }, {
    masked: true,
    maxMessageSize: Infinity,
    maxTextSize: 0,
  });
  const payload = new Uint8Array(100_000);
  let got = 0;
  const reading = (async () => {
    const read = new Uint8Array(10_000);
    while (got < payload.length) {
      const count = await scene.server.read(read);
      const kept = peer.sift(read.subarray(0, count!));
      payload.set(read.subarray(0, kept), got);
      got += kept;
    }
  })();
  const first = await scene.client.writeInPlace(buffer.subarray(HEADROOM));
  assertEquals(first, 65_536);
  const rest = scene.client.writeInPlace(buffer.subarray(HEADROOM + first));
  await scene.send(1, bytesOf("50000"));
  assertEquals(await rest, 100_000 - first);
  await reading;
  assertEquals(payload, pattern(HEADROOM + 100_000).subarray(HEADROOM));
});

Deno.test("FramedTransport treats a close frame without a code as normal", async () => {
  await using scene = new Scene();
  await scene.send(8, new Uint8Array(0));
  assertEquals((await scene.receiveClose()).code, 1000);
  assertEquals(await readToEnd(scene.client), { count: 0 });
  assertEquals(scene.client.closeReason?.kind, "normal");
});

Deno.test("FramedTransport.close() waits for the peer's close frame, and drops data before it", async () => {
  await using scene = new Scene();
  const reading = readToEnd(scene.client);
  scene.client.close({ kind: "tooLarge", message: "enough" });
  scene.client.close();
  assertEquals(await reading, { count: 0 });
  assertEquals(await scene.receiveClose(), { code: 1009, text: "enough" });
  await scene.send(2, pattern(5000));
  await scene.send(8, Uint8Array.of(0x03, 0xf1));
  await scene.client.closed;
  assertEquals(await readToEnd(scene.server), { count: 0 });
  assertEquals(scene.client.closeReason, undefined);
});

Deno.test("FramedTransport.close() ends after a time limit when the peer is silent", async () => {
  await using scene = new Scene();
  scene.client.close();
  // The time limit closes it.
  await scene.client.closed;
  assertEquals((await scene.receiveClose()).code, 1000);
  assertEquals(await readToEnd(scene.server), { count: 0 });
});

Deno.test("FramedTransport.read() rejects when the connection ends without a close frame", async () => {
  await using scene = new Scene();
  await scene.send(2, pattern(3));
  scene.server.close();
  const { count, error } = await readToEnd(scene.client);
  assertEquals(count, 3);
  assert(error instanceof TransportClosedError);
  assertEquals(error.message, "Cannot read: connection ended without a close frame");
  await scene.client.closed;
});

const HOSTILE: { name: string; bytes: Uint8Array; code: number }[] = [
  { name: "a text frame", bytes: Uint8Array.of(0x81, 0x02, 0x68, 0x69), code: 1003 },
  { name: "a masked frame", bytes: Uint8Array.of(0x82, 0x81, 1, 2, 3, 4, 5), code: 1002 },
  {
    name: "a message over the limit",
    bytes: Uint8Array.of(0x82, 0x7f, 0, 0, 0, 0, 0, 2, 0, 0),
    code: 1009,
  },
  {
    name: "a close text that is not UTF-8",
    bytes: Uint8Array.of(0x88, 3, 0x03, 0xe8, 0xff),
    code: 1007,
  },
];

for (const { name, bytes, code } of HOSTILE) {
  Deno.test(`FramedTransport closes with ${code} on ${name}`, async () => {
    await using scene = new Scene();
    await scene.send(2, pattern(3));
    await writeAll(scene.server, bytes);
    // A ping after the fault is not answered.
    await scene.send(9, pattern(3));
    const { count, error } = await readToEnd(scene.client);
    assertEquals(count, 3);
    assert(error instanceof WebSocketError);
    assertEquals(error.code, code);
    assertEquals(await scene.receiveClose(), { code, text: error.message });
    scene.server.close();
    await scene.client.closed;
  });
}

Deno.test("FramedTransport with windows grants and receives permission in text frames", async () => {
  await using scene = new Scene({ windowed: true, window: 100_000 });
  // The window grows when half of the first 65,536 bytes is read, then with each further half.
  let given = 65_536;
  let asked = 0;
  for (const [half, grant] of [[32_768, 67_232], [50_000, 50_000], [50_000, 50_000]] as const) {
    await scene.send(2, pattern(half));
    await readExactly(scene.client, half - 1);
    await scene.send(9, new Uint8Array(0));
    assertEquals((await scene.receive()).opcode, 10);
    await readExactly(scene.client, 1);
    assertEquals(await scene.receive(), { opcode: 1, payload: bytesOf(`${grant}`) });
    given += grant;
    asked += half;
    assertEquals(given - asked, 100_000);
  }

  let written = 0;
  const writing = (async () => {
    while (written < 70_000) written += await scene.client.write(pattern(70_000 - written));
  })();
  writing.catch(() => {});
  assertEquals((await readExactly(scene.server, 65_536 + 14)).length, 65_550);
  await scene.send(1, bytesOf("10"));
  assertEquals((await scene.receive()).payload.length, 10);
  await scene.send(1, bytesOf("100000"));
  await readExactly(scene.server, 4454 + 8);
  await writing;
});

Deno.test("FramedTransport closes with 1008 when the peer sends more bytes than it permitted", async () => {
  await using scene = new Scene({ windowed: true, window: 65_536 });
  await scene.send(2, pattern(65_536));
  await scene.send(2, pattern(1));
  assertEquals((await scene.receiveClose()).code, 1008);
  assertEquals((await readToEnd(scene.client)).count, 65_536);
  scene.server.close();
});

for (const text of ["0", "-5", "1e9", "", "12345678901", "５"]) {
  Deno.test(`FramedTransport refuses "${text}" as a permission`, async () => {
    await using scene = new Scene({ windowed: true, window: 65_536 });
    await scene.send(1, bytesOf(text));
    const { code } = await scene.receiveClose();
    assertEquals(code, text.length > 10 ? 1009 : 1003);
    scene.server.close();
  });
}

// WebSocket in Deno.serve, and as in a browser.

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  dial,
  type Dialed,
  TransportClosedError,
  type UpgradeOptions,
  upgradeWebSocket,
  WebSocketError,
} from "@perspective/broker/transport";
import { EventTransport } from "../../../transport/websocket/_event_transport.ts";
import { openAsClient } from "../../../transport/websocket/websocket_handshake.ts";
import { openWebSocket } from "../../../transport/websocket/websocket.ts";
import { webSocketLimits } from "../../../transport/websocket/websocket_options.ts";
import { bytesOf, equalBytes, pattern, readExactly, readToEnd, writeAll } from "../bytes.ts";
import { dialAsBrowser } from "../pairs.ts";

/** A server whose only endpoint is a WebSocket. */
class Site implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #accepted = Promise.withResolvers<Dialed>();
  readonly url: string;

  constructor(options: UpgradeOptions = {}) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request, { remoteAddr }) => {
        const { response, dialed } = upgradeWebSocket(request, { remoteAddr, ...options });
        dialed?.then(this.#accepted.resolve, this.#accepted.reject);
        return response;
      },
    );
    this.url = `ws://127.0.0.1:${this.#server.addr.port}/pb`;
  }

  /** The first connection. */
  get accepted(): Promise<Dialed> {
    return this.#accepted.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** Opens a connection on which a test writes frames itself. */
async function rawClient(url: string, headers: HeadersInit = {}): Promise<Deno.TcpConn> {
  const { hostname, port, host } = new URL(url);
  const conn = await Deno.connect({ hostname, port: Number(port) });
  await openAsClient(conn, { host, path: "/pb", headers });
  return conn;
}

for (const secure of [undefined, false, true]) {
  Deno.test(`upgradeWebSocket() reports a secure connection only if the option says so: ${secure}`, async () => {
    await using site = new Site(secure === undefined ? {} : { secure });
    const { hostname, port, host } = new URL(site.url);
    const conn = await Deno.connect({ hostname, port: Number(port) });
    // A client may name any scheme, even over plain TCP.
    await openAsClient(conn, { host, path: `https://${host}/pb` });
    const { transport, peer } = await site.accepted;
    assertEquals(peer.secure, secure ?? false);
    transport.close();
    conn.close();
    await transport.closed;
  });
}

Deno.test("upgradeWebSocket() describes the peer", async () => {
  await using site = new Site({ origins: ["https://a.example"] });
  const client = await dial(site.url, { headers: { origin: "https://a.example" } });
  const { transport, peer } = await site.accepted;
  assertEquals(peer.kind, "websocket");
  assertEquals(peer.origin, "https://a.example");
  assertEquals(peer.protocol, "pb.v1");
  assertEquals(peer.secure, false);
  assertEquals(peer.address.startsWith("127.0.0.1:"), true, peer.address);
  client.transport.close();
  transport.close();
  await client.transport.closed;
  await transport.closed;
});

const REFUSED: { name: string; options: UpgradeOptions; headers: HeadersInit; status: number }[] = [
  { name: "an ordinary page request", options: {}, headers: { upgrade: "h2c" }, status: 426 },
  {
    name: "another origin",
    options: {},
    headers: { origin: "https://evil.example" },
    status: 403,
  },
  { name: "another host", options: { hosts: ["example.org"] }, headers: {}, status: 403 },
  // Deno itself would throw for these two, and log the stack of the failing handler.
  {
    name: "white space that HTTP does not allow after the upgrade",
    options: {},
    headers: { upgrade: "websocket\u00a0" },
    status: 426,
  },
  {
    name: "white space that HTTP does not allow before the connection's upgrade",
    options: {},
    headers: { connection: "\u00a0upgrade" },
    status: 400,
  },
];

for (const { name, options, headers, status } of REFUSED) {
  Deno.test(`upgradeWebSocket() refuses ${name}`, () => {
    const request = new Request("http://127.0.0.1/pb", {
      headers: new Headers({
        host: "127.0.0.1",
        upgrade: "websocket",
        connection: "upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        ...headers,
      }),
    });
    const { response, dialed } = upgradeWebSocket(request, options);
    assertEquals(response.status, status);
    assertEquals(dialed, undefined);
  });
}

Deno.test("dial() names the server's answer when it is not a WebSocket", async () => {
  await using site = new Site({ hosts: ["example.org"] });
  const error = await assertRejects(() => dial(site.url));
  assertStringIncludes(String(error), "the server answered 403 Forbidden");
});

Deno.test("upgradeWebSocket() refuses text frames with 1003", async () => {
  await using site = new Site();
  const socket = new WebSocket(site.url, ["binary"]);
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  socket.onopen = () => socket.send("hello");
  const { transport } = await site.accepted;
  const { error } = await readToEnd(transport);
  assert(error instanceof WebSocketError);
  assertEquals(error.code, 1003);
  assertEquals((await closed).code, 1003);
  await transport.closed;
});

Deno.test("upgradeWebSocket() refuses messages over the limit with 1009", async () => {
  await using site = new Site({ maxMessageSize: 1000 });
  const socket = new WebSocket(site.url, ["binary"]);
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  socket.onopen = () => {
    socket.send(new Uint8Array(1000));
    socket.send(new Uint8Array(1001));
  };
  const { transport } = await site.accepted;
  const { count, error } = await readToEnd(transport);
  assertEquals(count, 1000);
  assert(error instanceof WebSocketError);
  assertEquals(error.code, 1009);
  assertEquals((await closed).code, 1009);
  await transport.closed;
});

Deno.test("upgradeWebSocket() closes with 1008 when too many bytes are unread", async () => {
  await using site = new Site({ maxUnread: 10_000 });
  const socket = new WebSocket(site.url, ["binary"]);
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  socket.onopen = () => {
    for (let i = 0; i < 11; i++) socket.send(pattern(1000) as Uint8Array<ArrayBuffer>);
  };
  const { transport } = await site.accepted;
  assertEquals((await closed).code, 1008);
  const { count, error } = await readToEnd(transport);
  assertEquals(count, 10_000);
  assert(error instanceof WebSocketError);
  assertEquals(error.message, "Cannot continue WebSocket: more than 10000 bytes are unread");
  await transport.closed;
});

Deno.test("upgradeWebSocket() closes with 1008 when the peer sends more bytes than permitted", async () => {
  await using site = new Site({ window: 65_536 });
  const socket = new WebSocket(site.url, ["pb.v1"]);
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  socket.onopen = () => socket.send(new Uint8Array(65_537));
  const { transport } = await site.accepted;
  assertEquals((await closed).code, 1008);
  const { error } = await readToEnd(transport);
  assert(error instanceof WebSocketError);
  await transport.closed;
});

Deno.test("upgradeWebSocket() gives a transport whose reads reject when the connection is cut", async () => {
  await using site = new Site();
  const conn = await rawClient(site.url);
  const { transport } = await site.accepted;
  const reading = readToEnd(transport);
  conn.close();
  const { error } = await reading;
  assert(error instanceof TransportClosedError);
  await assertRejects(() => transport.write(pattern(1)), TransportClosedError);
  await transport.closed;
});

Deno.test("upgradeWebSocket() gives a transport that closes even if the peer does not answer", async () => {
  await using site = new Site();
  const conn = await rawClient(site.url);
  const { transport } = await site.accepted;
  transport.close({ kind: "goingAway", message: "bye" });
  assertEquals(await transport.read(new Uint8Array(1)), null);
  await transport.closed;
  conn.close();
});

Deno.test("EventTransport.write() carries 3 MB when opened as in a browser", async () => {
  await using site = new Site({ maxUnread: 2 ** 30 });
  const { transport } = await dialAsBrowser(site.url, "binary");
  const server = (await site.accepted).transport;
  const bytes = pattern(3_000_000);
  const [there] = await Promise.all([
    readExactly(server, bytes.length),
    writeAll(transport, bytes),
  ]);
  assert(equalBytes(there, bytes));
  transport.close();
  assertEquals(await readToEnd(server), { count: 0 });
  assertEquals(server.closeReason?.kind, "normal");
  await transport.closed;
  await server.closed;
});

/** A WebSocket that is as strict as a browser's. */
class StrictSocket extends EventTarget {
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readyState = 1;
  binaryType = "blob";
  bufferedAmount = 0;
  closedWith: [number, string] | undefined;

  send(data: Uint8Array | string): void {
    this.bufferedAmount += data.length;
  }

  close(code: number, reason: string): void {
    if (code !== 1000 && code < 3000) throw new DOMException("", "InvalidAccessError");
    this.readyState = this.CLOSING;
    this.closedWith = [code, reason];
    queueMicrotask(() => {
      this.readyState = this.CLOSED;
      this.dispatchEvent(new CloseEvent("close", { code, reason, wasClean: true }));
    });
  }
}

function strictTransport(windowed: boolean): { socket: StrictSocket; transport: EventTransport } {
  const socket = new StrictSocket();
  const options = { ...webSocketLimits({ highWaterMark: 1000 }), windowed };
  return { socket, transport: new EventTransport(socket as unknown as WebSocket, options) };
}

Deno.test("EventTransport.close() uses private codes where the standard ones are forbidden", async () => {
  const { socket, transport } = strictTransport(false);
  assertEquals(socket.binaryType, "arraybuffer");
  transport.close({ kind: "goingAway", message: "page left" });
  assertEquals(socket.closedWith, [4001, "page left"]);
  await transport.closed;
  assertEquals(transport.closeReason, undefined);
});

Deno.test("EventTransport.write() waits above the high-water mark until the buffer drains or closes", async () => {
  const { socket, transport } = strictTransport(false);
  assertEquals(await transport.write(pattern(1000)), 1000);
  const second = transport.write(pattern(1));
  let settled = false;
  second.then(() => settled = true);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  assertEquals(settled, false);
  socket.bufferedAmount = 1000;
  assertEquals(await second, 1);
  const third = transport.write(pattern(1));
  transport.close();
  await third;
  await assertRejects(() => transport.write(pattern(1)), TransportClosedError);
  await transport.closed;
});

Deno.test("EventTransport.write() with windows waits for the peer's permission", async () => {
  const { socket, transport } = strictTransport(true);
  assertEquals(await transport.write(pattern(100_000)), 65_536);
  const waiting = transport.write(pattern(34_464));
  socket.dispatchEvent(new MessageEvent("message", { data: "34464" }));
  assertEquals(await waiting, 34_464);
  transport.close();
  await transport.closed;
});

Deno.test("EventTransport.write() buffers a bounded amount for a peer that permits more than it reads", async () => {
  const { socket, transport } = strictTransport(true);
  socket.dispatchEvent(new MessageEvent("message", { data: "9000000000" }));
  const writing = (async () => {
    for (;;) await transport.write(pattern(262_144));
  })();
  writing.catch(() => {});
  for (let i = 0; i < 1000; i++) await Promise.resolve();
  assert(socket.bufferedAmount < 9e6, `${socket.bufferedAmount} bytes are buffered`);
  transport.close();
  await assertRejects(() => writing, TransportClosedError);
  await transport.closed;
});

Deno.test("openWebSocket() connects with the runtime's own WebSocket", async () => {
  await using site = new Site();
  const { signal } = new AbortController();
  const { transport, peer } = await openWebSocket(site.url, { signal });
  assertEquals(peer.protocol, "pb.v1");
  const server = (await site.accepted).transport;
  await server.write(bytesOf("hi"));
  assertEquals(await readExactly(transport, 2), bytesOf("hi"));
  server.close({ kind: "goingAway", message: "restart" });
  assertEquals(await readToEnd(transport), { count: 0 });
  assertEquals(transport.closeReason, { kind: "goingAway", message: "restart" });
  await transport.closed;
  await server.closed;
});

Deno.test("openWebSocket() accepts the URL of a named object, whose name is a fragment", async () => {
  await using site = new Site();
  const { signal } = new AbortController();
  const { transport } = await openWebSocket(`${site.url}?key=1#name`, { signal });
  const server = (await site.accepted).transport;
  transport.close();
  assertEquals(await readToEnd(server), { count: 0 });
  await transport.closed;
  await server.closed;
});

Deno.test("openWebSocket() rejects if the server refuses the connection", async () => {
  await using site = new Site({ hosts: ["example.org"] });
  const { signal } = new AbortController();
  await assertRejects(() => openWebSocket(site.url, { signal }), TransportClosedError);
});

/** A WebSocket that never opens. */
class BlockedSocket extends EventTarget {
  static latest: BlockedSocket;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readyState = 0;

  constructor(_url: string, _protocols: string[]) {
    super();
    BlockedSocket.latest = this;
  }

  /** Fails as in Chromium, where a "close" event need not follow. */
  fail(): void {
    this.readyState = this.CLOSED;
    this.dispatchEvent(new Event("error"));
  }

  close(): void {
    if (this.readyState === this.CONNECTING) this.readyState = this.CLOSING;
  }
}

/** Starts openWebSocket() with a socket that never opens. */
function openBlocked(signal: AbortSignal): { opening: Promise<Dialed>; socket: BlockedSocket } {
  const { WebSocket } = globalThis;
  try {
    globalThis.WebSocket = BlockedSocket as unknown as typeof WebSocket;
    const opening = openWebSocket("ws://127.0.0.1:1/pb", { signal });
    return { opening, socket: BlockedSocket.latest };
  } finally {
    globalThis.WebSocket = WebSocket;
  }
}

Deno.test("openWebSocket() rejects when the socket fails and no close event follows", async () => {
  const { opening, socket } = openBlocked(new AbortController().signal);
  socket.fail();
  await assertRejects(() => opening, TransportClosedError, "failed before it was open");
});

Deno.test("openWebSocket() names the close code when a close event follows the failure", async () => {
  const { opening, socket } = openBlocked(new AbortController().signal);
  socket.fail();
  socket.dispatchEvent(new CloseEvent("close", { code: 1006 }));
  await assertRejects(() => opening, TransportClosedError, "(code 1006)");
});

Deno.test("openWebSocket() rejects at once when its signal is aborted, whatever the socket does", async () => {
  const controller = new AbortController();
  const { opening, socket } = openBlocked(controller.signal);
  const reason = new Error("no patience");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => opening), reason);
  assertEquals(socket.readyState, socket.CLOSING);
  await assertRejects(() => openWebSocket("ws://127.0.0.1:1/pb", { signal: controller.signal }));
});

import { assertEquals, assertRejects } from "@std/assert";
import { HandshakeError, memoryPair } from "@perspective/broker/transport";
import { type HttpHeaders, readHead } from "../../../transport/websocket/_http_head.ts";
import { openAsClient, openAsServer } from "../../../transport/websocket/websocket_handshake.ts";
import { bytesOf, readToEnd, writeAll } from "../bytes.ts";

const GOOD_HEADERS: Record<string, string> = {
  Host: "example.org:8080",
  Upgrade: "websocket",
  Connection: "keep-alive, Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** A request with some headers changed; `null` removes one. */
function requestWith(
  changes: Record<string, string | null> = {},
  start: string = "GET /pb HTTP/1.1",
): string {
  const headers = Object.entries({ ...GOOD_HEADERS, ...changes })
    .flatMap(([name, value]) => value === null ? [] : [`${name}: ${value}\r\n`]);
  return `${start}\r\n${headers.join("")}\r\n`;
}

/** Returns the server's answer to a request, and the result of openAsServer(). */
async function ask(
  request: string,
  policy: { origins?: string[]; hosts?: string[] } = {},
  chunkSize = 4096,
): Promise<{ status: string; headers: HttpHeaders; body: Uint8Array; outcome: unknown }> {
  const [client, server] = memoryPair({ chunkSize });
  const opening = openAsServer(server, { path: "/pb", ...policy }).then(
    async ({ protocol, last }) => {
      await writeAll(server.transport, last);
      return { protocol };
    },
    (error) => error.message,
  );
  await writeAll(client.transport, bytesOf(request));
  const { start, headers, rest } = await readHead(client.transport);
  const outcome = await opening;
  client.transport.close();
  return { status: start.slice(9), headers, body: rest, outcome };
}

Deno.test("openAsServer() accepts a request, whole and byte by byte", async () => {
  for (const chunkSize of [1, 4096]) {
    const { status, headers, outcome } = await ask(requestWith(), {}, chunkSize);
    assertEquals(status, "101 Switching Protocols");
    assertEquals(outcome, { protocol: undefined });
    // The example of RFC 6455.
    assertEquals(headers.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assertEquals(headers.has("sec-websocket-protocol"), false);
  }
});

Deno.test("openAsServer() takes headers in several lines, and a query behind its path", async () => {
  const start = "GET /pb?token=1 HTTP/1.1\r\nConnection: keep-alive";
  const { status } = await ask(requestWith({ Connection: "Upgrade" }, start));
  assertEquals(status, "101 Switching Protocols");
  const offers = "GET /pb HTTP/1.1\r\nSec-WebSocket-Protocol: pb.v1";
  const { outcome } = await ask(requestWith({ "Sec-WebSocket-Protocol": "base64" }, offers));
  assertEquals(outcome, { protocol: "pb.v1" });
});

const PROTOCOLS = [
  { offer: "binary,base64", chosen: "binary" },
  { offer: "base64, binary", chosen: "binary" },
  { offer: "binary, pb.v1", chosen: "pb.v1" },
];

for (const { offer, chosen } of PROTOCOLS) {
  Deno.test(`openAsServer() chooses "${chosen}" from "${offer}"`, async () => {
    const { headers, outcome } = await ask(requestWith({ "Sec-WebSocket-Protocol": offer }));
    assertEquals(outcome, { protocol: chosen });
    assertEquals(headers.get("sec-websocket-protocol"), chosen);
  });
}

const ORIGINS: {
  name: string;
  origin: string;
  host?: string;
  origins?: string[];
  ok: boolean;
}[] = [
  { name: "of its own", origin: "http://example.org:8080", ok: true },
  { name: "of its own behind a proxy that ends TLS", origin: "https://example.org:8080", ok: true },
  { name: "of its own in lower case", origin: "http://a.example", host: "A.Example", ok: true },
  { name: "of another port", origin: "http://example.org", ok: false },
  { name: "of another host", origin: "https://evil.example", ok: false },
  { name: "of null", origin: "null", ok: false },
  {
    name: "of a host that begins like its own",
    origin: "http://example.org:8080.evil.example",
    ok: false,
  },
  { name: "that is listed", origin: "https://a.example", origins: ["https://a.example"], ok: true },
  {
    name: "of its own where others are listed",
    origin: "http://example.org:8080",
    origins: ["https://a.example"],
    ok: false,
  },
  {
    name: "of another host where all are listed",
    origin: "https://evil.example",
    origins: ["*"],
    ok: true,
  },
];

for (const { name, origin, host = GOOD_HEADERS.Host!, origins, ok } of ORIGINS) {
  Deno.test(`openAsServer() ${ok ? "accepts" : "refuses"} an origin ${name}`, async () => {
    const policy = origins ? { origins } : {};
    const { status, outcome } = await ask(requestWith({ Origin: origin, Host: host }), policy);
    assertEquals(status, ok ? "101 Switching Protocols" : "403 Refused");
    if (!ok) assertEquals(outcome, `the WebSocket was refused: origin "${origin}" is not allowed`);
  });
}

Deno.test("openAsServer() checks the host if hosts are listed", async () => {
  const hosts = ["example.org", "[::1]"];
  assertEquals((await ask(requestWith(), { hosts })).status, "101 Switching Protocols");
  assertEquals(
    (await ask(requestWith({ Host: "[::1]:80" }), { hosts })).status,
    "101 Switching Protocols",
  );
  const { status, outcome } = await ask(requestWith({ Host: "rebound.evil.example:8080" }), {
    hosts,
  });
  assertEquals(status, "403 Refused");
  assertEquals(
    outcome,
    'the WebSocket was refused: host "rebound.evil.example" is not served here',
  );
});

const REFUSED: { name: string; request: string; status: string }[] = [
  { name: "another path", request: requestWith({}, "GET / HTTP/1.1"), status: "404" },
  { name: "another method", request: requestWith({}, "POST /pb HTTP/1.1"), status: "405" },
  { name: "HTTP/1.0", request: requestWith({}, "GET /pb HTTP/1.0"), status: "400" },
  { name: "another protocol instead of HTTP", request: requestWith({}, "HELO you"), status: "400" },
  { name: "an ordinary page request", request: requestWith({ Upgrade: null }), status: "426" },
  { name: "another upgrade", request: requestWith({ Upgrade: "h2c" }), status: "426" },
  {
    name: "an old version",
    request: requestWith({ "Sec-WebSocket-Version": "8" }),
    status: "426",
  },
  { name: "no connection header", request: requestWith({ Connection: null }), status: "400" },
  { name: "no key", request: requestWith({ "Sec-WebSocket-Key": null }), status: "400" },
  { name: "a short key", request: requestWith({ "Sec-WebSocket-Key": "YQ==" }), status: "400" },
  { name: "no host", request: requestWith({ Host: null }), status: "400" },
  { name: "a malformed host", request: requestWith({ Host: "a@b" }), status: "400" },
  {
    name: "unknown sub-protocols",
    request: requestWith({ "Sec-WebSocket-Protocol": "base64, chat" }),
    status: "400",
  },
];

for (const { name, request, status } of REFUSED) {
  Deno.test(`openAsServer() refuses ${name}`, async () => {
    const answer = await ask(request);
    assertEquals(answer.status, `${status} Refused`);
    assertEquals(String(answer.outcome).startsWith("the WebSocket was refused: "), true);
  });
}

Deno.test("openAsServer() says how long its refusal is, in bytes", async () => {
  const { headers, body } = await ask(requestWith({ Origin: "http://b\u00fccher.example" }));
  assertEquals(headers.get("content-length"), `${body.length}`);
});

Deno.test("openAsServer() tells who asks for no WebSocket that this is one", async () => {
  const { headers } = await ask(requestWith({ Upgrade: null }));
  // As RFC 9110 demands of status 426.
  assertEquals([headers.get("upgrade"), headers.get("connection")], [
    "websocket",
    "upgrade, close",
  ]);
});

const BROKEN: { name: string; bytes: string; message: string; isProbe?: boolean }[] = [
  { name: "bytes of another protocol", bytes: "\x04\x80\x02\x82pb\x04\x82none", message: "HTTP" },
  { name: "other bytes behind text", bytes: "PB\x04none, and so on", message: "not speak HTTP" },
  { name: "nothing", bytes: "", message: "the connection ended during", isProbe: true },
  { name: "half a request", bytes: "GET / HTTP/1.1\r\nHost", message: "the connection ended" },
  {
    name: "endless headers",
    bytes: `GET / HTTP/1.1\r\n${"A: b\r\n".repeat(3000)}`,
    message: "more than 16384 bytes of headers",
  },
  {
    name: "a header without a name",
    bytes: "GET / HTTP/1.1\r\n: x\r\n\r\n",
    message: "a line of the headers is malformed",
  },
  {
    name: "a header in two lines",
    bytes: "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
    message: "a line of the headers is malformed",
  },
  ...["ab", "\rA: b", "A: b\rC: d", "A: b\nC: d", "A: b\0"].map((line) => ({
    name: `the header ${JSON.stringify(line)}`,
    bytes: `GET / HTTP/1.1\r\nA: b\r\n${line}\r\n\r\n`,
    message: "a line of the headers is malformed",
  })),
];

for (const { name, bytes, message, isProbe = false } of BROKEN) {
  Deno.test(`openAsServer() rejects on ${name}`, async () => {
    const [client, server] = memoryPair();
    const opening = assertRejects(
      () => openAsServer(server, { path: "/" }),
      HandshakeError,
      message,
    );
    await writeAll(client.transport, bytesOf(bytes));
    client.transport.close();
    assertEquals((await opening).isProbe, isProbe);
  });
}

/** Returns the result of openAsClient() for an answer, in which `KEY` stands for the right key. */
async function answer(text: string): Promise<unknown> {
  const [client, server] = memoryPair();
  const opening = openAsClient(client.transport, { host: "h", path: "/" })
    .then(({ protocol, early }) => ({ protocol, early }), (error) => error.message);
  const { headers } = await readHead(server.transport);
  const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const digest = await crypto.subtle.digest(
    "SHA-1",
    bytesOf(headers.get("sec-websocket-key") + guid) as Uint8Array<ArrayBuffer>,
  );
  const key = btoa(String.fromCharCode(...new Uint8Array(digest)));
  await writeAll(server.transport, bytesOf(text.replace("KEY", key)));
  server.transport.close();
  const outcome = await opening;
  await readToEnd(client.transport);
  return outcome;
}

const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n";
const ACCEPT = `${SWITCH}Sec-WebSocket-Accept: KEY\r\n`;

Deno.test("openAsClient() accepts an answer, and keeps the bytes that follow it", async () => {
  assertEquals(await answer(`${ACCEPT}\r\n`), { protocol: undefined, early: new Uint8Array(0) });
  assertEquals(await answer(`${ACCEPT}Sec-WebSocket-Protocol: pb.v1\r\n\r\nmore`), {
    protocol: "pb.v1",
    early: bytesOf("more"),
  });
});

Deno.test("openAsClient() sends headers of the program's own, but offers no extension", async () => {
  const [client, server] = memoryPair();
  const headers = { "X-Own": "1", "Sec-WebSocket-Extensions": "permessage-deflate", Host: "other" };
  const opening = assertRejects(() =>
    openAsClient(client.transport, { host: "h", path: "/", headers })
  );
  const { headers: heard } = await readHead(server.transport);
  assertEquals([heard.get("x-own"), heard.get("host")], ["1", "h"]);
  assertEquals(heard.has("sec-websocket-extensions"), false);
  server.transport.close();
  await opening;
});

const BROKE = "the server broke the WebSocket handshake";
const ANSWERS: { name: string; text: string; message: string }[] = [
  {
    name: "the wrong key",
    text: `${SWITCH}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n`,
    message: `${BROKE}: the answer is not to this request`,
  },
  {
    name: "no key",
    text: `${SWITCH}\r\n`,
    message: `${BROKE}: the answer is not to this request`,
  },
  {
    name: "no upgrade",
    text: "HTTP/1.1 101 OK\r\nConnection: upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n",
    message: `${BROKE}: it did not switch to WebSocket`,
  },
  {
    name: "an extension",
    text: `${ACCEPT}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n`,
    message: `${BROKE}: it uses an extension that was not requested`,
  },
  {
    name: "another sub-protocol",
    text: `${ACCEPT}Sec-WebSocket-Protocol: chat\r\n\r\n`,
    message: `${BROKE}: it chose sub-protocol "chat"`,
  },
  {
    name: "a refusal",
    text: "HTTP/1.1 403 Forbidden\r\n\r\n",
    message: "the server answered 403 Forbidden",
  },
  {
    name: "a redirection",
    text: "HTTP/1.1 301 Moved\r\nLocation: https://elsewhere/\r\n\r\n",
    message: 'the server answered 301 Moved, which points to "https://elsewhere/"',
  },
  {
    name: "an answer that is not HTTP",
    text: "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    message: "the server does not speak HTTP",
  },
  {
    name: "an early end",
    text: "HTTP/1.1 101 Sw",
    message: "the connection ended during the handshake",
  },
];

for (const { name, text, message } of ANSWERS) {
  Deno.test(`openAsClient() refuses ${name}`, async () => {
    assertEquals(await answer(text), message);
  });
}

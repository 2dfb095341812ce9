import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { stub } from "@std/testing/mock";
import { FakeTime } from "@std/testing/time";
import { once } from "node:events";
import { connect } from "node:net";
import {
  dial,
  type HandshakeError,
  listen,
  type Listener,
  ListenError,
  type ListenOptions,
} from "@perspective/broker/transport";
import { bytesOf, readExactly, readToEnd, writeAll } from "./bytes.ts";
import { accepted, CLIENT_TLS, pem, SERVER_TLS } from "./pairs.ts";

/** Runs work in a folder for socket files, which must be empty at the end. */
async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await work(folder);
  await Deno.remove(folder);
}

/** Checks that a listener accepts a connection. */
async function check(listener: Listener): Promise<void> {
  const client = await dial(listener.url, CLIENT_TLS);
  const server = await accepted(listener);
  await server.transport.write(bytesOf("hi"));
  assertEquals(await readExactly(client.transport, 2), bytesOf("hi"));
  client.transport.close();
  server.transport.close();
  await client.transport.closed;
  await server.transport.closed;
}

function portOf({ addr }: Listener): number {
  assert(addr.transport === "tcp");
  return addr.port;
}

Deno.test("listen() gives the address and URL of every kind of listener", async () => {
  await using byUrl = listen("pb://127.0.0.1:0");
  const port = portOf(byUrl);
  assert(port > 0);
  assertEquals(byUrl.url, `pb://127.0.0.1:${port}`);
  await using everywhere = listen({ port: 0 });
  assertEquals(everywhere.addr, {
    transport: "tcp",
    hostname: "0.0.0.0",
    port: portOf(everywhere),
  });
  assertEquals(everywhere.url, `pb://127.0.0.1:${portOf(everywhere)}`);
  await using six = listen({ hostname: "::1", port: 0 });
  assertEquals(six.url, `pb://[::1]:${portOf(six)}`);
  await using tls = listen({ hostname: "127.0.0.1", port: 0, ...SERVER_TLS });
  assertEquals(tls.url, `pbs://127.0.0.1:${portOf(tls)}`);
  await using web = listen({ url: "ws://127.0.0.1:0/pb" });
  assertEquals(web.url, `ws://127.0.0.1:${portOf(web)}/pb`);
  for (const listener of [byUrl, everywhere, six, tls, web]) await check(listener);
});

const CONTRADICTIONS: { name: string; options: ListenOptions; message: string }[] = [
  {
    name: "both a URL and a port",
    options: { url: "pb://h", port: 1 },
    message: "give a URL, or hostname, port and path, but not both",
  },
  {
    name: "both a path and a port",
    options: { path: "/x", port: 1 },
    message: "a Unix socket has a path, but no hostname and port",
  },
  {
    name: "a URL with a user",
    options: { url: "pb://alice:secret@127.0.0.1:0" },
    message: 'Cannot listen on "pb://127.0.0.1:0": a server\'s URL cannot have a user or an object',
  },
  {
    name: "a URL with an object",
    options: { url: "pb://127.0.0.1:0/chat" },
    message: "cannot have a user or an object",
  },
  {
    name: "a URL with a query",
    options: { url: "ws://127.0.0.1:0/pb?room=1" },
    message: "a server's URL cannot have a query",
  },
  { name: "a Unix socket without a path", options: { path: "" }, message: "path" },
  {
    name: "TLS without a certificate",
    options: { url: "pbs://127.0.0.1:0" },
    message: "options cert and key are required",
  },
  {
    name: "a key without a certificate",
    options: { port: 0, key: pem("server.key") },
    message: "options cert and key are required",
  },
  {
    name: "authorities for clients without a certificate of its own",
    options: { port: 0, clientCaCerts: [pem("authority.pem")] },
    message: "options cert and key are required",
  },
  {
    name: "to require certificates of clients without authorities",
    options: { port: 0, ...SERVER_TLS, requireClientCert: true },
    message: "option requireClientCert needs clientCaCerts",
  },
  {
    name: "authorities for clients where there is no TLS",
    options: { url: "ws://127.0.0.1:0", clientCaCerts: [pem("authority.pem")] },
    message: "options cert, key and clientCaCerts need TLS",
  },
  {
    name: "a certificate where there is no TLS",
    options: { url: "pb://127.0.0.1:0", ...SERVER_TLS },
    message: "options cert, key and clientCaCerts need TLS",
  },
  {
    name: "a certificate for a Unix socket",
    options: { path: "/x", ...SERVER_TLS },
    message: "options cert, key and clientCaCerts need TLS",
  },
  {
    name: "a broken certificate",
    options: { url: "pbs://127.0.0.1:0", cert: "x", key: "y" },
    message: "option cert is not a PEM certificate",
  },
  {
    name: "a broken key",
    options: { url: "wss://127.0.0.1:0", ...SERVER_TLS, key: "y" },
    message: "option key is not a PEM private key",
  },
];

for (const { name, options, message } of CONTRADICTIONS) {
  Deno.test(`listen() refuses ${name}`, () => {
    assertThrows(() => listen(options), TypeError, message);
  });
}

for (const port of [NaN, -1, 65536, 0.5]) {
  Deno.test(`listen() refuses port ${port}`, () => {
    const message = `Cannot listen on port "${port}": it is not an integer from 0 to 65535`;
    assertThrows(() => listen({ hostname: "127.0.0.1", port }), RangeError, message);
  });
}

for (const mode of [NaN, -1, 0.5, 600, 0o1000]) {
  Deno.test(`listen() refuses mode ${mode}`, () => {
    const message = `Cannot set mode to "${mode}": it is not an integer from 0 to 0o777`;
    assertThrows(() => listen({ path: "no/such/pb.sock", mode }), RangeError, message);
  });
}

Deno.test("listen() refuses a port in use, a foreign address and a missing folder", async () => {
  await using first = listen("pb://127.0.0.1:0");
  const error = assertThrows(() => listen(first.url), ListenError);
  assertEquals(error.url, first.url);
  assertStringIncludes(error.message, `Cannot listen on "${first.url}": address already in use`);
  assert(error.cause instanceof Deno.errors.AddrInUse);
  assertThrows(() => listen("pb://192.0.2.1:1"), ListenError);
  assertThrows(() => listen("pb+unix:///no/such/folder/pb.sock"), ListenError, "no such file");
});

Deno.test("Listener.close() resolves every accept() with null, and later ones too", async () => {
  for (const url of ["pb://127.0.0.1:0", "ws://127.0.0.1:0"]) {
    const listener = listen(url);
    const waiting = [listener.accept(), listener.accept()];
    listener.close();
    listener.close();
    assertEquals(await Promise.all(waiting), [null, null]);
    assertEquals(await listener.accept(), null);
    await assertRejects(() => dial(listener.url));
  }
});

Deno.test("Listener.close() keeps accepted connections open", async () => {
  const listener = listen("ws://127.0.0.1:0");
  const client = await dial(listener.url);
  const server = await accepted(listener);
  listener.close();
  await server.transport.write(bytesOf("hi"));
  assertEquals(await readExactly(client.transport, 2), bytesOf("hi"));
  client.transport.close();
  await client.transport.closed;
  await server.transport.closed;
});

Deno.test("Listener.close() ends handshakes, and closes connections that were not accepted", async () => {
  const listener = listen("ws://127.0.0.1:0");
  const waiting = listener.accept();
  const first = await dial(listener.url);
  const accepted = await waiting;
  const unaccepted = await dial(listener.url);
  const silent = await Deno.connect({ hostname: "127.0.0.1", port: portOf(listener) });
  await writeAll(silent, bytesOf("GET / HTTP/1.1\r\n"));
  listener.close();
  assertEquals(await readToEnd(unaccepted.transport), { count: 0 });
  assertEquals(unaccepted.transport.closeReason, { kind: "goingAway", message: "server closed" });
  assertEquals((await readToEnd(silent)).count, 0);
  silent.close();
  for (const { transport } of [unaccepted, first, accepted!]) {
    transport.close();
    await transport.closed;
  }
});

Deno.test("listen() creates the socket file with the given mode, and removes it when closed", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/pb.sock`;
    await using listener = listen({ path, mode: 0o600 });
    assertEquals(listener.addr, { transport: "unix", path });
    assertEquals(listener.url, `pb+unix://${path}`);
    const { mode, isSocket } = Deno.lstatSync(path);
    assert(isSocket);
    assertEquals(mode! & 0o777, 0o600);
    await check(listener);
  });
});

/** Leaves a socket file without a listener, as a killed server does. */
function leaveSocket(path: string): void {
  const listener = Deno.listen({ transport: "unix", path: `${path}.new` });
  Deno.renameSync(`${path}.new`, path);
  listener.close();
  assert(Deno.lstatSync(path).isSocket);
}

Deno.test("listen() gives a valid URL for a path with special characters", async () => {
  await withFolder(async (folder) => {
    await using listener = listen({ path: `${folder}/a #?%ü.sock` });
    await check(listener);
  });
  const error = assertThrows(() => listen({ path: "no/such/pb.sock" }), ListenError);
  assertEquals(error.url, `pb+unix://${Deno.cwd()}/no/such/pb.sock`);
});

Deno.test("listen() replaces a stale socket file", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/pb.sock`;
    leaveSocket(path);
    const listener = listen({ path });
    // The file is checked first, and accept() waits for that.
    const waiting = listener.accept();
    let client;
    for (let left = 1000; left > 0 && client === undefined; left--) {
      client = await dial(listener.url).catch(() => undefined);
    }
    assert(client !== undefined);
    const server = await waiting;
    client.transport.close();
    server!.transport.close();
    listener.close();
  });
});

Deno.test("listen() lets only one of two listeners replace a stale socket file", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/pb.sock`;
    leaveSocket(path);
    // An old file, so that its time tells it from the one that replaces it.
    Deno.utimeSync(path, 1, 1);
    const listeners = [listen({ path }), listen({ path })];
    const ends = listeners.map((listener) => listener.accept());
    const never = new Promise<never>(() => {});
    const refused = Promise.race(ends.map((end) => end.then(() => never)));
    await assertRejects(() => refused, ListenError, "another server is listening there");
    (await dial(listeners[0]!.url)).transport.close();
    // The connection with which the other listener probes the socket may be accepted, too.
    (await Promise.any(ends))!.transport.close();
    for (const listener of listeners) listener.close();
  });
});

Deno.test("listen() removes the socket file when its mode cannot be set", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/pb.sock`;
    {
      using _ = stub(Deno, "chmodSync", () => {
        throw new Deno.errors.PermissionDenied("not yours");
      });
      assertThrows(() => listen({ path, mode: 0o600 }), ListenError, "not yours");
    }
    await using listener = listen({ path, mode: 0o600 });
    await check(listener);
  });
});

Deno.test("Listener.close() keeps an existing socket file that is still being checked", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/pb.sock`;
    leaveSocket(path);
    const listener = listen({ path });
    const waiting = listener.accept();
    listener.close();
    assertEquals(await waiting, null);
    Deno.removeSync(path);
  });
});

Deno.test("listen() does not replace the socket file of a running server", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/pb.sock`;
    await using first = listen({ path });
    const second = listen({ path });
    await assertRejects(() => second.accept(), ListenError, "another server is listening there");
    second.close();
    // The check made a connection, which has ended.
    const { transport } = await accepted(first);
    assertEquals(await readToEnd(transport), { count: 0 });
    transport.close();
    await check(first);
  });
});

Deno.test("listen() does not replace a file that is not a socket", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/pb.sock`;
    Deno.writeTextFileSync(path, "precious");
    const listener = listen({ path });
    await assertRejects(
      () => listener.accept(),
      ListenError,
      "a file that is not a socket is there",
    );
    listener.close();
    assertEquals(Deno.readTextFileSync(path), "precious");
    Deno.removeSync(path);
  });
});

/** The schemes that take a handshake, and the options that they need. */
const HANDSHAKES: Record<string, ListenOptions> = { pbs: SERVER_TLS, ws: {}, wss: SERVER_TLS };

for (const [scheme, needed] of Object.entries(HANDSHAKES)) {
  const hostile = { "plain HTTP": "GET / HTTP/1.1\r\nHost: x\r\n\r\n", garbage: "\x16\x03\x01xyz" };
  for (const [name, text] of Object.entries(hostile)) {
    Deno.test(`listen() on ${scheme} reports ${name} and keeps accepting`, async () => {
      const { promise: told, resolve: onHandshakeError } = Promise.withResolvers<HandshakeError>();
      await using listener = listen({
        url: `${scheme}://127.0.0.1:0`,
        ...needed,
        handshakeTimeout: 200,
        onHandshakeError,
      });
      const checking = accepted(listener);
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: portOf(listener) });
      await writeAll(conn, bytesOf(text));
      const reading = readToEnd(conn);
      const error = await told;
      assertEquals(error.name, "HandshakeError");
      assertEquals(error.address, `127.0.0.1:${(conn.localAddr as Deno.NetAddr).port}`);
      await reading;
      conn.close();
      const client = await dial(listener.url, CLIENT_TLS);
      const server = await checking;
      client.transport.close();
      server.transport.close();
      await client.transport.closed;
      await server.transport.closed;
    });
  }
}

Deno.test("listen() on pbs reports a peer that does not speak TLS", async () => {
  const { promise: told, resolve: onHandshakeError } = Promise.withResolvers<HandshakeError>();
  await using listener = listen({ url: "pbs://127.0.0.1:0", ...SERVER_TLS, onHandshakeError });
  const waiting = listener.accept();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: portOf(listener) });
  await writeAll(conn, bytesOf("GET / HTTP/1.1\r\n\r\n"));
  assertStringIncludes((await told).message, "the peer does not speak TLS");
  conn.close();
  listener.close();
  assertEquals(await waiting, null);
});

for (const [scheme, needed] of Object.entries(HANDSHAKES)) {
  Deno.test(`listen() on ${scheme} accepts connections despite more silent peers than maxHandshakes`, async () => {
    const errors: string[] = [];
    const { promise: three, resolve } = Promise.withResolvers<void>();
    await using listener = listen({
      url: `${scheme}://127.0.0.1:0`,
      ...needed,
      handshakeTimeout: 300,
      maxHandshakes: 3,
      onHandshakeError(error) {
        errors.push(error.message);
        if (errors.length === 3) resolve();
      },
    });
    const port = portOf(listener);
    const first = listener.accept();
    const silent = [];
    for (let i = 0; i < 2; i++) silent.push(await Deno.connect({ hostname: "127.0.0.1", port }));
    // Gets through past the two silent peers.
    const client = await dial(listener.url, CLIENT_TLS);
    const server = await first;
    silent.push(await Deno.connect({ hostname: "127.0.0.1", port }));
    // Now all three places are taken, and a late client gets that of the first.
    const late = await dial(listener.url, CLIENT_TLS);
    const lateServer = await accepted(listener);
    await three;
    assertStringIncludes(errors[0]!, "too many handshakes at once");
    assertStringIncludes(errors[1]!, "no answer within 300 ms");
    for (const conn of silent) conn.close();
    for (const { transport } of [client, server!, late, lateServer]) {
      transport.close();
      await transport.closed;
    }
  });
}

Deno.test("listen() shares a port with reusePort, and refuses it without --unstable-net", async () => {
  if ("listenDatagram" in Deno) return;
  assertThrows(
    () => listen({ hostname: "127.0.0.1", port: 0, reusePort: true }),
    ListenError,
    "option reusePort needs Deno to be run with --unstable-net",
  );
  const code = `
    import { listen } from ${JSON.stringify(new URL("../../transport/mod.ts", import.meta.url))};
    const one = listen({ hostname: "127.0.0.1", port: 0, reusePort: true });
    const two = listen({ hostname: "127.0.0.1", port: one.addr.port, reusePort: true });
    console.log(one.url === two.url);
    one.close();
    two.close();`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--unstable-net", "--no-config", code],
  }).output();
  assertEquals(new TextDecoder().decode(stdout).trim(), "true", new TextDecoder().decode(stderr));
});

Deno.test("listen() keeps accepting when connections were closed before they were accepted", async () => {
  await using listener = listen("pb://127.0.0.1:0");
  for (let i = 0; i < 3; i++) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: portOf(listener) });
    conn.close();
  }
  for (let i = 0; i < 3; i++) (await accepted(listener)).transport.close();
  await check(listener);
});

Deno.test("listen() does not pause for connections that were reset before they were accepted", async () => {
  await using listener = listen("pb://127.0.0.1:0");
  for (let i = 0; i < 5; i++) {
    const socket = connect(portOf(listener), "127.0.0.1");
    await once(socket, "connect");
    socket.resetAndDestroy();
    await once(socket, "close");
  }
  const client = await Deno.connect({ hostname: "127.0.0.1", port: portOf(listener) });
  // Under fake time a pause would never end.
  using _time = new FakeTime();
  const { transport } = await accepted(listener);
  transport.close();
  client.close();
});

Deno.test("Deno.Conn can be used as a Transport", async () => {
  await using listener = listen("pb://127.0.0.1:0");
  const conn: Deno.Conn = await Deno.connect({ hostname: "127.0.0.1", port: portOf(listener) });
  await writeAll(conn, bytesOf("hi"));
  const { transport } = await accepted(listener);
  assertEquals(await readExactly(transport, 2), bytesOf("hi"));
  conn.close();
  transport.close();
});

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectError, dial, listen } from "@perspective/broker/transport";
import { bytesOf, readToEnd } from "./bytes.ts";
import { accepted } from "./pairs.ts";

/** A port whose server accepts connections but sends nothing. */
function silentPort(): { port: number; listener: Deno.TcpListener } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return { port: listener.addr.port, listener };
}

Deno.test("dial() rejects when nobody listens, and leaves the password out of its error", async () => {
  const { port, listener } = silentPort();
  listener.close();
  for (const scheme of ["pb", "pbs", "ws", "wss"]) {
    const error = await assertRejects(
      () => dial(`${scheme}://alice:secret@127.0.0.1:${port}`),
      ConnectError,
    );
    const path = scheme.startsWith("ws") ? "/" : "";
    assertEquals(error.url, `${scheme}://127.0.0.1:${port}${path}`);
    assertEquals(error.message, `Cannot connect to "${error.url}": connection refused`);
    assert(error.cause instanceof Deno.errors.ConnectionRefused);
  }
});

Deno.test("dial() refuses an invalid URL before it connects", async () => {
  await assertRejects(() => dial("http://127.0.0.1"), TypeError, "scheme must be");
});

Deno.test("dial() names the fault when a Unix socket does not exist", async () => {
  await assertRejects(
    () => dial("pb+unix:///no/such/pb.sock"),
    ConnectError,
    'Cannot connect to "pb+unix:///no/such/pb.sock": no such file or directory',
  );
});

for (const scheme of ["pbs", "ws", "wss"]) {
  Deno.test(`dial() by ${scheme} gives up on a silent server when its time is up`, async () => {
    const { port, listener } = silentPort();
    const accepting = listener.accept();
    await assertRejects(
      () => dial(`${scheme}://127.0.0.1:${port}`, { timeout: 50 }),
      ConnectError,
      "no answer within 50 ms",
    );
    const conn = await accepting;
    await readToEnd(conn);
    conn.close();
    listener.close();
  });

  Deno.test(`dial() by ${scheme} rejects with the reason of its signal during the handshake`, async () => {
    const { port, listener } = silentPort();
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    const refused = assertRejects(() =>
      dial(`${scheme}://127.0.0.1:${port}`, { signal: controller.signal })
    );
    const conn = await listener.accept();
    // The client has begun its handshake.
    await conn.read(new Uint8Array(1));
    controller.abort(reason);
    assertStrictEquals(await refused, reason);
    await readToEnd(conn);
    conn.close();
    listener.close();
  });
}

Deno.test("dial() does not connect if its signal is already aborted", async () => {
  const reason = new Error("no");
  const error = await assertRejects(() =>
    dial("pb://127.0.0.1:1", { signal: AbortSignal.abort(reason) })
  );
  assertStrictEquals(error, reason);
});

Deno.test("dial() closes a connection that is established just as its signal aborts", async () => {
  await using listener = listen("pb://127.0.0.1:0");
  const accepting = (async () => {
    for (let next; (next = await listener.accept()) !== null;) next.transport.close();
  })();
  for (let i = 0; i < 30; i++) {
    const controller = new AbortController();
    const dialed = dial(listener.url, { signal: controller.signal });
    setTimeout(() => controller.abort(), i % 3);
    // Meanwhile the system connects, so that Deno learns of it at the same time as of the timer.
    for (const end = performance.now() + i % 5; performance.now() < end;);
    await dialed.then(({ transport }) => transport.close(), () => {});
  }
  listener.close();
  await accepting;
});

Deno.test("dial() keeps an open connection when its signal is aborted later", async () => {
  await using listener = listen("ws://127.0.0.1:0");
  const controller = new AbortController();
  const client = await dial(listener.url, { signal: controller.signal });
  const server = await accepted(listener);
  controller.abort();
  await server.transport.write(bytesOf("hi"));
  assertEquals(await client.transport.read(new Uint8Array(5)), 2);
  client.transport.close();
  await client.transport.closed;
  await server.transport.closed;
});

Deno.test("dial() sends the caller's headers, but does not let them replace its own", async () => {
  const { promise, resolve } = Promise.withResolvers<Headers>();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    resolve(new Headers(request.headers));
    return new Response("no", { status: 401 });
  });
  await assertRejects(
    () =>
      dial(`ws://127.0.0.1:${server.addr.port}/p?q`, {
        headers: { authorization: "Bearer x", host: "evil", upgrade: "h2c" },
      }),
    ConnectError,
    "the server answered 401 Unauthorized",
  );
  const headers = await promise;
  assertEquals(headers.get("authorization"), "Bearer x");
  assertEquals(headers.get("host"), `127.0.0.1:${server.addr.port}`);
  assertEquals(headers.get("upgrade"), "websocket");
  assertEquals(headers.get("sec-websocket-protocol"), "pb.v1, binary");
});

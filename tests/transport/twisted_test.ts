// Real Twisted protocols, over WebSocket as Autobahn wraps them, and over TLS.

import { assert, assertEquals } from "@std/assert";
import { dial, type Dialed, listen, upgradeWebSocket } from "@perspective/broker/transport";
import { pythonFault, runPython, startPython, twistedTest } from "../interop/peer.ts";
import { testNeeding } from "../needs.ts";
import { bytesOf, equalBytes, pattern, readExactly, readToEnd, writeAll } from "./bytes.ts";
import { accepted, ALICE_TLS, CLIENT_TLS, dialAsBrowser, pem, SERVER_TLS } from "./pairs.ts";

const SCRIPT = "../transport/stream_peer.py";
const SIZES = [1, 125, 126, 65_535, 65_536, 65_537, 1_000_000];

autobahnTest("dial() talks to Autobahn's wrapped server", async () => {
  await using server = await startPython(SCRIPT, ["server", "websocket"]);
  const { transport, peer } = await dial(`ws://127.0.0.1:${server.port}/`);
  assertEquals(peer.protocol, "binary");
  await checkEchoes({ transport, peer });
  transport.close({ kind: "normal", message: "done" });
  await transport.closed;
  assertEquals(await server.read(), { lost: true });
});

autobahnTest("dial() talks to Autobahn's wrapped server in fragments", async () => {
  await using server = await startPython(SCRIPT, ["server", "websocket", "--fragment", "1000"]);
  const dialed = await dial(`ws://127.0.0.1:${server.port}/`);
  await checkEchoes(dialed);
  dialed.transport.close();
  await dialed.transport.closed;
});

autobahnTest("dial() gives a transport that ends when Autobahn's server closes", async () => {
  await using server = await startPython(SCRIPT, ["server", "websocket"]);
  const { transport } = await dial(`ws://127.0.0.1:${server.port}/`);
  await writeAll(transport, bytesOf("please close"));
  assertEquals(await readToEnd(transport), { count: 0 });
  assertEquals(transport.closeReason?.kind, "normal");
  await transport.closed;
});

autobahnTest("dialAsBrowser() talks to Autobahn's wrapped server", async () => {
  await using server = await startPython(SCRIPT, ["server", "websocket"]);
  const dialed = await dialAsBrowser(`ws://127.0.0.1:${server.port}/`, "binary");
  await checkEchoes(dialed);
  dialed.transport.close();
  await dialed.transport.closed;
});

autobahnTest("listen() serves Autobahn's wrapped client", async () => {
  await using listener = listen("ws://127.0.0.1:0/pb");
  const asking = runPython(SCRIPT, ["client", "websocket", "--url", listener.url]);
  const dialed = await accepted(listener);
  assertEquals(dialed.peer.protocol, "binary");
  await echo(dialed);
  assertEquals(dialed.transport.closeReason?.kind, "normal");
  checkAsker(await asking);
});

autobahnTest("upgradeWebSocket() serves Autobahn's wrapped client", async () => {
  const { promise, resolve } = Promise.withResolvers<Dialed>();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      const { response, dialed } = upgradeWebSocket(request);
      dialed?.then(resolve);
      return response;
    },
  );
  const asking = runPython(SCRIPT, [
    "client",
    "websocket",
    "--url",
    `ws://127.0.0.1:${server.addr.port}/`,
  ]);
  const dialed = await promise;
  await echo(dialed);
  assertEquals(dialed.transport.closeReason?.kind, "normal");
  checkAsker(await asking);
});

twistedTest("dial() talks to Twisted over TLS", async () => {
  await using server = await startPython(SCRIPT, ["server", "tls"]);
  const dialed = await dial(`pbs://localhost:${server.port}`, CLIENT_TLS);
  await checkEchoes(dialed);
  await writeAll(dialed.transport, bytesOf("please close"));
  assertEquals(await readToEnd(dialed.transport), { count: 0 });
  dialed.transport.close();
  await dialed.transport.closed;
  assertEquals(await server.read(), { lost: true });
});

twistedTest("dial() presents its client certificate to Twisted", async () => {
  await using server = await startPython(SCRIPT, ["server", "tls", "--mutual"]);
  const { transport } = await dial(`pbs://localhost:${server.port}`, ALICE_TLS);
  await writeAll(transport, bytesOf("who am I?"));
  assertEquals(await readExactly(transport, 5), bytesOf("alice"));
  transport.close();
  await transport.closed;
  assertEquals(await server.read(), { lost: true });
});

for (const mutual of [false, true]) {
  twistedTest(`listen() serves Twisted over ${mutual ? "mutual " : ""}TLS`, async () => {
    const clientCaCerts = mutual ? { clientCaCerts: [pem("authority.pem")] } : {};
    await using listener = listen({ url: "pbs://127.0.0.1:0", ...SERVER_TLS, ...clientCaCerts });
    assert(listener.addr.transport === "tcp");
    const args = ["client", "tls", "--port", `${listener.addr.port}`];
    const asking = runPython(SCRIPT, mutual ? [...args, "--mutual"] : args);
    const dialed = await accepted(listener);
    assertEquals(dialed.peer.certificate?.commonName, mutual ? "alice" : undefined);
    await echo(dialed);
    checkAsker(await asking);
  });
}

/** Checks that the other end echoes bytes of each size. */
async function checkEchoes({ transport }: Dialed): Promise<void> {
  for (const size of SIZES) {
    const bytes = pattern(size);
    const [echoed] = await Promise.all([
      readExactly(transport, size),
      writeAll(transport, bytes),
    ]);
    assert(equalBytes(echoed, bytes), `${size} bytes`);
  }
}

/** Echoes what arrives until the end, then closes. */
async function echo({ transport }: Dialed): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await transport.read(buffer);
    if (count === null) break;
    await writeAll(transport, buffer.subarray(0, count));
  }
  transport.close();
  await transport.closed;
}

function checkAsker({ code, lines, errors }: Awaited<ReturnType<typeof runPython>>): void {
  assertEquals(errors, "");
  assertEquals(lines, [...SIZES.map((size) => ({ size, same: true })), { lost: true }]);
  assertEquals(code, 0);
}

/** Defines a test against real Autobahn; with PB_REQUIRE_AUTOBAHN set it fails where there is none. */
function autobahnTest(name: string, fn: () => Promise<void>): void {
  const fault = () => pythonFault("autobahn.twisted.websocket");
  testNeeding({ tool: "python3-autobahn", required: "PB_REQUIRE_AUTOBAHN", fault }, name, fn);
}

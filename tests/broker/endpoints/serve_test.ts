import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type Broker,
  connect,
  handleWebSocket,
  LimitError,
  type LogEntry,
  PBConnectionLost,
  PBServer,
  PBServerFactory,
  ProtocolError,
  referenceable,
  Root,
  serve,
  type ServeOptions,
} from "@perspective/broker/broker";
import {
  dial,
  type Dialed,
  listen,
  type Listener,
  memoryPair,
} from "@perspective/broker/transport";
import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { openAsClient } from "../../../transport/websocket/websocket_handshake.ts";
import { CLIENT_TLS, SERVER_TLS } from "../../transport/pairs.ts";

class Echo extends Root {
  readonly gate = Promise.withResolvers<string>();

  remote_echo(value: unknown): unknown {
    return value;
  }
  remote_wait(): Promise<string> {
    return this.gate.promise;
  }
}

const HERE = { hostname: "127.0.0.1", port: 0 };

/** Records what a server logs, and can wait for an entry. */
class Logbook {
  readonly entries: LogEntry[] = [];
  #next = Promise.withResolvers<void>();

  readonly log = (entry: LogEntry): void => {
    this.entries.push(entry);
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  };
  async until(count: number): Promise<LogEntry> {
    while (this.entries.length < count) await this.#next.promise;
    return this.entries[count - 1]!;
  }
}

async function assertServes(server: PBServer, options = {}): Promise<void> {
  await using broker = await connect(server.url, options);
  assertEquals(await broker.root<Echo>().callRemote("echo", "fine"), "fine");
}

Deno.test("serve() refuses connections beyond maxConnections with a reason, and counts them", async () => {
  const book = new Logbook();
  await using server = serve(new Echo(), { ...HERE, maxConnections: 2, log: book.log });
  await using first = await connect(server.url);
  await using _second = await connect(server.url);
  for (let i = 0; i < 3; i++) await assertRejects(() => connect(server.url), ProtocolError);
  assertEquals([server.stats.connections, server.stats.accepted, server.stats.refused], [2, 2, 3]);
  assertEquals(book.entries.map(({ message }) => message), [
    "Cannot take connection: there are 2 already",
  ]);
  await first.close();
  while (server.brokers.size === 2) await [...server.brokers][0]!.closed;
  await assertServes(server);
  const options = { maxConnections: 1, log: book.log };
  await using websocket = serve(new Echo(), { url: "ws://127.0.0.1:0/pb", ...options });
  await using _third = await connect(websocket.url);
  await assertRejects(() => connect(websocket.url), ProtocolError, "too many connections");
});

Deno.test("serve() keeps serving when rootObject() throws for one connection", async () => {
  const book = new Logbook();
  class Moody extends Echo {
    isBroken = true;
    override rootObject(broker: Broker): Root {
      broker.notifyOnDisconnect(() => {});
      if (this.isBroken) throw new Error("not in the mood");
      return this;
    }
  }
  const root = new Moody();
  await using server = serve(root, { ...HERE, log: book.log });
  await assertRejects(() => connect(server.url), ProtocolError, "closed the connection; perhaps");
  const { level, message, error } = book.entries[0]!;
  assertEquals([level, (error as Error).message], ["error", "not in the mood"]);
  assertStringIncludes(message, 'Cannot serve "127.0.0.1:');
  assertEquals([server.stats.failed, server.brokers.size], [1, 0]);
  root.isBroken = false;
  await assertServes(server);
});

const STRANGERS = [
  { name: "garbage", bytes: crypto.getRandomValues(new Uint8Array(3000)).fill(0xff, 0, 9) },
  { name: "an HTTP request", bytes: new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n") },
  { name: "nothing", bytes: new Uint8Array(0) },
];
const PLACES: { name: string; options: ServeOptions; client: object }[] = [
  { name: "pb", options: { url: "pb://127.0.0.1:0" }, client: {} },
  { name: "pbs", options: { url: "pbs://127.0.0.1:0", ...SERVER_TLS }, client: CLIENT_TLS },
  { name: "ws", options: { url: "ws://127.0.0.1:0/pb" }, client: {} },
  { name: "wss", options: { url: "wss://127.0.0.1:0/pb", ...SERVER_TLS }, client: CLIENT_TLS },
];

for (const { name, options, client } of PLACES) {
  for (const stranger of STRANGERS) {
    Deno.test(`serve() at a ${name} URL keeps serving after a peer that sends ${stranger.name}`, async () => {
      const book = new Logbook();
      await using server = serve(new Echo(), { ...options, log: book.log });
      const address = server.url.replace(/^[a-z]+:/, "pb:").replace(/\/pb$/, "");
      const { transport } = await dial(address);
      if (stranger.bytes.length !== 0) {
        await transport.write(stranger.bytes);
        // The server closes the connection in one way or another.
        const buffer = new Uint8Array(4096);
        await (async () => {
          while (await transport.read(buffer) !== null);
        })().catch(() => {});
      }
      transport.close();
      await assertServes(server, client);
      if (stranger.bytes.length !== 0) assertEquals((await book.until(1)).level, "warning");
      for (const { level } of book.entries) assertEquals(level, "warning");
    });
  }
}

Deno.test("serve() logs once when file handles run out, and accepts again when some are free", async () => {
  const code = `
    import { connect, Root, serve } from ${JSON.stringify(import.meta.resolve("../../../mod.ts"))};
    const logged = Promise.withResolvers();
    const log = ({ event, level, message }) => {
      console.log(event, level, message);
      logged.resolve();
    };
    const server = serve(new Root(), { hostname: "127.0.0.1", port: 0, log });
    const files = [];
    try {
      for (;;) files.push(Deno.openSync("/dev/null"));
    } catch { /* as many as there are */ }
    files.pop().close(); // for the client
    const connecting = connect(server.url);
    await logged.promise;
    for (const file of files) file.close();
    const broker = await connecting;
    console.log("connected");
    await broker.close();
    await server.close();`;
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(script, code);
  const run = 'ulimit -n 100 && exec "$1" run --no-check --allow-all --config "$2" "$3"';
  const config = fileURLToPath(import.meta.resolve("../../../deno.json"));
  const { stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", run, "sh", Deno.execPath(), config, script],
  }).output();
  assertEquals(
    new TextDecoder().decode(stdout),
    "acceptFailed error Cannot accept connections: too many open files; trying again\nconnected\n",
    new TextDecoder().decode(stderr),
  );
  await Deno.remove(script);
});

/** Waits until a server has counted a connection that failed. */
async function untilFailed(server: PBServer): Promise<void> {
  await until(() => server.stats.failed === 0 ? undefined : true);
}

/** Ways in which a load balancer checks that a server is up; `tls` for those that complete its handshake. */
const PROBES: { name: string; tls?: true; leave: (socket: Socket) => Promise<void> }[] = [
  {
    name: "closes",
    async leave(socket) {
      socket.end().resume();
      await once(socket, "close");
    },
  },
  {
    name: "resets its connection",
    async leave(socket) {
      socket.resetAndDestroy();
      await once(socket, "close");
    },
  },
  {
    name: "closes after the TLS handshake",
    tls: true,
    async leave(socket) {
      const inside = connectTls({ socket, ca: CLIENT_TLS.caCerts as string[], host: "127.0.0.1" });
      await once(inside, "secureConnect");
      inside.end().resume();
      await once(inside, "close");
    },
  },
  {
    name: "resets its connection after the TLS handshake",
    tls: true,
    async leave(socket) {
      const inside = connectTls({ socket, ca: CLIENT_TLS.caCerts as string[], host: "127.0.0.1" });
      await once(inside, "secureConnect");
      socket.resetAndDestroy();
      await once(socket, "close");
    },
  },
];

for (const { name, options, client } of PLACES) {
  for (const { name: way, tls, leave } of PROBES) {
    if (tls && !("cert" in options)) continue;
    Deno.test(`serve() at a ${name} URL counts a peer that ${way} without sending a byte, and logs nothing`, async () => {
      const book = new Logbook();
      await using server = serve(new Echo(), { ...options, log: book.log });
      const socket = connectSocket(Number(new URL(server.url).port), "127.0.0.1");
      await once(socket, "connect");
      await leave(socket);
      await untilFailed(server);
      await assertServes(server, client);
      assertEquals([server.stats.failed, book.entries], [1, []]);
    });
  }

  Deno.test(`serve() at a ${name} URL closes and logs a peer that stays silent`, async () => {
    const book = new Logbook();
    const limits = { negotiationTimeout: 50 };
    const times = { handshakeTimeout: 50, limits };
    await using server = serve(new Echo(), { ...options, ...times, log: book.log });
    const conn = await Deno.connect({
      hostname: "127.0.0.1",
      port: Number(new URL(server.url).port),
    });
    assertStringIncludes((await book.until(1)).message, "within 50 ms");
    await untilFailed(server);
    conn.close();
    assertEquals([server.stats.failed, book.entries.length], [1, 1]);
  });
}

for (const url of ["pbs://127.0.0.1:0", "wss://127.0.0.1:0/pb"]) {
  Deno.test(`serve() at ${url} logs a client that does not trust its certificate`, async () => {
    const book = new Logbook();
    await using server = serve(new Echo(), { url, ...SERVER_TLS, log: book.log });
    await assertRejects(() => connect(server.url));
    assertEquals((await book.until(1)).event, "connectionFailed");
  });
}

Deno.test("serve() calls onConnect and onDisconnect for connections that were established, and counts their traffic", async () => {
  const heard: unknown[] = [];
  const book = new Logbook();
  await using server = serve(new Echo(), {
    ...HERE,
    log: book.log,
    onConnect: (broker) => heard.push(["connect", broker.peer.kind]),
    onDisconnect: (_broker, reason) => {
      heard.push(["disconnect", reason]);
      throw new Error("a bad hook");
    },
  });
  (await dial(server.url)).transport.close();
  const broker = await connect(server.url);
  for (let i = 0; i < 3; i++) await broker.root<Echo>().callRemote("echo", i);
  const during = server.stats;
  assertEquals([during.connections, during.callsReceived, during.callsSent], [1, 3, 0]);
  await broker.close();
  await book.until(1);
  assertEquals(heard, [["connect", "tcp"], ["disconnect", undefined]]);
  const { connections, accepted, failed, callsReceived, bytesReceived, bytesSent } = server.stats;
  assertEquals([connections, accepted, failed, callsReceived], [0, 2, 1, 3]);
  assert(bytesReceived > 50 && bytesSent > 50);
});

Deno.test("serve() calls onConnect before the calls that come along with the client's choice of a dialect", async () => {
  const heard: string[] = [];
  await using server = serve(referenceable({ hello: () => void heard.push("root") }), {
    ...HERE,
    onConnect: (broker) => {
      heard.push("connect");
      broker.setNameForLocal("named", referenceable({ hello: () => void heard.push("named") }));
    },
  });
  await using broker = await connect(server.url);
  const calls = ["named", "root"].map((name) => broker.remoteForName(name).callRemote("hello"));
  await Promise.all(calls);
  assertEquals(heard, ["connect", "named", "root"]);
});

Deno.test("PBServer.close() with graceful answers open calls, and refuses new calls and connections", async () => {
  const root = new Echo();
  const server = serve(root, HERE);
  await using broker = await connect(server.url);
  const waiting = broker.root<Echo>().callRemote("wait");
  await broker.root<Echo>().callRemote("echo", 1);
  const closed = server.close({ graceful: 60_000 });
  await assertRejects(() => broker.root<Echo>().callRemote("echo", 1), Error, "goes away");
  await assertRejects(() => connect(server.url));
  root.gate.resolve("done");
  assertEquals(await waiting, "done");
  await closed;
  await server.finished;
  await server.close();
});

Deno.test("PBServer.close() closes a connection that was just being accepted", async () => {
  const [here, there] = memoryPair();
  const accepting = Promise.withResolvers<Dialed | null>();
  let isTaken = false;
  const listener: Listener = {
    addr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    url: "pb://127.0.0.1:1",
    accept: () => isTaken ? Promise.resolve(null) : accepting.promise.finally(() => isTaken = true),
    close() {},
    async [Symbol.asyncDispose]() {},
  };
  const server = new PBServer(listener, new PBServerFactory(new Echo()));
  accepting.resolve(there);
  await server.close();
  assertEquals(server.stats.connections, 0);
  assertEquals(await here.transport.read(new Uint8Array(8)), null);
  assertEquals(here.transport.closeReason?.kind, "goingAway");
});

Deno.test("serve() logs an onHandshakeError that throws, and keeps serving", async () => {
  const book = new Logbook();
  await using server = serve(new Echo(), {
    url: "ws://127.0.0.1:0/pb",
    log: book.log,
    onHandshakeError: () => {
      throw new Error("a bad callback");
    },
  });
  const { transport } = await dial(server.url.replace("ws:", "pb:").replace("/pb", ""));
  await transport.write(new TextEncoder().encode("no HTTP at all\r\n\r\n"));
  const { level, message, error } = await book.until(1);
  assertEquals([level, message, (error as Error).message], [
    "error",
    "A callback failed",
    "a bad callback",
  ]);
  transport.close();
  await assertServes(server);
});

Deno.test("PBServer.close() closes its own connections, and PBServerFactory.close() those of all servers", async () => {
  await using factory = new PBServerFactory(new Echo());
  await using one = serve(factory, HERE);
  await using other = serve(factory, HERE);
  await using atOne = await connect(one.url);
  await using atOther = await connect(other.url);
  assertEquals([one.brokers.size, other.brokers.size, factory.brokers.size], [1, 1, 2]);
  await one.close();
  await atOne.closed;
  assertEquals(await atOther.root<Echo>().callRemote("echo", 1), 1);
  await factory.close();
  await atOther.closed;
  assertEquals(factory.brokers.size, 0);
  await assertRejects(() => connect(other.url), ProtocolError);
  assertEquals(factory.stats.refused, 1);
});

Deno.test("PBServerFactory.buildBroker() throws when the factory is full, and closes the connection", async () => {
  const factory = new PBServerFactory(new Echo(), { maxConnections: 1, log: () => {} });
  factory.buildBroker(memoryPair()[1]);
  const [here, there] = memoryPair();
  const full = await assertRejects(() => Promise.try(() => factory.buildBroker(there)), LimitError);
  assertEquals(full.limit, "maxConnections");
  assertEquals(await here.transport.read(new Uint8Array(1)), null);
  assertEquals(here.transport.closeReason?.kind, "policyViolation");
  await factory.close();
  const [late, later] = memoryPair();
  assertEquals(factory.accept(later), undefined);
  assertEquals(await late.transport.read(new Uint8Array(1)), null);
  assertEquals(late.transport.closeReason?.kind, "goingAway");
});

Deno.test("PBServer.finished rejects when another server listens on the Unix socket", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/pb.sock`;
  {
    await using _other = listen({ path });
    const server = serve(new Echo(), { path });
    await assertRejects(() => server.finished, Error, "another server is listening there");
  }
  await using server = serve(new Echo(), { url: `pb+unix://${path}` });
  await assertServes(server);
  await server.close();
  await Deno.remove(folder);
});

Deno.test("handleWebSocket() serves the connections of Deno.serve with one factory", async () => {
  await using factory = new PBServerFactory(new Echo(), { maxConnections: 1, log: () => {} });
  await using http = Deno.serve(
    { ...HERE, onListen() {} },
    (request, { remoteAddr }) =>
      new URL(request.url).pathname === "/pb"
        ? handleWebSocket(request, factory, { remoteAddr })
        : new Response("a page"),
  );
  const url = `127.0.0.1:${http.addr.port}`;
  assertEquals(await (await fetch(`http://${url}/`)).text(), "a page");
  const plain = await fetch(`http://${url}/pb`);
  assertEquals(plain.status, 426);
  await plain.body?.cancel();
  const broker = await connect(`ws://${url}/pb`);
  assertEquals(await broker.root<Echo>().callRemote("echo", 1), 1);
  await assertRejects(() => connect(`ws://${url}/pb`), Error, "503");
  assertEquals(factory.stats.refused, 1);
  const lost = assertRejects(
    () => broker.root<Echo>().callRemote("wait"),
    PBConnectionLost,
    "server is closing",
  );
  await broker.root<Echo>().callRemote("echo", 1);
  await factory.close();
  await lost;
  assertStringIncludes((await broker.closed)!.message, "as it goes away");
  const closed = await fetch(`http://${url}/pb`);
  assertEquals([closed.status, closed.headers.get("retry-after")], [503, "5"]);
  assertEquals(await closed.text(), "Cannot take connection: the server is closing\n");
});

Deno.test("maxConnections counts closing WebSockets until their peers answer or are gone", async () => {
  const logbook = new Logbook();
  await using factory = new PBServerFactory(new Echo(), {
    maxConnections: 1,
    log: (entry) => logbook.entries.push(entry),
  });
  await using http = Deno.serve(
    { ...HERE, onListen() {} },
    (request) => handleWebSocket(request, factory),
  );
  const { port } = http.addr;
  const silent = await Deno.connect({ hostname: "127.0.0.1", port });
  const [broker] = await Promise.all([
    until(() => [...factory.brokers][0]),
    openAsClient(silent, { host: `127.0.0.1:${port}`, path: "/" }),
  ]);
  await broker.close();
  const { connections, closing } = factory.stats;
  assertEquals([connections, closing], [0, 1]);
  const url = `ws://127.0.0.1:${port}`;
  await assertRejects(() => connect(url), Error, "503");
  assertEquals(logbook.entries.map(({ message }) => message), [
    "Cannot take connection: 1 were closed, and their peers do not answer",
  ]);
  silent.close();
  await until(() => factory.stats.closing === 0 || undefined);
  await using other = await connect(url);
  assertEquals(await other.root<Echo>().callRemote("echo", 1), 1);
});

/** Waits until a function returns a value. */
async function until<T>(find: () => T | undefined): Promise<T> {
  for (let left = 500; left > 0; left--) {
    const found = find();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("waited in vain");
}

Deno.test("handleWebSocket() serves a root object without a factory", async () => {
  await using http = Deno.serve(
    { ...HERE, onListen() {} },
    (request) => handleWebSocket(request, new Echo()),
  );
  await using broker = await connect(`ws://127.0.0.1:${http.addr.port}`);
  assertEquals(await broker.root<Echo>().callRemote("echo", 1), 1);
});

Deno.test("maxConnections must be a positive integer", () => {
  for (const maxConnections of [0, -1, 1.5]) {
    assertThrows(() => new PBServerFactory(new Echo(), { maxConnections }), RangeError);
  }
});

// Connections with real Twisted: keep-alive, sessions, TLS, and graceful closing.

import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import {
  type Broker,
  type BrokerOptions,
  connect,
  openSession,
  PBConnectionLost,
  PeerGoneError,
  Root,
  serve,
} from "@perspective/broker/broker";
import { CLIENT_TLS, SERVER_TLS } from "../transport/pairs.ts";
import { type PythonPeer, startPython, twistedTest } from "./peer.ts";

const HERE = { hostname: "127.0.0.1", port: 0 };

class Server extends Root {
  readonly gate = Promise.withResolvers<string>();

  remote_echo(value: unknown): unknown {
    return value;
  }
  remote_wait(): Promise<string> {
    return this.gate.promise;
  }
}

/** Waits until keep-alive has received a number of answers on a quiet connection. */
async function untilAsked(broker: Broker, times: number): Promise<void> {
  let { bytesReceived } = broker.traffic;
  for (let left = times; left !== 0;) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (broker.traffic.bytesReceived === bytesReceived) continue;
    ({ bytesReceived } = broker.traffic);
    left--;
  }
}

function port(server: { url: string }): string {
  return new URL(server.url).port;
}

/** Starts a Twisted client of our server that records its log, and returns its connection. */
async function twistedClient(
  server: { url: string; brokers: ReadonlySet<Broker> },
): Promise<{ python: PythonPeer; broker: Broker }> {
  const python = await startPython("console.py", ["--port", port(server)]);
  await python.ask("keep(logged=[])");
  await python.ask('__import__("twisted.python.log").python.log.addObserver(logged.append)');
  return { python, broker: [...server.brokers][0]! };
}

twistedTest(
  "keepAlive causes no log entries and leaves no objects in a Twisted server",
  async () => {
    await using twin = await startPython("liveness_server.py");
    await using broker = await connect(`pb://127.0.0.1:${twin.port}`, { keepAlive: 400 });
    const before = await broker.root().callRemote("kept");
    await untilAsked(broker, 4);
    assertEquals(await broker.root().callRemote("kept"), before);
    assertEquals(await broker.root().callRemote("logged"), []);
    assertEquals(broker.counts.callsOut, 0);
  },
);

twistedTest(
  "keepAlive causes no log entries and leaves no objects in a Twisted client",
  async () => {
    const log: unknown[] = [];
    const options: BrokerOptions = { keepAlive: 400, log: (entry) => log.push(entry) };
    await using server = serve(new Server(), { ...HERE, ...options });
    const { python, broker } = await twistedClient(server);
    await using _python = python;
    await untilAsked(broker, 4);
    const kept = "[len(broker.localObjects), len(broker.waitingForAnswers), len(logged)]";
    assertEquals((await python.ask(kept)).repr, "[0, 0, 0]");
    assertEquals((await python.ask('root.callRemote("echo", 1)')).repr, "1");
    assertEquals(log, []);
  },
);

twistedTest(
  "keepAlive closes the connection to a stopped Twisted server, unless it resumes in time",
  async () => {
    await using twin = await startPython("liveness_server.py");
    const url = `pb://127.0.0.1:${twin.port}`;
    await using patient = await connect(url, { keepAlive: 60_000 });
    await using broker = await connect(url, { keepAlive: 200 });
    await broker.root().callRemote("echo", 1);
    twin.signal("SIGSTOP");
    const lost = assertRejects(() => broker.root().callRemote("echo", 2), PBConnectionLost);
    const late = patient.root().callRemote("echo", 3);
    assertInstanceOf(await broker.closed, PeerGoneError);
    await lost;
    twin.signal("SIGCONT");
    assertEquals(await late, 3);
    assert(!patient.isClosed);
  },
);

twistedTest(
  "keepAlive closes the connection to a stopped Twisted client, which learns of it when resumed",
  async () => {
    await using server = serve(new Server(), { ...HERE, keepAlive: 200 });
    const { python, broker } = await twistedClient(server);
    await using _python = python;
    python.signal("SIGSTOP");
    assertInstanceOf(await broker.closed, PeerGoneError);
    assertEquals(server.brokers.size, 0);
    python.signal("SIGCONT");
    const { error } = await python.ask('root.callRemote("echo", 1)');
    assert(["PBConnectionLost", "DeadReferenceError"].includes(String(error).split(".").at(-1)!));
  },
);

twistedTest(
  "openSession() logs in again when a Twisted server is replaced by another",
  async () => {
    const first = await startPython("login_server.py");
    const url = `pb://alice:secret@127.0.0.1:${first.port}`;
    await using session = openSession(url, { backoff: () => 10 });
    const whoami = () => session.use((avatar) => avatar.callRemote("whoami"));
    assertEquals(await whoami(), "alice");
    await first.close();
    for await (const { kind } of session.states()) if (kind === "waiting") break;
    await assertRejects(() => session.use(() => 1, { wait: 0 }), Error, "not connected");
    const late = whoami();
    await using second = await startPython("login_server.py", ["--port", String(first.port)]);
    assertEquals(await late, "alice");
    assertEquals(await second.read(), { login: "alice" });
    await session.close();
    assertEquals(await second.read(), { logout: "alice" });
  },
);

twistedTest("connect() logs in and calls over TLS to a Twisted server", async () => {
  const file = (name: string) =>
    new URL(`../transport/certificates/${name}`, import.meta.url).pathname;
  const keys = `privateKey=${file("server.key")}:certKey=${file("server.pem")}`;
  await using twin = await startPython("login_server.py", [
    "--endpoint",
    `ssl:0:interface=127.0.0.1:${keys}`,
  ]);
  const url = `pbs://alice:secret@127.0.0.1:${twin.port}`;
  await using broker = await connect(url, { ...CLIENT_TLS, keepAlive: 400 });
  assertEquals([broker.peer.kind, broker.peer.secure], ["tls", true]);
  const avatar = await broker.login();
  assertEquals(await avatar.callRemote("whoami"), "alice");
  const large = new Uint8Array(600_000).fill(7);
  assertEquals(await avatar.callRemote("echo", large), large);
  await untilAsked(broker, 2);
  assertEquals(await avatar.callRemote("echo", "still"), "still");
});

twistedTest("serve() answers a Twisted client over TLS", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.copyFile(
    new URL("../transport/certificates/authority.pem", import.meta.url),
    `${folder}/authority.pem`,
  );
  {
    await using server = serve(new Server(), { ...HERE, ...SERVER_TLS, keepAlive: 400 });
    await using python = await startPython("console.py", [
      "--endpoint",
      `tls:localhost:${port(server)}:trustRoots=${folder}`,
    ]);
    assertEquals((await python.ask('root.callRemote("echo", "hi")')).repr, "'hi'");
    assertEquals(
      (await python.ask('len(root.broker.transport.getPeerCertificate().digest("sha256"))')).repr,
      "95",
    );
    await untilAsked([...server.brokers][0]!, 2);
    assertEquals(
      (await python.ask('root.callRemote("echo", b"x" * 600000).addCallback(len)')).repr,
      "600000",
    );
  }
  await Deno.remove(folder, { recursive: true });
});

twistedTest(
  "PBServer.close({ graceful }) answers a Twisted client's open call, and refuses new ones",
  async () => {
    const root = new Server();
    await using server = serve(root, HERE);
    const { python, broker } = await twistedClient(server);
    await using _python = python;
    await python.ask('keep(calls=[root.callRemote("wait")])');
    await python.ask('root.callRemote("echo", 1)');
    const closed = server.close({ graceful: 60_000 });
    const { error, message } = await python.ask('root.callRemote("echo", 2)');
    assertEquals(error, "perspective.broker.GoingAwayError");
    assertEquals(message, "Cannot take call: this end of the connection goes away");
    assert(!broker.isClosed);
    root.gate.resolve("done");
    assertEquals((await python.ask("calls[0]")).repr, "'done'");
    await closed;
    // Whether the other end has already learned of the end depends on the network.
    const late = await python.ask('root.callRemote("echo", 3)');
    assertMatch(String(late.error), /DeadReferenceError$|PBConnectionLost$/);
  },
);

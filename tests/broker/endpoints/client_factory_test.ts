import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type Broker,
  connect,
  PBClientFactory,
  ProtocolError,
  RemoteReference,
  Root,
  serve,
} from "@perspective/broker/broker";
import { ConnectError, memoryPair } from "@perspective/broker/transport";

class Echo extends Root {
  remote_echo(value: unknown): unknown {
    return value;
  }
}

const LOCAL = { hostname: "127.0.0.1", port: 0, log: () => {} };

Deno.test("[Broker getRootObject] PBClientFactory.getRootObject() gives a reference whose notifiers run on disconnect()", async () => {
  await using server = serve(new Echo(), LOCAL);
  const factory = new PBClientFactory();
  const early = factory.getRootObject<Echo>();
  await factory.connect(server.url);
  const root = await early;
  assertInstanceOf(root, RemoteReference);
  assertEquals(await factory.getRootObject(), root);
  assertEquals(await root.callRemote("echo", 1), 1);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  root.notifyOnDisconnect(resolve);
  await factory.disconnect();
  assertEquals(await promise, root);
  await factory.disconnect();
});

Deno.test("PBClientFactory.getRootObject() rejects when connect() fails", async () => {
  const server = serve(new Echo(), LOCAL);
  await server.close();
  const factory = new PBClientFactory();
  const root = factory.getRootObject();
  await assertRejects(() => factory.connect(server.url), ConnectError);
  await assertRejects(() => root, ConnectError);
  await factory.disconnect();
});

Deno.test("PBClientFactory.getRootObject() rejects when the connection ends before the negotiation", async () => {
  const factory = new PBClientFactory(LOCAL);
  const [here, there] = memoryPair();
  factory.buildBroker(here);
  const root = assertRejects(
    () => factory.getRootObject(),
    ProtocolError,
    "Cannot connect over PB",
  );
  there.transport.close();
  await root;
});

Deno.test("PBClientFactory.connect() may be called again, and getRootObject() gives the root of the latest connection", async () => {
  await using server = serve(new Echo(), LOCAL);
  const factory = new PBClientFactory();
  const gone = serve(new Echo(), LOCAL);
  await gone.close();
  const early = assertRejects(() => factory.getRootObject(), ConnectError);
  await assertRejects(() => factory.connect(gone.url), ConnectError);
  await early;
  const brokers: Broker[] = [];
  for (let i = 0; i < 3; i++) {
    const connecting = factory.connect(server.url);
    // The second replaces a closed connection, the third an open one.
    const waiting = i === 2 ? undefined : factory.getRootObject();
    const broker = await connecting;
    brokers.push(broker);
    const root = await factory.getRootObject<Echo>();
    assertStrictEquals(root, broker.root());
    if (waiting !== undefined) assertStrictEquals(await waiting, root);
    assertEquals(await root.callRemote("echo", i), i);
    if (i === 0) await factory.disconnect();
  }
  await factory.disconnect();
  assertEquals(brokers.map(({ isClosed }) => isClosed), [true, false, true]);
  await brokers[1]!.close();
});

Deno.test("PBClientFactory.getRootObject() without a connection waits for the next one", async () => {
  await using server = serve(new Echo(), LOCAL);
  const gone = serve(new Echo(), LOCAL);
  await gone.close();
  const factory = new PBClientFactory();
  await assertRejects(() => factory.connect(gone.url), ConnectError);
  const afterFailure = factory.getRootObject<Echo>();
  const first = await factory.connect(server.url);
  assertStrictEquals(await afterFailure, first.root());
  await factory.disconnect();
  const afterLoss = factory.getRootObject<Echo>();
  const second = await factory.connect(server.url);
  assertStrictEquals(await afterLoss, second.root());
  assertEquals(await (await afterLoss).callRemote("echo", 2), 2);
  await factory.disconnect();
});

Deno.test("connect() rejects with the reason of its signal while the server is silent, and closes the connection", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const controller = new AbortController();
  const { signal } = controller;
  const url = `pb://127.0.0.1:${listener.addr.port}`;
  const refused = assertRejects(() => connect(url, { signal }));
  using silent = await listener.accept();
  // By then, the client has a broker, which waits for the server.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const reason = new Error("no more");
  controller.abort(reason);
  assertStrictEquals(await refused, reason);
  assertEquals(await silent.read(new Uint8Array(8)), null);
  assertStrictEquals(await assertRejects(() => connect(url, { signal })), reason);
});

Deno.test("connect() rejects at its timeout when the server is silent", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `pb://127.0.0.1:${listener.addr.port}`;
  const refused = assertRejects(() => connect(url, { timeout: 50 }), ProtocolError, "50 ms");
  using _silent = await listener.accept();
  await refused;
});

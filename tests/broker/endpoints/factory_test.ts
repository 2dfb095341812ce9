import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type Broker,
  connect,
  connectPair,
  type LogEntry,
  PBClientFactory,
  PBServerFactory,
  ProtocolError,
  type Referenceable,
  RemoteError,
  RemoteReference,
  Root,
  serve,
} from "@perspective/broker/broker";
import { InsecureJelly, JellyRegistry, SecurityOptions } from "@perspective/broker/jelly";
import { ConnectError, memoryPair } from "@perspective/broker/transport";

class Till {
  static readonly jellyName = "shop.Till";
  cash = 1;
}

class Echo extends Root {
  remote_echo(value: unknown): unknown {
    return value;
  }
  remote_till(): Till {
    return new Till();
  }
  remote_kind(value: unknown): string {
    return value instanceof Till ? "a till" : typeof value;
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

Deno.test("PBServerFactory.buildBroker() calls rootObject() of the root for each connection", async () => {
  const brokers: Broker[] = [];
  class PerConnection extends Root {
    override rootObject(broker: Broker): Referenceable {
      brokers.push(broker);
      return new Echo();
    }
  }
  const factory = new PBServerFactory(new PerConnection());
  const built = [factory.buildBroker(memoryPair()[1]), factory.buildBroker(memoryPair()[1])];
  assertEquals(brokers, built);
  for (const broker of built) await broker.close();
});

Deno.test("PBServerFactory.buildBroker() throws the error of rootObject(), and closes the connection with it", async () => {
  const fault = new Error("no object for you");
  let kept: Broker | undefined;
  class Failing extends Root {
    override rootObject(broker: Broker): never {
      kept = broker;
      throw fault;
    }
  }
  const log: LogEntry[] = [];
  const factory = new PBServerFactory(new Failing(), { log: (entry) => log.push(entry) });
  assertThrows(() => factory.buildBroker(memoryPair()[1]), Error, "no object for you");
  assertStrictEquals(await kept!.closed, fault);
  assertEquals(log, []);
});

Deno.test("PBServerFactory() refuses a root without rootObject()", () => {
  assertThrows(() => new PBServerFactory({} as Root), TypeError, "Cannot serve");
});

// Which classes may travel.

for (
  const [row, end] of [
    ["clientDefaultSecurityOptions", "client"],
    ["serverDefaultSecurityOptions", "server"],
  ] as const
) {
  Deno.test(`[Broker ${row}] the security options of a ${end} allow only basic types by default`, () => {
    const { security } = end === "client"
      ? brokerOf(new PBClientFactory()).settings
      : brokerOf(new PBServerFactory(new Echo())).settings;
    assert(security.isTypeAllowed("dictionary"));
    assert(!security.isModuleAllowed("shop"));
    assert(!security.isClassAllowed(Till));
  });
}

Deno.test("[Broker clientSecurityCustomization] a client's connection uses the client's security options", async () => {
  const registry = tillRegistry();
  const security = new SecurityOptions().allowInstancesOf(Till);
  assertStrictEquals(brokerOf(new PBClientFactory({ security })).settings.security, security);
  await using strict = await connectPair(new Echo(), { server: { security, registry } });
  await assertRejects(() => strict.client.root().callRemote("till"), InsecureJelly, "shop");
  const both = { security, registry };
  await using pair = await connectPair(new Echo(), { server: both, client: both });
  assertInstanceOf(await pair.client.root().callRemote("till"), Till);
});

Deno.test("[Broker serverSecurityCustomization] a server's connections use the server's security options", async () => {
  const registry = tillRegistry();
  const security = new SecurityOptions().allowInstancesOf(Till);
  const factory = new PBServerFactory(new Echo(), { security });
  assertStrictEquals(brokerOf(factory).settings.security, security);
  const client = { security, registry };
  await using strict = await connectPair(new Echo(), { client, server: { log: () => {} } });
  const refused = () => strict.client.root().callRemote("kind", new Till());
  const error = await assertRejects(refused, RemoteError);
  assertEquals(error.remoteType, "twisted.spread.jelly.InsecureJelly");
  await using pair = await connectPair(new Echo(), { server: { security, registry }, client });
  assertEquals(await pair.client.root().callRemote("kind", new Till()), "a till");
});

/** Makes a registry that has Till under its name. */
function tillRegistry(): JellyRegistry {
  const registry = new JellyRegistry();
  registry.register("shop.Till", Till);
  return registry;
}

/** Builds a broker of a factory on a connection whose other end is silent. */
function brokerOf(factory: PBClientFactory | PBServerFactory): Broker {
  const broker = factory.buildBroker(memoryPair()[0]);
  broker.close();
  return broker;
}

Deno.test("connect() rejects at its timeout when the server is silent", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `pb://127.0.0.1:${listener.addr.port}`;
  const refused = assertRejects(() => connect(url, { timeout: 50 }), ProtocolError, "50 ms");
  using _silent = await listener.accept();
  await refused;
});

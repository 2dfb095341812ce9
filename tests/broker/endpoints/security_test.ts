// Which classes may travel over the connections of a factory.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  type Broker,
  connectPair,
  PBClientFactory,
  PBServerFactory,
  RemoteError,
  Root,
} from "@perspective/broker/broker";
import { InsecureJelly, JellyRegistry, SecurityOptions } from "@perspective/broker/jelly";
import { memoryPair } from "@perspective/broker/transport";

class Till {
  static readonly jellyName = "shop.Till";
  cash = 1;
}

class Shop extends Root {
  remote_till(): Till {
    return new Till();
  }
  remote_kind(value: unknown): string {
    return value instanceof Till ? "a till" : typeof value;
  }
}

for (
  const [row, end] of [
    ["clientDefaultSecurityOptions", "client"],
    ["serverDefaultSecurityOptions", "server"],
  ] as const
) {
  Deno.test(`[Broker ${row}] the security options of a ${end} allow only basic types by default`, () => {
    const { security } = end === "client"
      ? brokerOf(new PBClientFactory()).settings
      : brokerOf(new PBServerFactory(new Shop())).settings;
    assert(security.isTypeAllowed("dictionary"));
    assert(!security.isModuleAllowed("shop"));
    assert(!security.isClassAllowed(Till));
  });
}

Deno.test("[Broker clientSecurityCustomization] a client's connection uses the client's security options", async () => {
  const registry = tillRegistry();
  const security = new SecurityOptions().allowInstancesOf(Till);
  assertStrictEquals(brokerOf(new PBClientFactory({ security })).settings.security, security);
  await using strict = await connectPair(new Shop(), { server: { security, registry } });
  await assertRejects(() => strict.client.root().callRemote("till"), InsecureJelly, "shop");
  const both = { security, registry };
  await using pair = await connectPair(new Shop(), { server: both, client: both });
  assertInstanceOf(await pair.client.root().callRemote("till"), Till);
});

Deno.test("[Broker serverSecurityCustomization] a server's connections use the server's security options", async () => {
  const registry = tillRegistry();
  const security = new SecurityOptions().allowInstancesOf(Till);
  const factory = new PBServerFactory(new Shop(), { security });
  assertStrictEquals(brokerOf(factory).settings.security, security);
  const client = { security, registry };
  await using strict = await connectPair(new Shop(), { client, server: { log: () => {} } });
  const refused = () => strict.client.root().callRemote("kind", new Till());
  const error = await assertRejects(refused, RemoteError);
  assertEquals(error.remoteType, "twisted.spread.jelly.InsecureJelly");
  await using pair = await connectPair(new Shop(), { server: { security, registry }, client });
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

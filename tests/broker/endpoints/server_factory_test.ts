import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Broker,
  type LogEntry,
  PBServerFactory,
  PortalRoot,
  type Referenceable,
  Root,
} from "@perspective/broker/broker";
import { Portal } from "@perspective/broker/cred";
import { JellyError } from "@perspective/broker/jelly";
import { memoryPair } from "@perspective/broker/transport";

Deno.test("PBServerFactory.buildBroker() calls rootObject() of the root for each connection", async () => {
  const brokers: Broker[] = [];
  class PerConnection extends Root {
    override rootObject(broker: Broker): Referenceable {
      brokers.push(broker);
      return new Root();
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

Deno.test("PBServerFactory.buildBroker() closes the connection if the limits forbid its first message", async () => {
  const root = new PortalRoot(new Portal({ requestAvatar: () => Promise.reject(new Error()) }));
  const factory = new PBServerFactory(root, { limits: { maxStringBytes: 8 } });
  const [client, server] = memoryPair();
  assertThrows(() => factory.buildBroker(server), JellyError, "the limit is 8 (maxStringBytes)");
  assertEquals(root.strangers, 0);
  assertEquals(await client.transport.read(new Uint8Array(1)), null);
  await factory.close();
});

Deno.test("PBServerFactory() refuses a root without rootObject()", () => {
  assertThrows(() => new PBServerFactory({} as Root), TypeError, "Cannot serve");
});

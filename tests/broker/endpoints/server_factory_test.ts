import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Broker,
  type LogEntry,
  PBServerFactory,
  type Referenceable,
  Root,
} from "@perspective/broker/broker";
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

Deno.test("PBServerFactory() refuses a root without rootObject()", () => {
  assertThrows(() => new PBServerFactory({} as Root), TypeError, "Cannot serve");
});

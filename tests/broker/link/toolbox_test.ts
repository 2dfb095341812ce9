import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { brokerSettings } from "../../../broker/connection/options.ts";
import {
  callOptions,
  Copyable,
  JellyRegistry,
  memoryPair,
  PBClientFactory,
  PBServerFactory,
  Referenceable,
  RemoteCopy,
  type RemoteReference,
  Root,
  SecurityOptions,
} from "../../../mod.ts";

Deno.test("Toolbox.takeWriter() reuses tools for another connection and dialect", () => {
  const { tools } = brokerSettings();
  const [one, other] = [{}, {}];
  const first = tools.takeWriter(one, "pb", 0);
  assertStrictEquals(first.jellier.invoker, one);
  first.writer.begin();
  first.writer.atom("message");
  assertEquals([...first.writer.written()], [26, 0x87]);
  tools.giveWriter(first);
  const second = tools.takeWriter(other, "none", 0);
  assertStrictEquals(second, first);
  assertEquals(second.writer.length, 0);
  assertEquals(second.writer.dialect, "none");
  assertStrictEquals(second.jellier.invoker, other);
  assertNotStrictEquals(tools.takeWriter(other, "none", 0), second);
});

Deno.test("Toolbox.giveWriter() frees a large buffer for any other writer", () => {
  const { tools } = brokerSettings();
  const first = tools.takeWriter({}, "pb", 100_000);
  assertEquals(first.writer.capacity, 100_000);
  tools.giveWriter(first);
  assertEquals(first.writer.capacity, 0);
  const small = tools.takeWriter({}, "pb", 0);
  const large = tools.takeWriter({}, "pb", 100_000);
  assertEquals([small.writer.capacity, large.writer.capacity], [100_000, 100_000]);
});

Deno.test("Toolbox.giveReader() drops large buffers and the connection", () => {
  const { tools } = brokerSettings();
  const first = tools.takeReader({});
  first.reader.reset(new Uint8Array(65_537), 1);
  tools.giveReader(first);
  assertEquals([first.reader.size, first.unjellier.invoker], [0, undefined]);
  assertStrictEquals(tools.takeReader({}), first);
  assertNotStrictEquals(tools.takeReader({}), first);
});

Deno.test("Toolbox.takeScanner() reuses a scanner for another dialect", () => {
  const { tools } = brokerSettings();
  const first = tools.takeScanner("pb");
  tools.giveScanner(first);
  const second = tools.takeScanner(undefined);
  assertStrictEquals(second, first);
  assertEquals(second.dialect, undefined);
});

Deno.test("getStateToCopy() may call over another connection while the value is written", async () => {
  const heard: unknown[] = [];
  class Listener extends Referenceable {
    remote_hear(text: string): void {
      heard.push(text);
    }
  }
  let listener: RemoteReference<Listener>;
  class Telling extends Copyable {
    static readonly jellyName = "toolbox.Telling";
    override getStateToCopy(): Record<string, unknown> {
      void listener.callRemote("hear", "told meanwhile", callOptions({ answer: false }));
      return { text: "told" };
    }
  }
  class Desk extends Root {
    remote_register(reference: RemoteReference<Listener>): void {
      listener = reference;
    }
    remote_tell(): unknown {
      return ["before", new Telling(), "behind"];
    }
  }
  const registry = new JellyRegistry();
  class Told extends RemoteCopy {
    declare text: string;
  }
  registry.setUnjellyableForClass("toolbox.Telling", Told);
  const security = new SecurityOptions().allowBasicTypes().allowTypes("toolbox.Telling");

  await using factory = new PBServerFactory(new Desk(), { registry });
  const [one, other] = [0, 1].map(() => {
    const [here, there] = memoryPair();
    factory.buildBroker(there);
    return new PBClientFactory({ registry, security }).buildBroker(here);
  });
  await other!.root<Desk>().callRemote("register", new Listener());
  const told = await one!.root<Desk>().callRemote("tell") as [string, Told, string];
  assertEquals([told[0], told[1].text, told[2]], ["before", "told", "behind"]);
  await other!.root().callRemote("register", null);
  assertEquals(heard, ["told meanwhile"]);
  await one!.close();
  await other!.close();
});

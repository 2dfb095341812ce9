import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  AsReferenceable,
  Avatar,
  type Broker,
  NoSuchMethod,
  Referenceable,
  type RemoteReference,
  Root,
} from "@perspective/broker/broker";
import {
  inspectSexp,
  type Jellier,
  jelly,
  JellyError,
  JellyRegistry,
} from "@perspective/broker/jelly";
import { testPair } from "../pair.ts";

class Thing extends Referenceable {
  remote_name(): string {
    return "thing";
  }
  private remote_secret = "no method";
  secret(): string {
    return this.remote_secret;
  }
}

class Service extends Root {
  readonly thing = new Thing();
  remote_echo(value: unknown): unknown {
    return value;
  }
  remote_thing(): Thing {
    return this.thing;
  }
}

Deno.test("[Jelly referenceable] jelly() writes a Referenceable as a reference whose luid is in the sender's table", async () => {
  await using pair = await testPair(new Service());
  const thing = new Thing();
  assertEquals(inspectSexp(jelly(thing, { invoker: pair.server })), '["remote", 1]');
  assertStrictEquals(pair.server.localObjectForID(1), thing);
  const twice = jelly([thing, thing], { invoker: pair.server });
  assertEquals(inspectSexp(twice), '["list", ["remote", 1], ["remote", 1]]');
  assertEquals(pair.server.counts.localObjects, 2);
});

Deno.test("Referenceable may be sent under a tag of its own, as in twisted.words", async () => {
  class Group extends Thing {
    constructor(readonly label: string) {
      super();
    }
    override jellyFor(jellier: Jellier): void {
      const broker = jellier.invoker as Broker;
      jellier.tagged("words.PBGroup", this.label, broker.registerReference(this));
    }
  }
  class Broken extends Thing {
    override jellyFor(jellier: Jellier): void {
      jellier.tagged("words.PBGroup", "lounge", "one");
    }
  }
  class PBGroup {
    constructor(readonly label: unknown, readonly reference: RemoteReference) {}
  }
  const registry = new JellyRegistry();
  registry.setRule("words.PBGroup", (unjellier, list) => {
    const label = list.next();
    return new PBGroup(
      label,
      (unjellier.invoker as Broker).referenceArrived(list.next() as number),
    );
  });
  class Words extends Service {
    readonly lounge = new Group("lounge");
    remote_lounge(): Group {
      return this.lounge;
    }
    remote_broken(): Broken {
      return new Broken();
    }
  }
  await using pair = await testPair(new Words(), { client: { registry } });
  const root = pair.client.root();
  const group = await root.callRemote("lounge") as PBGroup;
  assertEquals([group.label, await group.reference.callRemote("name")], ["lounge", "thing"]);
  const again = await root.callRemote("lounge") as PBGroup;
  assertStrictEquals(again.reference, group.reference);
  assertEquals(pair.server.counts.localObjects, 2);
  await assertRejects(() => root.callRemote("broken"), JellyError, "it has no number");
  group.reference.release();
  await root.callRemote("echo", null);
  assertEquals(pair.server.counts.localObjects, 1);
});

Deno.test("jelly() refuses a Referenceable without a connection", () => {
  const error = assertThrows(() => jelly({ thing: new Thing() }), JellyError, "over a connection");
  assertEquals(error.path, "value.thing");
});

Deno.test("callRemote() reaches only remote_ methods of a Referenceable", async () => {
  await using pair = await testPair(new Service());
  const thing = await pair.client.root().callRemote("thing") as RemoteReference;
  assertEquals(await thing.callRemote("name"), "thing");
  for (const name of ["secret", "remote_name", "jellyFor", "../name", "name\0", "__proto__"]) {
    await assertRejects(() => thing.callRemote(name), NoSuchMethod, `remote_${name}`);
  }
});

Deno.test("callRemote() refuses a RemoteReference of another connection", async () => {
  await using one = await testPair(new Service());
  await using other = await testPair(new Service());
  const thing = await one.client.root().callRemote("thing");
  const call = () => other.client.root().callRemote("echo", [thing]);
  const error = await assertRejects(call, JellyError, "args[0][0]");
  assertEquals(error.path, "args[0][0]");
});

Deno.test("Referenceable objects with one processUniqueID() arrive as one reference", async () => {
  const identity = {};
  class Same extends Referenceable {
    override processUniqueID(): object {
      return identity;
    }
  }
  await using pair = await testPair(new Service());
  const root = pair.client.root();
  const [first, second] = await root.callRemote("echo", [new Same(), new Same()]) as object[];
  assertStrictEquals(first, second);
});

Deno.test("Broker.setNameForLocal() publishes an object, at either end", async () => {
  await using pair = await testPair(new Service());
  pair.server.setNameForLocal("thing", new Thing());
  pair.client.setNameForLocal("ours", new Thing());
  assertEquals(await pair.client.remoteForName("thing").callRemote("name"), "thing");
  assertEquals(await pair.server.remoteForName("ours").callRemote("name"), "thing");
});

Deno.test("AsReferenceable() refuses an object without the method for its message type", () => {
  new AsReferenceable(new Avatar(), "perspective");
  assertThrows(() => new AsReferenceable(new Avatar()), TypeError, "remoteMessageReceived");
});

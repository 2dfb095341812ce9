import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  LocalAsRemote,
  LocalAsyncForwarder,
  NoSuchMethod,
  PBError,
} from "@perspective/broker/broker";
import { assertSpyCalls, stub } from "@std/testing/mock";
import { assertType, type IsExact } from "@std/testing/types";

class Local extends LocalAsRemote {
  override readonly reportAllTracebacks: boolean = false;
  readonly #greeting = "hello";
  sync_isBlocking(value: number): string {
    return `${this.#greeting} ${value}`;
  }
  sync_fail(): never {
    throw new PBError("at once");
  }
  async_value(a: number, b = 1): number {
    return a + b;
  }
  async async_later(): Promise<string> {
    await undefined;
    return "later";
  }
  async_fail(): never {
    throw new PBError("by promise");
  }
  plain(): void {}
}

Deno.test("[Broker util.sync] LocalAsRemote.callRemote() returns the result of a sync_ method itself", () => {
  const result = new Local().callRemote("isBlocking", 5);
  assertType<IsExact<typeof result, string>>(true);
  assertEquals(result, "hello 5");
  assertThrows(() => new Local().callRemote("fail"), PBError, "at once");
});

Deno.test("[Broker util.async] LocalAsRemote.callRemote() returns a promise for an async_ method", async () => {
  const local = new Local();
  const result = local.callRemote("value", 1, 2);
  assertType<IsExact<typeof result, Promise<number>>>(true);
  assertEquals(await result, 3);
  const later = local.callRemote("later");
  assertType<IsExact<typeof later, Promise<string>>>(true);
  assertEquals(await later, "later");
});

Deno.test("[Broker util.asyncFail] LocalAsRemote.callRemote() rejects when an async_ method throws, and prints the error if asked to", async () => {
  class Failing extends LocalAsRemote {
    async_fail(): never {
      throw new PBError("by promise");
    }
  }
  using printed = stub(console, "error");
  await assertRejects(() => new Failing().callRemote("fail"), PBError, "by promise");
  assertSpyCalls(printed, 1);
  class Silent extends Failing {
    override readonly reportAllTracebacks = false;
  }
  await assertRejects(() => new Silent().callRemote("fail"), PBError);
  assertSpyCalls(printed, 1);
});

Deno.test("LocalAsRemote.callRemote() reaches no method without the prefix", async () => {
  const local = new Local();
  for (const name of ["plain", "callRemote", "constructor", "nothing"]) {
    const call = () => Promise.resolve(local.callRemote(name as never));
    await assertRejects(call, NoSuchMethod, `No such method: async_${name}`);
  }
});

Deno.test("[Broker util.remoteMethod] LocalAsRemote.remoteMethod() gives a method as a value", async () => {
  const local = new Local();
  const method = local.remoteMethod("value");
  assertStrictEquals(method.local, local);
  assertEquals(method.name, "value");
  assertEquals(await method.call(2), 3);
  assertEquals(local.remoteMethod("isBlocking").call(1), "hello 1");
});

interface Greeter {
  readonly name: string;
  greet(who: string): string;
  leave(): Promise<void>;
}

class Host implements Greeter {
  readonly name = "host";
  greet(who: string): string {
    return `${this.name} greets ${who}`;
  }
  async leave(): Promise<void> {
    await undefined;
    throw new PBError("not yet");
  }
  dismiss(): string {
    return "gone";
  }
}

Deno.test("[Broker util.localAsyncForwarder] LocalAsyncForwarder forwards only the methods of its interface", async () => {
  const forwarder = new LocalAsyncForwarder<Greeter>(new Host(), ["greet", "leave"]);
  const greeting = forwarder.callRemote("greet", "Ada");
  assertType<IsExact<typeof greeting, Promise<string>>>(true);
  assertEquals(await greeting, "host greets Ada");
  await assertRejects(() => forwarder.callRemote("leave"), PBError, "not yet");
  for (const name of ["dismiss", "name", "constructor", "toString"]) {
    assertEquals(await forwarder.callRemote(name), null);
  }
  const strict = new LocalAsyncForwarder<Greeter>(new Host(), ["greet"], {
    failWhenNotImplemented: true,
  });
  await assertRejects(
    () => strict.callRemote("leave"),
    NoSuchMethod,
    "No Such Method in Interface",
  );
});

Deno.test("LocalAsyncForwarder() refuses an object that lacks a method of the interface", () => {
  assertThrows(
    () => new LocalAsyncForwarder<Greeter>({ name: "x" } as Greeter, ["greet"]),
    TypeError,
    'Cannot forward "greet"',
  );
});

import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  callOptions,
  LimitError,
  MAX_BROKER_REFS,
  PBError,
  Referenceable,
  RemoteError,
  type RemoteReference,
  Root,
} from "@perspective/broker/broker";
import { settle, testPair } from "../pair.ts";

class Things extends Root {
  /** Keeps what arrives, which the garbage collector would otherwise give back at any time. */
  readonly taken: unknown[] = [];

  remote_new(): Referenceable {
    return new Referenceable();
  }
  remote_several(count: number): Referenceable[] {
    return Array.from({ length: count }, () => new Referenceable());
  }
  remote_take(things: unknown[]): number {
    this.taken.push(things);
    return things.length;
  }
}

Deno.test("[Broker tooManyRefs] maxReferences allows 1024 references, and the fourth failure closes the connection", async () => {
  const pair = await testPair(new Things());
  // As in Twisted's own test, the root and another named object count too.
  pair.server.setNameForLocal("things", new Things());
  const things = pair.client.remoteForName("things");
  const held: unknown[] = [];
  const errors: unknown[] = [];
  while (errors.length < 4) {
    await things.callRemote("new").then((thing) => held.push(thing), (error) => errors.push(error));
  }
  assertEquals(held.length, MAX_BROKER_REFS - 1);
  assertEquals(errors.length, 4);
  for (const [i, error] of errors.entries()) {
    assertInstanceOf(error, PBError);
    assertInstanceOf(error, RemoteError);
    const goodbye = i === 3 ? "  Goodbye." : "";
    assertEquals(error.message, `Maximum PB reference count exceeded.${goodbye}`);
  }
  const reason = await pair.server.closed;
  assertInstanceOf(reason, LimitError);
  assertEquals(reason.message, "Maximum PB reference count exceeded.  Goodbye.");
  await pair[Symbol.asyncDispose]();
});

Deno.test("maxReferences allows new references after others were released", async () => {
  await using pair = await testPair(new Things(), { server: { limits: { maxReferences: 2 } } });
  const root = pair.client.root();
  const first = await root.callRemote("several", 2) as RemoteReference[];
  for (let strike = 1; strike <= 2; strike++) {
    // The part of the list that was already registered is taken back.
    await assertRejects(() => root.callRemote("several", 2), RemoteError, "exceeded.");
    assertEquals(pair.server.counts.localObjects, 3);
  }
  for (const reference of first) reference.release();
  await settle();
  await root.callRemote("several", 2);
});

Deno.test("maxImports refuses a call with too many references, and gives them back", async () => {
  await using pair = await testPair(new Things(), { server: { limits: { maxImports: 3 } } });
  const root = pair.client.root();
  const ours = [new Referenceable(), new Referenceable(), new Referenceable()];
  assertEquals(await root.callRemote("take", ours), 3);
  const error = await assertRejects(
    () => root.callRemote("take", [new Referenceable()]),
    RemoteError,
  );
  assertEquals(error.message, "Cannot hold more than 3 references");
  assertEquals(error.remoteType, "twisted.spread.pb.Error");
  await settle();
  assertEquals(pair.client.counts.localObjects, 3);
  // References that are already held may arrive again.
  assertEquals(await root.callRemote("take", ours), 3);
});

Deno.test("limits must be positive integers", async () => {
  for (const maxCaches of [0, -1, 1.5, NaN]) {
    await assertRejects(
      () => testPair(new Things(), { client: { limits: { maxCaches } } }),
      RangeError,
      "maxCaches",
    );
  }
});

Deno.test("negotiationTimeout and callOptions() refuse times that do not fit a timer", async () => {
  const limits = { negotiationTimeout: 2 ** 31 };
  await assertRejects(
    () => testPair(new Things(), { client: { limits } }),
    RangeError,
    "the maximum is",
  );
  assertThrows(() => callOptions({ timeout: 2 ** 31 }), RangeError, "the maximum is");
});

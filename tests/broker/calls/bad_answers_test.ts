// Answers that a server should not send.

import { assertEquals, assertRejects } from "@std/assert";
import { callOptions, ProtocolError, RemoteCopy } from "@perspective/broker/broker";
import { InsecureJelly, JellyError, JellyRegistry } from "@perspective/broker/jelly";
import { rawServer } from "../raw_peer.ts";

const BAD_ANSWERS: { name: string; value: unknown; error: typeof JellyError }[] = [
  { name: "of an unknown class", value: ["os.system", ["None"]], error: InsecureJelly },
  { name: "that is an empty list", value: [], error: JellyError },
  { name: "with an unknown local object", value: ["local", 5], error: JellyError },
  {
    name: "with a dereference of no reference",
    value: ["list", ["dereference", 1]],
    error: JellyError,
  },
];

for (const { name, value, error } of BAD_ANSWERS) {
  Deno.test(`callRemote() rejects on an answer ${name}, and the connection stays open`, async () => {
    await using pair = await rawServer();
    const refused = assertRejects(() => pair.broker.root().callRemote("echo"), error);
    await pair.peer.hear();
    await pair.peer.say(["answer", 1, value]);
    await refused;
    const next = pair.broker.root().callRemote("echo");
    await pair.peer.hear();
    await pair.peer.say(["answer", 2, 5]);
    assertEquals(await next, 5);
  });
}

Deno.test("callRemote() rejects when the answer is a copy with a method named then, without calling the method", async () => {
  let asked = 0;
  class Thenable extends RemoteCopy {
    then(): void {
      asked++;
    }
  }
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("tests.Thenable", Thenable);
  await using pair = await rawServer({ registry });
  const call = pair.broker.root().callRemote("echo");
  await pair.peer.hear();
  await pair.peer.say(["answer", 1, ["tests.Thenable", ["dictionary"]]]);
  await assertRejects(() => call, ProtocolError, "it has a method then");
  assertEquals([asked, pair.broker.isClosed], [0, false]);
});

for (
  const value of [5, ["unicode", "no"], ["None"], ["list"], ["dictionary", [
    ["unicode", "then"],
    1,
  ]]]
) {
  Deno.test(`callRemote() rejects with an Error when the failure is ${JSON.stringify(value)}`, async () => {
    await using pair = await rawServer();
    const refused = assertRejects(() => pair.broker.root().callRemote("echo"), Error);
    await pair.peer.hear();
    await pair.peer.say(["error", 1, value]);
    await refused;
    assertEquals(pair.broker.isClosed, false);
  });
}

Deno.test("callRemote() rejects with an Error when fields of the failure are missing or malformed", async () => {
  await using pair = await rawServer();
  const tag = "twisted.spread.pb.CopyableFailure";
  const states = [
    ["None"],
    5,
    ["dictionary"],
    ["dictionary", [["unicode", "type"], 5], [["unicode", "value"], ["list"]]],
    ["dictionary", [["unicode", "parents"], 5], [["unicode", "__proto__"], ["None"]]],
    ["dictionary", [["unicode", "parents"], ["list", 1, ["None"], ["unicode", "constructor"]]]],
    ["dictionary", [["unicode", "traceback"], ["dictionary"]], [["unicode", "stack"], 7]],
  ];
  for (const [i, state] of states.entries()) {
    const refused = assertRejects(() => pair.broker.root().callRemote("echo"), Error);
    await pair.peer.hear();
    await pair.peer.say(["error", i + 1, [tag, state]]);
    await refused;
  }
  assertEquals(pair.broker.isClosed, false);
});

Deno.test("Broker ignores a late answer to an aborted call, even if it is malformed", async () => {
  await using pair = await rawServer();
  const root = pair.broker.root();
  const late = [
    ["error", 1, ["twisted.spread.pb.CopyableFailure", ["dictionary"]]],
    ["error", 2, 5],
    ["answer", 3, ["os.system", ["None"]]],
  ];
  for (const message of late) {
    const controller = new AbortController();
    const call = root.callRemote("echo", callOptions({ signal: controller.signal }));
    await pair.peer.hear();
    controller.abort();
    await assertRejects(() => call, DOMException);
    await pair.peer.say(message);
  }
  const next = root.callRemote("echo");
  await pair.peer.hear();
  await pair.peer.say(["answer", 4, 5]);
  assertEquals(await next, 5);
  assertEquals(pair.broker.counts.callsOut, 0);
});

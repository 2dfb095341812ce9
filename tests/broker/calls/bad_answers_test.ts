// What a server should not answer.

import { assertEquals, assertRejects } from "@std/assert";
import { callOptions } from "@perspective/broker/broker";
import { InsecureJelly, JellyError } from "@perspective/broker/jelly";
import { rawServer } from "../raw_peer.ts";

const BAD_ANSWERS: { name: string; value: unknown; error: typeof JellyError }[] = [
  { name: "of a class that is not known", value: ["os.system", ["None"]], error: InsecureJelly },
  { name: "that is an empty list", value: [], error: JellyError },
  { name: "with a local object that is none", value: ["local", 5], error: JellyError },
  { name: "that refers to nowhere", value: ["list", ["dereference", 1]], error: JellyError },
];

for (const { name, value, error } of BAD_ANSWERS) {
  Deno.test(`an answer ${name} fails its call, and the connection goes on`, async () => {
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

for (
  const value of [5, ["unicode", "no"], ["None"], ["list"], ["dictionary", [
    ["unicode", "then"],
    1,
  ]]]
) {
  Deno.test(`an error that is ${JSON.stringify(value)} rejects its call with an Error`, async () => {
    await using pair = await rawServer();
    const refused = assertRejects(() => pair.broker.root().callRemote("echo"), Error);
    await pair.peer.hear();
    await pair.peer.say(["error", 1, value]);
    await refused;
    assertEquals(pair.broker.isClosed, false);
  });
}

Deno.test("a failure without fields, or with strange ones, rejects its call with an Error", async () => {
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

Deno.test("an error that comes for a call that was given up is dropped", async () => {
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

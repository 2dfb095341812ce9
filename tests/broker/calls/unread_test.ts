// References in messages that cannot be read to the end: the peer has counted them.

import { assertEquals, assertRejects } from "@std/assert";
import { Root } from "@perspective/broker/broker";
import { JellyError } from "@perspective/broker/jelly";
import { flavorRegistry } from "../flavor_classes.ts";
import { collectUntil } from "../gc.ts";
import { rawClient, type RawPeer, rawServer, type Said } from "../raw_peer.ts";

const BAD = ["local", 55];
const KEY = ["unicode", "a"];

const CASES: { name: string; value: unknown[]; released: Said[] }[] = [
  {
    name: "a reference for each arrival",
    value: ["list", BAD, ["remote", 7], ["tuple", ["remote", 8], ["remote", 7]]],
    released: [["decref", 7], ["decref", 8], ["decref", 7]],
  },
  {
    name: "caches that arrive again",
    value: ["list", BAD, ["cached", 3], ["remote", 4]],
    released: [["decache", 3], ["decref", 4]],
  },
  {
    name: "references in the state of an object of an unknown class",
    value: ["shop.Order", ["dictionary", [KEY, ["remote", 7]]]],
    released: [["decref", 7]],
  },
  {
    name: "references that are keys and values of dictionaries",
    value: ["list", BAD, ["dictionary", [["remote", 1], ["remote", 2]], [KEY, 1.5]], ["remote", 3]],
    released: [["decref", 1], ["decref", 2], ["decref", 3]],
  },
  {
    name: "shared references and those behind values of every kind",
    value: [
      ...["list", BAD, 1.5, -1, "bytes", ["unicode", "text"], ["None"], [], [[1, 2, 3], "remote"]],
      ["reference", 1, ["list", ["remote", 2 ** 40]]],
      ["dereference", 1],
    ],
    released: [["decref", 2 ** 40]],
  },
  {
    name: "nothing that only looks like a reference",
    value: [
      ...["list", BAD, ["dictionary", ["remote", 7], ["cached", 8]], ["tuple", "remote", 7]],
      ...[["remote"], ["remote", "root"], ["remote", ["list"]], ["remote", 1.5], ["remotely", 7]],
    ],
    released: [],
  },
  {
    name: "no reference behind a tag that is not UTF-8",
    value: ["list", BAD, ["remote", 6], [{ hex: "ff" }, 1], ["remote", 7]],
    released: [["decref", 6]],
  },
];

/** Hears what comes before an answer that the peer asks for. */
async function heard(peer: RawPeer): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let one = await peer.ask(["message", 99, "none", "x", 1, ["tuple"], ["dictionary"]]);;) {
    if ((one as unknown[])[0] === "error") return all;
    all.push(one);
    one = await peer.hear();
  }
}

for (const { name, value, released } of CASES) {
  Deno.test(`Broker that cannot read an answer gives back ${name}`, async () => {
    await using pair = await rawServer();
    const refused = assertRejects(() => pair.broker.root().callRemote("echo"), JellyError);
    await pair.peer.hear();
    await pair.peer.say(["answer", 1, value]);
    await refused;
    assertEquals(await heard(pair.peer), released);
  });

  Deno.test(`Broker that cannot read a call gives back ${name}`, async () => {
    await using pair = await rawClient(new Root());
    await pair.peer.say(["message", 1, "root", "x", 0, ["tuple", value], ["dictionary"]]);
    assertEquals(await heard(pair.peer), released);
  });
}

Deno.test("Broker gives back references in the keyword arguments of a call whose arguments it cannot read", async () => {
  await using pair = await rawClient(new Root());
  const keywords = ["dictionary", [KEY, ["remote", 7]]];
  await pair.peer.say(["message", 1, "root", "x", 0, ["tuple", BAD], keywords]);
  assertEquals(await heard(pair.peer), [["decref", 7]]);
});

Deno.test("Broker gives back references in a call or an update of an unknown object", async () => {
  await using pair = await rawClient(new Root(), { registry: flavorRegistry() });
  for (const command of ["message", "cachemessage"]) {
    await pair.peer.say([command, 1, 77, "x", 0, ["tuple", ["remote", 7]], ["dictionary"]]);
    assertEquals(await heard(pair.peer), [["decref", 7]]);
  }
});

Deno.test("Broker gives back a reference before the fault once, when it is collected", async () => {
  await using pair = await rawServer();
  const refused = assertRejects(() => pair.broker.root().callRemote("echo"), JellyError);
  await pair.peer.hear();
  await pair.peer.say(["answer", 1, ["list", ["remote", 7], BAD, ["remote", 8]]]);
  await refused;
  assertEquals(await pair.peer.hear(), ["decref", 8]);
  await collectUntil(() => pair.broker.counts.remoteObjects === 0);
  assertEquals(await heard(pair.peer), [["decref", 7]]);
});

Deno.test("Broker gives back at most 10,000 references of a message that it cannot read", async () => {
  await using pair = await rawClient(new Root());
  const many = Array.from({ length: 10_001 }, (_, i) => ["remote", i]);
  await pair.peer.say(["message", 1, "root", "x", 0, ["tuple", BAD, ...many], ["dictionary"]]);
  assertEquals((await heard(pair.peer)).length, 10_000);
});

Deno.test("Broker gives back nothing for keyword arguments that are results, whatever their names", async () => {
  await using pair = await rawClient(new Root(), { hello: false });
  await pair.peer.hear();
  await pair.peer.ask("perspective-1", ["version", 6]);
  const names = ["first", "remote", "cached"];
  const keywords = ["dictionary", ...names.map((name) => [["unicode", name], ["None"]])];
  const results = names.map((name) => [name, 1]);
  await pair.peer.say(["message", 2, "root", "x", 0, ["tuple", BAD], keywords, results]);
  assertEquals(await heard(pair.peer), []);
});

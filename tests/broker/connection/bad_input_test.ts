// Messages that a peer should not send: some end the connection, others one call.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ProtocolError, Root } from "@perspective/broker/broker";
import { BananaError } from "@perspective/broker/jelly/banana";
import "../../proto.ts";
import { call, ECHO, endOf, FATAL, Service } from "../bad_bytes.ts";
import { settle } from "../pair.ts";
import { failureIn, rawClient, rawServer } from "../raw_peer.ts";

for (const { name, said, error, options } of FATAL) {
  Deno.test(`Broker closes the connection after ${name}`, async () => {
    await using pair = await rawClient(new Service(), options);
    assertEquals(await pair.peer.ask(ECHO), ["answer", 9, 9]);
    await pair.peer.say(said);
    const reason = await endOf(pair.broker);
    assert(reason instanceof ProtocolError || reason instanceof BananaError, reason.name);
    assertStringIncludes(reason.message, error);
    assertEquals(pair.log.map(({ level }) => level), ["warning"]);
    assertEquals(await pair.peer.hear(), undefined);
  });
}

Deno.test("Broker closes the connection after a second answer to one call", async () => {
  await using pair = await rawServer();
  const first = pair.broker.root().callRemote("echo", 1);
  await pair.peer.hear();
  await pair.peer.say(["answer", 1, 5], ["answer", 1, 6]);
  assertEquals(await first, 5);
  assertStringIncludes((await endOf(pair.broker)).message, "request 1: there is none");
});

Deno.test("Broker closes the connection after a decref of a named object", async () => {
  await using pair = await rawClient(new Service());
  pair.broker.setNameForLocal("thing", new Service());
  await pair.peer.say(["decref", "thing"]);
  assertStringIncludes((await endOf(pair.broker)).message, 'object "thing"');
});

Deno.test("Broker closes the connection after one decref too many", async () => {
  await using pair = await rawClient(new Service());
  assertEquals(await pair.peer.ask(call("thing")), ["answer", 1, ["remote", 1]]);
  await pair.peer.say(["decref", 1], ["decref", 1]);
  assertStringIncludes((await endOf(pair.broker)).message, 'object "1"');
});

// Messages that spoil one call at most.

Deno.test("Broker answers an unknown message with didNotUnderstand, and the connection stays open", async () => {
  await using pair = await rawClient(new Service());
  for (const name of ["frobnicate", "__proto__", "constructor", "expressionReceived", ""]) {
    assertEquals(await pair.peer.ask([name, 1, [2]]), ["didNotUnderstand", name]);
  }
  await pair.peer.say(["didNotUnderstand", "what"], ["didNotUnderstand"]);
  assertEquals(await pair.peer.ask(ECHO), ["answer", 9, 9]);
});

Deno.test("Broker logs text of a peer escaped, on one line, and shortened", async () => {
  await using pair = await rawClient(new Service());
  await pair.peer.ask(["x\ny\u2028\x1b[31m"]);
  await pair.peer.ask(["message", 1, "root", `a\r\nb${"c".repeat(5000)}`, 1, ["tuple"], [
    "dictionary",
  ]]);
  await pair.peer.say(["decref", "\x9b"]);
  await endOf(pair.broker);
  const [unknown, failed, closed] = pair.log.map(({ message }) => message);
  assertStringIncludes(unknown!, '"x\\u{a}y\\u{2028}\\u{1b}[31m"');
  assertStringIncludes(failed!, '"a\\u{d}\\u{a}bccc');
  assert(failed!.length < 1100);
  assertStringIncludes(closed!, '"\\u{9b}"');
});

const BAD_CALLS: { name: string; said: unknown[]; error: string }[] = [
  {
    name: "on an unknown object",
    said: ["message", 1, 99, "echo", 1, ["tuple"], ["dictionary"]],
    error: "Invalid Object ID",
  },
  {
    name: "on a negative object",
    said: ["message", 1, -1, "echo", 1, ["tuple"], ["dictionary"]],
    error: "Invalid Object ID",
  },
  {
    name: "on a huge object",
    said: ["message", 1, { int: "99999999999999999999" }, "echo", 1, ["tuple"], ["dictionary"]],
    error: "Invalid Object ID",
  },
  {
    name: "on an unknown name",
    said: ["message", 1, "boss", "echo", 1, ["tuple"], ["dictionary"]],
    error: "Invalid Object ID",
  },
  {
    name: "on __proto__ as its object",
    said: ["message", 1, "__proto__", "echo", 1, ["tuple"], ["dictionary"]],
    error: "Invalid Object ID",
  },
  { name: "of an unknown method", said: call("missing"), error: "No such method: remote_missing" },
  {
    name: "of a method named constructor",
    said: call("constructor"),
    error: "No such method: remote_constructor",
  },
  {
    name: "of a method named __proto__",
    said: call("__proto__"),
    error: "No such method: remote___proto__",
  },
  { name: "of a method without a name", said: call(""), error: "No such method: remote_" },
  {
    name: "whose arguments are a number",
    said: ["message", 1, "root", "echo", 1, 5, ["dictionary"]],
    error: "neither a tuple nor a list",
  },
  {
    name: "whose arguments are text",
    said: ["message", 1, "root", "echo", 1, ["unicode", "a"], ["dictionary"]],
    error: "neither a tuple nor a list",
  },
  {
    name: "whose arguments are an empty list",
    said: ["message", 1, "root", "echo", 1, [], ["dictionary"]],
    error: "neither a tuple nor a list",
  },
  {
    name: "whose arguments are a dictionary",
    said: ["message", 1, "root", "echo", 1, ["dictionary"], ["dictionary"]],
    error: "neither a tuple nor a list",
  },
  {
    name: "whose keywords are a list",
    said: ["message", 1, "root", "echo", 1, ["tuple"], ["list"]],
    error: "dictionary",
  },
  {
    name: "whose keywords are a number",
    said: ["message", 1, "root", "echo", 1, ["tuple"], 5],
    error: "dictionary",
  },
  {
    name: "with a keyword that is a number",
    said: ["message", 1, "root", "echo", 1, ["tuple"], ["dictionary", [1, 2]]],
    error: "text",
  },
  {
    name: "with a class that is not registered",
    said: call("echo", ["os.system", ["dictionary"]]),
    error: "os.system",
  },
  { name: "with a type that is not allowed", said: call("echo", ["exec", "rm"]), error: "exec" },
  { name: "with a dictionary of a number", said: call("echo", ["dictionary", [1]]), error: "pair" },
  {
    name: "with a boolean that is neither true nor false",
    said: call("echo", ["boolean", "perhaps"]),
    error: "boolean",
  },
  { name: "with text that is a number", said: call("echo", ["unicode", 5]), error: "text" },
  {
    name: "with text that is not UTF-8",
    said: call("echo", ["unicode", { hex: "c3" }]),
    error: "UTF-8",
  },
  {
    name: "with a date that does not exist",
    said: call("echo", ["date", "2026 13 99"]),
    error: "date",
  },
  {
    name: "with a dereference of no reference",
    said: call("echo", ["dereference", 5]),
    error: "reference",
  },
  { name: "with a list without a tag", said: call("echo", [[]]), error: "tag" },
  { name: "with an empty list", said: call("echo", []), error: "empty" },
  {
    name: "with an unknown local object",
    said: call("echo", ["local", 5]),
    error: "local object 5",
  },
  { name: "with a remote object without a number", said: call("echo", ["remote"]), error: "short" },
  {
    name: "with a remote object numbered by a list",
    said: call("echo", ["remote", [1]]),
    error: "reference",
  },
];

for (const { name, said, error } of BAD_CALLS) {
  Deno.test(`Broker answers a call ${name} with an error, and the connection stays open`, async () => {
    await using pair = await rawClient(new Service());
    const before = pair.broker.counts;
    const answer = await pair.peer.ask(said);
    assertEquals((answer as unknown[]).slice(0, 2), ["error", 1]);
    assertStringIncludes(failureIn(answer).value as string, error);
    assertEquals(pair.broker.counts, { ...before });
    // The same call without an answer.
    await pair.peer.say(said.map((part, i) => i === 4 ? 0 : part));
    assertEquals(await pair.peer.ask(ECHO), ["answer", 9, 9]);
  });
}

Deno.test("Broker answers a call under its number, however large or negative", async () => {
  await using pair = await rawClient(new Service());
  for (const id of [0, -5, 2 ** 31, 2 ** 40]) {
    const answer = await pair.peer.ask(["message", id, "root", "echo", 1, ["tuple", 1], [
      "dictionary",
    ]]);
    assertEquals(answer, ["answer", id, 1]);
  }
  const huge = { int: "123456789012345678901234567890" };
  const answer = await pair.peer.ask(["message", huge, "root", "echo", 1, ["list", 1], [
    "dictionary",
  ]]);
  assertEquals(answer, ["answer", 123456789012345678901234567890n, 1]);
});

Deno.test("Broker treats names of Object.prototype as ordinary keys and keywords", async () => {
  await using pair = await rawClient(new Service());
  const names = ["__proto__", "constructor", "prototype", "then", "toJSON", "hasOwnProperty"];
  const pairs = names.map((name) => [["unicode", name], ["dictionary", [["unicode", "x"], 1]]]);
  const dictionary = ["dictionary", ...pairs];
  assertEquals(await pair.peer.ask(call("echo", ["list", dictionary])), ["answer", 1, [
    "list",
    dictionary,
  ]]);
  const keywords = ["message", 1, "root", "names", 1, ["tuple"], dictionary];
  assertEquals(await pair.peer.ask(keywords), ["answer", 1, [
    "list",
    ...names.map((name) => ["unicode", name]),
  ]]);
  assertEquals(({} as Record<string, unknown>).x, undefined);
  assertEquals(Object.keys(Object.prototype), []);
});

Deno.test("Broker receives and sends a value just within maxDepth", async () => {
  await using pair = await rawClient(new Service());
  let deep: unknown = 1;
  for (let i = 0; i < 1000; i++) deep = ["list", deep];
  assertEquals(await pair.peer.ask(call("echo", deep)), ["answer", 1, deep]);
});

Deno.test("Broker shortens unknown messages in its replies, and stops reading until the replies are read", async () => {
  await using pair = await rawClient(new Root(), { limits: { highWaterMark: 10_000 } });
  const long = "x".repeat(50_000);
  assertEquals(await pair.peer.ask([long]), ["didNotUnderstand", long.slice(0, 40)]);
  // The second half of a character that is cut in two goes; the first is replaced.
  const cut = `${long.slice(0, 39)}\u{1f600}`;
  assertEquals(await pair.peer.ask([cut]), ["didNotUnderstand", `${cut.slice(0, 39)}\ufffd`]);
  // The peer does not read, so after a while nothing that it sends is read.
  const saying = pair.peer.say(...Array<string[]>(5000).fill([long]));
  await settle();
  await settle();
  const { bytesReceived } = pair.broker.traffic;
  assert(pair.broker.counts.bufferedBytes < 100_000, `${pair.broker.counts.bufferedBytes}`);
  assert(bytesReceived < 5000 * 50_000, `${bytesReceived}`);
  pair.peer.close();
  await saying.catch(() => {});
});

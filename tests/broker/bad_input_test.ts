// What a peer may say that it should not: to both ends, at each stage of a connection.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  type Broker,
  type BrokerOptions,
  type Kwargs,
  PBServerFactory,
  ProtocolError,
  Referenceable,
  type RemoteReference,
  Root,
  serve,
} from "@perspective/broker/broker";
import { InsecureJelly, JellyError } from "@perspective/broker/jelly";
import { BananaError } from "@perspective/broker/jelly/banana";
import { memoryPair } from "@perspective/broker/transport";
import { settle } from "./pair.ts";
import {
  assertNothingLeft,
  failureIn,
  HELLO,
  rawClient,
  RawPeer,
  rawServer,
  type Said,
} from "./raw_peer.ts";

class Thing extends Referenceable {}

class Service extends Root {
  readonly thing = new Thing();
  remote_echo(...args: unknown[]): unknown {
    return args[0];
  }
  remote_names(...args: unknown[]): string[] {
    return Object.keys(args.at(-1) as Kwargs);
  }
  remote_thing(): Thing {
    return this.thing;
  }
  remote_call(reference: RemoteReference): Promise<unknown> {
    return reference.callRemote("name");
  }
}

const ECHO = ["message", 9, "root", "echo", 1, ["tuple", 9], ["dictionary"]];

/** A call of the root object. */
function call(method: string, ...args: unknown[]): unknown[] {
  return ["message", 1, "root", method, 1, ["tuple", ...args], ["dictionary"]];
}

/** Bytes of ASCII text. */
function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A prefix in base 128, and a type byte. */
function head(prefix: number, type: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = prefix; rest !== 0; rest = Math.floor(rest / 128)) bytes.push(rest % 128);
  return Uint8Array.of(...bytes, type);
}

/** Lists in each other, so many that the innermost one is that deep. */
function nested(depth: number): Uint8Array {
  const bytes = new Uint8Array(2 * depth);
  for (let i = 0; i < depth; i++) bytes.set([1, 0x80], 2 * i);
  return Uint8Array.of(...bytes, 0, 0x80);
}

/** The error that ended a connection. */
async function endOf(broker: Broker): Promise<Error> {
  const reason = await broker.closed;
  assertInstanceOf(reason, Error);
  return reason;
}

const GARBAGE = Uint8Array.from({ length: 100 }, (_, i) => 0xff - i);
const TLS_HELLO = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...GARBAGE);

const NO_CLIENTS: { name: string; said: Said; error: string }[] = [
  {
    name: "an HTTP client",
    said: ascii("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    error: "it looks like an HTTP client",
  },
  {
    name: "an HTTP client that posts",
    said: ascii(`POST /a/long/path HTTP/1.1\r\nUser-Agent: ${"x".repeat(100)}\r\n\r\n`),
    error: "it looks like an HTTP client",
  },
  { name: "a TLS client", said: TLS_HELLO, error: "it looks like TLS" },
  { name: "an SSH client", said: ascii("SSH-2.0-OpenSSH_9.2\r\n"), error: "it looks like SSH" },
  { name: "garbage", said: GARBAGE, error: "0xff is not a type byte of banana" },
  { name: "an unknown dialect", said: "klingon", error: "none that was offered" },
  { name: "a list of dialects", said: ["pb", "none"], error: "none that was offered" },
  { name: "a number for a dialect", said: 1, error: "none that was offered" },
  { name: "a call before the dialect", said: ECHO, error: "the dialect is not set" },
  {
    name: "a word of the vocabulary before the dialect",
    said: Uint8Array.of(1, 0x87),
    error: "the dialect is not set",
  },
];

for (const { name, said, error } of NO_CLIENTS) {
  Deno.test(`a server closes the connection of ${name}, and says what it saw`, async () => {
    await using pair = await rawClient(new Service(), { hello: false });
    await pair.peer.hear();
    await pair.peer.say(said);
    const reason = await endOf(pair.broker);
    assertInstanceOf(reason, ProtocolError);
    assertStringIncludes(reason.message, error);
    assertEquals(pair.log.length, 1);
    assertStringIncludes(pair.log[0]!.message, error);
    assertEquals(await pair.peer.hear(), undefined);
  });
}

const NO_SERVERS: { name: string; said: Said; error: string }[] = [
  {
    name: "an HTTP server",
    said: ascii("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
    error: "it looks like an HTTP server",
  },
  { name: "a TLS server", said: TLS_HELLO, error: "it looks like TLS" },
  { name: "an SSH server", said: ascii("SSH-2.0-OpenSSH_9.2\r\n"), error: "it looks like SSH" },
  { name: "garbage", said: GARBAGE, error: "0xff is not a type byte of banana" },
  { name: "a server of unknown dialects", said: ["klingon"], error: "none that is known" },
  { name: "a server of no dialects", said: [], error: "none that is known" },
  { name: "a server that offers numbers", said: [1, 2], error: "none that is known" },
  { name: "a server that offers no list", said: "pb", error: "none that is known" },
];

for (const { name, said, error } of NO_SERVERS) {
  Deno.test(`a client refuses ${name}, and says what it saw`, async () => {
    await using pair = await rawServer({ hello: false });
    await pair.peer.say(said);
    const refused = await assertRejects(() => pair.broker.ready, ProtocolError, error);
    assertEquals(await pair.broker.closed, refused);
    await assertRejects(() => pair.broker.root().callRemote("echo"), ProtocolError);
  });
}

Deno.test("a server takes a peer that says no version, as Twisted's does", async () => {
  await using pair = await rawClient(new Service(), { hello: false });
  await pair.peer.hear();
  assertEquals(await pair.peer.ask("pb", ECHO), ["version", 6]);
  assertEquals(await pair.peer.hear(), ["answer", 9, 9]);
});

for (const role of ["server", "client"] as const) {
  Deno.test(`a ${role} gives up a peer that says nothing`, async () => {
    using time = new FakeTime();
    const options = { hello: false, limits: { negotiationTimeout: 5000 } };
    await using pair = role === "server"
      ? await rawClient(new Service(), options)
      : await rawServer(options);
    await time.tickAsync(4999);
    assertEquals(pair.broker.isClosed, false);
    await time.tickAsync(1);
    assertEquals(pair.broker.isClosed, true);
    const refused = await assertRejects(() => pair.broker.ready, ProtocolError);
    assertStringIncludes(refused.message, "5000 ms");
    assertEquals(await pair.broker.closed, refused);
  });
}

// Messages after which the stream cannot be trusted.

const FATAL: { name: string; said: Said; error: string; options?: BrokerOptions }[] = [
  { name: "a number", said: 5, error: "it is no list" },
  { name: "a byte string", said: "message", error: "it is no list" },
  { name: "an empty list", said: [], error: "it has no name" },
  { name: "a list that begins with a number", said: [1, 2], error: "it has no name" },
  { name: "a list that begins with a list", said: [["message"]], error: "it has no name" },
  { name: "a version without a number", said: ["version"], error: "it has 0 parts, not 1" },
  { name: "another version", said: ["version", 5], error: "Version Incompatibility: 6 5" },
  { name: "a version in words", said: ["version", "6"], error: "no integer" },
  { name: "a call without arguments", said: ["message", 1, "root", "echo", 1], error: "4 parts" },
  { name: "a call with a part too many", said: [...ECHO, 1], error: "7 parts, not 6" },
  { name: "a call numbered by a text", said: ["message", "1", ...ECHO.slice(2)], error: "integer" },
  {
    name: "a call numbered by a float",
    said: ["message", { float: "1.0" }, ...ECHO.slice(2)],
    error: "no integer",
  },
  {
    name: "a call of a list",
    said: ["message", 1, ["root"], ...ECHO.slice(3)],
    error: "it names no object",
  },
  {
    name: "a method that is a number",
    said: ["message", 1, "root", 7, ...ECHO.slice(4)],
    error: "the name of the method is no byte string",
  },
  {
    name: "a method that is not UTF-8",
    said: ["message", 1, "root", { hex: "ff" }, ...ECHO.slice(4)],
    error: "UTF-8",
  },
  {
    name: "a message whose name is not UTF-8",
    said: [{ hex: "ff" }, 1],
    error: "UTF-8",
  },
  {
    name: "a wish for an answer that is a text",
    said: ["message", 1, "root", "echo", "yes", ["tuple"], ["dictionary"]],
    error: "no integer",
  },
  { name: "an answer to nothing", said: ["answer", 1, 5], error: "request 1: there is none" },
  {
    name: "an answer to a number that no request can have",
    said: ["answer", { int: "99999999999999999999" }, 5],
    error: "there is none",
  },
  { name: "an error to nothing", said: ["error", -1, 5], error: "request -1: there is none" },
  { name: "an answer without a value", said: ["answer", 1], error: "1 parts, not 2" },
  { name: "an answer to a list", said: ["answer", [1], 5], error: "no integer" },
  { name: "a decref of nothing", said: ["decref", 77], error: 'object "77"' },
  { name: "a decref of the root", said: ["decref", "root"], error: 'object "root"' },
  { name: "a decref without a number", said: ["decref"], error: "0 parts, not 1" },
  { name: "a decref of a list", said: ["decref", []], error: "it names no object" },
  { name: "a byte that is no type", said: Uint8Array.of(1, 0x99), error: "0x99" },
  { name: "a word beyond the vocabulary", said: Uint8Array.of(122, 0x87), error: "there is none" },
  {
    name: "a prefix over 64 bytes",
    said: Uint8Array.of(...new Uint8Array(65).fill(1), 0x81),
    error: "maxPrefixBytes",
  },
  { name: "a string over the limit", said: head(655_361, 0x82), error: "maxStringBytes" },
  { name: "a list over the limit", said: head(655_361, 0x80), error: "maxListItems" },
  { name: "a list of 2^30 items", said: head(2 ** 30, 0x80), error: "maxListItems" },
  { name: "lists in each other", said: nested(1025), error: "maxDepth" },
  {
    name: "a message over the limit",
    said: ["x", "a".repeat(200)],
    error: "maxMessageBytes",
    options: { limits: { maxMessageBytes: 100 } },
  },
  {
    name: "more elements than the limit",
    said: [...Array(30).keys()],
    error: "maxElements",
    options: { limits: { maxElements: 20 } },
  },
];

for (const { name, said, error, options } of FATAL) {
  Deno.test(`a broker closes the connection after ${name}`, async () => {
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

Deno.test("a broker closes the connection after an answer given twice", async () => {
  await using pair = await rawServer();
  const first = pair.broker.root().callRemote("echo", 1);
  await pair.peer.hear();
  await pair.peer.say(["answer", 1, 5], ["answer", 1, 6]);
  assertEquals(await first, 5);
  assertStringIncludes((await endOf(pair.broker)).message, "request 1: there is none");
});

Deno.test("a broker closes the connection after a decref too many", async () => {
  await using pair = await rawClient(new Service());
  assertEquals(await pair.peer.ask(call("thing")), ["answer", 1, ["remote", 1]]);
  await pair.peer.say(["decref", 1], ["decref", 1]);
  assertStringIncludes((await endOf(pair.broker)).message, 'object "1"');
});

// Messages that are the fault of one call, or of none.

Deno.test("a message of an unknown name is not understood, and the connection goes on", async () => {
  await using pair = await rawClient(new Service());
  for (const name of ["frobnicate", "__proto__", "constructor", "expressionReceived", ""]) {
    assertEquals(await pair.peer.ask([name, 1, [2]]), ["didNotUnderstand", name]);
  }
  await pair.peer.say(["didNotUnderstand", "what"], ["didNotUnderstand"]);
  assertEquals(await pair.peer.ask(ECHO), ["answer", 9, 9]);
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
    name: "on a name of Object's",
    said: ["message", 1, "__proto__", "echo", 1, ["tuple"], ["dictionary"]],
    error: "Invalid Object ID",
  },
  { name: "of an unknown method", said: call("missing"), error: "No such method: remote_missing" },
  {
    name: "of a method of Object's",
    said: call("constructor"),
    error: "No such method: remote_constructor",
  },
  { name: "of the prototype", said: call("__proto__"), error: "No such method: remote___proto__" },
  { name: "of no name", said: call(""), error: "No such method: remote_" },
  {
    name: "whose arguments are a number",
    said: ["message", 1, "root", "echo", 1, 5, ["dictionary"]],
    error: "neither tuple nor list",
  },
  {
    name: "whose arguments are text",
    said: ["message", 1, "root", "echo", 1, ["unicode", "a"], ["dictionary"]],
    error: "neither tuple nor list",
  },
  {
    name: "whose arguments are an empty list",
    said: ["message", 1, "root", "echo", 1, [], ["dictionary"]],
    error: "neither tuple nor list",
  },
  {
    name: "whose arguments are a dictionary",
    said: ["message", 1, "root", "echo", 1, ["dictionary"], ["dictionary"]],
    error: "neither tuple nor list",
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
    name: "with a class that nobody registered",
    said: call("echo", ["os.system", ["dictionary"]]),
    error: "os.system",
  },
  { name: "with a type that is not allowed", said: call("echo", ["exec", "rm"]), error: "exec" },
  { name: "with a dictionary of no pairs", said: call("echo", ["dictionary", [1]]), error: "pair" },
  {
    name: "with a boolean that is neither",
    said: call("echo", ["boolean", "perhaps"]),
    error: "boolean",
  },
  { name: "with text that is a number", said: call("echo", ["unicode", 5]), error: "text" },
  {
    name: "with text that is not UTF-8",
    said: call("echo", ["unicode", { hex: "c3" }]),
    error: "UTF-8",
  },
  { name: "with a date that is none", said: call("echo", ["date", "2026 13 99"]), error: "date" },
  {
    name: "with a reference to nowhere",
    said: call("echo", ["dereference", 5]),
    error: "reference",
  },
  { name: "with a list of no kind", said: call("echo", [[]]), error: "tag" },
  { name: "with an empty list", said: call("echo", []), error: "empty" },
  {
    name: "with a local object that is none",
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
  Deno.test(`a call ${name} fails, and the connection goes on`, async () => {
    await using pair = await rawClient(new Service());
    const before = pair.broker.counts;
    const answer = await pair.peer.ask(said);
    assertEquals((answer as unknown[]).slice(0, 2), ["error", 1]);
    assertStringIncludes(failureIn(answer).value as string, error);
    assertEquals(pair.broker.counts, { ...before });
    // Nobody waits for the answer to this one, but somebody should look at the fault.
    await pair.peer.say(said.map((part, i) => i === 4 ? 0 : part));
    assertEquals(await pair.peer.ask(ECHO), ["answer", 9, 9]);
  });
}

Deno.test("a call with any number is answered under that number", async () => {
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

Deno.test("names of Object's are ordinary keys and keywords, and pollute nothing", async () => {
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

Deno.test("a very deep value within the limit is taken and sent", async () => {
  await using pair = await rawClient(new Service());
  let deep: unknown = 1;
  for (let i = 0; i < 1000; i++) deep = ["list", deep];
  assertEquals(await pair.peer.ask(call("echo", deep)), ["answer", 1, deep]);
});

// What a server may answer.

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

// Peers that vanish.

Deno.test("a server outlives a client that vanishes after any byte", async () => {
  const said = new RecordedBytes();
  await said.add(...HELLO, call("thing"), call("call", ["remote", 1]), ECHO);
  for (let length = 0; length <= said.bytes.length; length++) {
    await using pair = await rawClient(new Service(), { hello: false });
    await pair.peer.say(said.bytes.subarray(0, length));
    await settle();
    pair.peer.close();
    await pair.broker.closed;
    assertNothingLeft(pair.broker);
    assertEquals(pair.log.filter(({ level }) => level === "error"), []);
  }
});

Deno.test("a client outlives a server that vanishes after any byte, and every call settles", async () => {
  const hello = new RecordedBytes();
  await hello.add(["pb", "none"], ["version", 6]);
  const said = new RecordedBytes();
  await said.add(["pb", "none"], ["version", 6], ["answer", 1, ["remote", 1]]);
  for (let length = 0; length <= said.bytes.length; length++) {
    await using pair = await rawServer({ hello: false });
    const call = pair.broker.root().callRemote("thing").then(() => "answered", () => "failed");
    await pair.peer.say(hello.bytes.subarray(0, length));
    await settle();
    await pair.peer.say(said.bytes.subarray(hello.bytes.length, length));
    await settle();
    pair.peer.close();
    await pair.broker.closed;
    assertEquals(await call, length === said.bytes.length ? "answered" : "failed");
    assertNothingLeft(pair.broker);
  }
});

Deno.test("[Broker immediateClose] a connection that closes before any byte is no error", async () => {
  await using pair = await rawClient(new Service(), { hello: false });
  pair.peer.close();
  await pair.broker.closed;
  assertEquals(pair.log, []);
});

Deno.test("what comes byte by byte is what comes at once", async () => {
  const [here, there] = memoryPair({ chunkSize: 1 });
  const factory = new PBServerFactory(new Service(), { log: () => {} });
  await using server = factory.buildBroker(there);
  using peer = new RawPeer(here.transport);
  await peer.hear();
  assertEquals(await peer.ask(...HELLO), ["version", 6]);
  assertEquals(await peer.ask(ECHO, call("missing"), ECHO), ["answer", 9, 9]);
  assertEquals(failureIn(await peer.hear()).type, "twisted.spread.flavors.NoSuchMethod");
  assertEquals(await peer.hear(), ["answer", 9, 9]);
  assertEquals(server.isClosed, false);
});

/** Collects what a raw peer says. */
class RecordedBytes {
  bytes = new Uint8Array(0);
  async add(...said: Said[]): Promise<void> {
    const peer = new RawPeer({
      read: () => Promise.resolve(null),
      write: (bytes) => {
        this.bytes = Uint8Array.of(...this.bytes, ...bytes);
        return Promise.resolve(bytes.length);
      },
      close: () => {},
    });
    await peer.say(...said);
  }
}

// The same over sockets.

Deno.test("a server on TCP goes on while clients of all bad kinds come and go", async () => {
  const seen: string[] = [];
  await using server = serve(new Service(), {
    hostname: "127.0.0.1",
    port: 0,
    log: ({ message }) => seen.push(message),
  });
  const { port } = server.addr as { port: number };
  const dial = async () => new RawPeer(await Deno.connect({ hostname: "127.0.0.1", port }));
  for (const { said, error } of NO_CLIENTS) {
    using peer = await dial();
    await peer.say(said);
    assertEquals(await peer.hearAll(), [["perspective-1", "pb", "none"]]);
    assertStringIncludes(seen.pop() ?? "", error);
  }
  for (const { said, error, options } of FATAL) {
    if (options !== undefined) continue;
    using peer = await dial();
    await peer.hear();
    assertEquals(await peer.ask(...HELLO), ["version", 6]);
    await peer.say(said);
    assertEquals(await peer.hearAll(), []);
    assertStringIncludes(seen.pop() ?? "", error);
  }
  {
    using vanishing = await dial();
    await vanishing.say(...HELLO, ECHO);
  }
  using good = await dial();
  await good.hear();
  assertEquals(await good.ask(...HELLO), ["version", 6]);
  assertEquals(await good.ask(ECHO), ["answer", 9, 9]);
});

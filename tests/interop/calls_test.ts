// Calls between us and real Twisted, in both directions.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type Broker,
  callOptions,
  CallTimeoutError,
  connect,
  DeadReferenceError,
  kwargs,
  NoSuchMethod,
  PBConnectionLost,
  PBError,
  RemoteError,
  type RemoteReference,
} from "@perspective/broker/broker";
import { Counter, EchoRoot, serveQuietly } from "./echo_root.ts";
import { startPython, twistedTest } from "./peer.ts";

/** Connects our client to a Twisted server. */
async function ourClient(script = "echo_server.py", args: string[] = []) {
  const python = await startPython(script, args);
  const broker = await connect(`pb://127.0.0.1:${python.port}`, { log: () => {} });
  return {
    broker,
    root: broker.root() as RemoteReference,
    async [Symbol.asyncDispose]() {
      await broker.close();
      await python.close();
    },
  };
}

/** Connects a Twisted client to our server. */
async function theirClient() {
  const root = new EchoRoot();
  const server = serveQuietly(root);
  const python = await startPython("console.py", ["--port", new URL(server.url).port]);
  const [broker] = server.brokers;
  return {
    root,
    broker: broker as Broker,
    python,
    repr: async (expression: string) => {
      const { repr, error, message } = await python.ask(expression);
      return repr ?? `${error}: ${message}`;
    },
    async [Symbol.asyncDispose]() {
      await python.close();
      await server.close();
    },
  };
}

twistedTest("[Broker result] callRemote() sends keyword arguments to Twisted", async () => {
  await using client = await ourClient();
  const { root } = client;
  assertEquals(await root.callRemote("kw", 1, kwargs({ to: 2, list: [3] })), [
    [1],
    { to: 2, list: [3] },
  ]);
  assertEquals(await root.callRemote("kw", kwargs({})), [[], {}]);
  assertEquals(await root.callRemote("kw", kwargs({ constructor: 1 })), [[], { constructor: 1 }]);
});

twistedTest("[Broker result] a handler receives keyword arguments from Twisted", async () => {
  await using client = await theirClient();
  assertEquals(
    await client.repr('root.callRemote("kw", 1, to=2, list=[3])'),
    "[[1], {'to': 2, 'list': [3]}]",
  );
  assertEquals(await client.repr('root.callRemote("kw")'), "[[], {}]");
  assertEquals(
    await client.repr('root.callRemote("kw", **{"__proto__": 1, "constructor": 2})'),
    "[[], {'__proto__': 1, 'constructor': 2}]",
  );
});

const MOVES = ["5", "5, to='rent'", "to='rent', amount=5", "amount=5"];
const WRONG_MOVES = ["5, amount=5", "5, into='rent'"];

twistedTest(
  "PARAMETERS accept arguments by name from Twisted, as a Twisted server does",
  async () => {
    await using ours = await theirClient();
    await using server = await startPython("echo_server.py");
    await using console = await startPython("console.py", ["--port", `${server.port}`]);
    for (const args of MOVES) {
      const call = `root.callRemote("move", ${args})`;
      assertEquals(await ours.python.ask(call), await console.ask(call), args);
    }
    for (const args of WRONG_MOVES) {
      const call = `root.callRemote("move", ${args})`;
      const [here, there] = [await ours.python.ask(call), await console.ask(call)];
      assertEquals([here.error, there.error], ["builtins.TypeError", "builtins.TypeError"], args);
    }
  },
);

twistedTest("callRemote() rejects with an error of the type that Twisted raised", async () => {
  await using client = await ourClient();
  const { root } = client;
  for (const method of ["fail", "failLater"]) {
    const known = await assertRejects(() => root.callRemote(method, "error"), PBError);
    assertEquals(known.message, "a known error");
    const own = await assertRejects(() => root.callRemote(method, "subclass"), RemoteError);
    assertEquals(own.remoteType, "interop.AppError");
    assert(own instanceof PBError);
    const value = await assertRejects(() => root.callRemote(method, "unicode"), RemoteError);
    assertEquals([value.remoteType, value.message], [
      "builtins.ValueError",
      "h\u00e9llo \u{1f600}",
    ]);
    assertEquals(value.check("builtins.ValueError"), "builtins.ValueError");
    assert(!(value instanceof PBError));
  }
  await assertRejects(() => root.callRemote("missing"), NoSuchMethod, "remote_missing");
  const missing = await assertRejects(
    () => root.callRemote("kw", kwargs({ self: 1 })),
    RemoteError,
  );
  assertEquals(missing.remoteType, "builtins.TypeError");
});

twistedTest("Twisted receives our errors with their types and messages", async () => {
  await using client = await theirClient();
  assertEquals(
    await client.repr('root.callRemote("fail", "subclass")'),
    "interop.AppError: an error of the program",
  );
  assertEquals(
    await client.repr('root.callRemote("fail", "too far")'),
    "builtins.ValueError: too far",
  );
  const trapped = 'root.callRemote("fail", "subclass").addErrback(lambda f: f.trap(pb.Error))';
  assertStringIncludes((await client.repr(trapped)) as string, "twisted.spread.pb.Error");
  assertStringIncludes(
    (await client.repr('root.callRemote("missing")')) as string,
    "twisted.spread.flavors.NoSuchMethod: No such method: remote_missing",
  );
  assertStringIncludes(
    (await client.repr("pb.RemoteReference(None, broker, 99, 0).callRemote('x')")) as string,
    "twisted.spread.pb.Error: Invalid Object ID",
  );
});

twistedTest("a call without an answer is made but not answered, in both directions", async () => {
  await using ours = await ourClient();
  assertEquals(await ours.root.callRemote("hold", 1, callOptions({ answer: false })), undefined);
  await ours.root.callRemote("fail", "value", callOptions({ answer: false }));
  assertEquals(await ours.root.callRemote("held"), [1]);
  await using theirs = await theirClient();
  assertEquals(await theirs.repr('root.callRemote("note", 1, pbanswer=False)'), "None");
  // With Twisted, any other number asks for an answer.
  assertEquals(await theirs.repr('root.callRemote("echo", 1, pbanswer=2)'), "1");
  assertEquals(await theirs.repr('root.callRemote("fail", "x", pbanswer=False)'), "None");
  assertEquals(await theirs.repr('root.callRemote("notes")'), "[1]");
  assertEquals(theirs.broker.counts.callsIn, 0);
});

twistedTest("a thousand simultaneous calls are answered, in both directions", async () => {
  await using ours = await ourClient();
  const calls = Array.from({ length: 1000 }, (_, n) => ours.root.callRemote("echo", [n, `${n}`]));
  for (const [n, answer] of (await Promise.all(calls)).entries()) {
    assertEquals(answer, [n, `${n}`]);
  }
  const back = Array.from(
    { length: 1000 },
    (_, n) => ours.root.callRemote("callMethod", new Counter(n), "add", 1),
  );
  assertEquals(await Promise.all(back), Array.from({ length: 1000 }, (_, n) => n + 1));
  await using theirs = await theirClient();
  const all = (call: string) => `all([${call} for n in range(1000)])`;
  await theirs.repr(`keep(r=${all('root.callRemote("echo", [n, str(n)])')})`);
  assertEquals(await theirs.repr("r == [[n, str(n)] for n in range(1000)]"), "True");
  await theirs.repr(`keep(r=${all('root.callRemote("callMethod", Counter(n), "add", 1)')})`);
  assertEquals(await theirs.repr("r == [n + 1 for n in range(1000)]"), "True");
});

twistedTest("callRemote() can overtake a slow call to Twisted, and can time out", async () => {
  await using client = await ourClient();
  const { root } = client;
  const slow = root.callRemote("slow", 0.2);
  assertEquals(await root.callRemote("echo", "quick"), "quick");
  await assertRejects(
    () => root.callRemote("slow", 0.1, callOptions({ timeout: 10 })),
    CallTimeoutError,
  );
  assertEquals(await slow, "slow");
  assertEquals(await root.callRemote("echo", "still there"), "still there");
});

twistedTest(
  "callRemote() rejects with PBConnectionLost when Twisted drops the connection",
  async () => {
    await using client = await ourClient();
    const { broker, root } = client;
    const heard: unknown[] = [];
    root.notifyOnDisconnect((reference) => heard.push(reference));
    const waiting = assertRejects(() => root.callRemote("slow", 60), PBConnectionLost);
    await assertRejects(() => root.callRemote("drop"), PBConnectionLost);
    await waiting;
    await broker.closed;
    assertEquals(heard, [root]);
    await assertRejects(() => root.callRemote("echo", 1), DeadReferenceError);
  },
);

twistedTest(
  "a call from Twisted fails with PBConnectionLost when Broker.close() drops the connection",
  async () => {
    await using client = await theirClient();
    const waiting = client.repr('root.callRemote("never")');
    while (client.broker.counts.callsIn === 0) await ticks();
    await client.broker.close();
    assertStringIncludes((await waiting) as string, "twisted.spread.pb.PBConnectionLost");
    assertStringIncludes(
      (await client.repr('root.callRemote("echo", 1)')) as string,
      "twisted.spread.pb.DeadReferenceError",
    );
  },
);

twistedTest("Broker closes and its tables are empty when the Twisted program ends", async () => {
  await using client = await theirClient();
  const closed = client.broker.closed;
  await client.python.close();
  await closed;
  assertEquals(Object.values(client.broker.counts).filter((count) => count !== 0), []);
});

/** Lets the event loop turn. */
function ticks(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

// References between us and real Twisted: identity, callbacks, and lifetimes.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type Broker,
  connect,
  NoSuchMethod,
  RemoteError,
  RemoteReference,
} from "@perspective/broker/broker";
import { JellyError } from "@perspective/broker/jelly";
import { Counter, EchoRoot, serveQuietly } from "./echo_root.ts";
import { startPython, twistedTest } from "./peer.ts";

twistedTest(
  "RemoteReference to a Twisted object is one object, and is the object itself when sent back",
  async () => {
    await using python = await startPython("echo_server.py");
    await using broker = await connect(`pb://127.0.0.1:${python.port}`);
    const root = broker.root();
    const counter = await root.callRemote("counter");
    assert(counter instanceof RemoteReference);
    assertStrictEquals(await root.callRemote("counter"), counter);
    assertEquals(await counter.callRemote("add", 2), 2);
    assertEquals(await root.callRemote("isCounter", counter), true);
    assertEquals(
      await root.callRemote("isCounter", await root.callRemote("echo", [counter])),
      false,
    );
    assertStrictEquals(await root.callRemote("echo", counter), counter);
  },
);

twistedTest(
  "RemoteReference.pipeline() calls the result once Twisted has returned it",
  async () => {
    await using python = await startPython("echo_server.py");
    await using broker = await connect(`pb://127.0.0.1:${python.port}`);
    const counter = broker.root().pipeline("counter");
    const sums = [2, 3].map((by) => counter.callRemote("add", by));
    assertEquals(await Promise.all(sums), [2, 5]);
    await assertRejects(
      () => broker.root().pipeline("fail", "value").callRemote("add"),
      RemoteError,
    );
    await assertRejects(() => broker.root().pipeline("count").callRemote("add"), NoSuchMethod);
  },
);

twistedTest(
  "callRemote() passes on results once Twisted has returned them, its own objects as themselves",
  async () => {
    await using python = await startPython("echo_server.py");
    await using broker = await connect(`pb://127.0.0.1:${python.port}`);
    const root = broker.root();
    const counter = root.pipeline("counter");
    const sum = counter.pipeline("add", 2);
    assertEquals(await counter.callRemote("add", sum), 4);
    assertStrictEquals(await root.callRemote("echo", counter), await counter);
    await assertRejects(() => root.callRemote("echo", root.pipeline("fail", "value")), RemoteError);
  },
);

twistedTest(
  "RemoteReference.release() removes the object from a Twisted server's table",
  async () => {
    await using python = await startPython("echo_server.py");
    await using broker = await connect(`pb://127.0.0.1:${python.port}`);
    const root = broker.root();
    const count = () => root.callRemote("count");
    assertEquals(await count(), 1);
    const counters = await root.callRemote("newCounters", 10) as RemoteReference[];
    assertEquals(await count(), 11);
    assertEquals(broker.counts.remoteObjects, 10);
    for (const counter of counters.slice(0, 4)) counter.release();
    assertEquals(await count(), 7);
    const counter = await root.callRemote("counter") as RemoteReference;
    await root.callRemote("counter");
    await root.callRemote("echo", [counter, counter]);
    assertEquals(await count(), 8);
    counter.release();
    assertEquals(await count(), 7);
    for (const rest of counters.slice(4)) rest[Symbol.dispose]();
    assertEquals(await count(), 1);
    assertEquals(broker.counts.remoteObjects, 0);
    const again = await root.callRemote("counter") as RemoteReference;
    assertEquals(await again.callRemote("add", 0), 0);
  },
);

twistedTest(
  "Broker gives back the references in a Twisted answer that it cannot read",
  async () => {
    await using python = await startPython("echo_server.py");
    await using broker = await connect(`pb://127.0.0.1:${python.port}`);
    const root = broker.root();
    const counter = await root.callRemote("counter") as RemoteReference;
    // Twisted lets go of our object before it answers, and so names one that is none.
    const lost = [new Counter(), counter, [counter]];
    await assertRejects(() => root.callRemote("echo", lost), JellyError, "holds no reference");
    assertEquals(await root.callRemote("count"), 2);
    counter.release();
    assertEquals(await root.callRemote("count"), 1);
  },
);

twistedTest("a Twisted server calls our object, and its release empties our table", async () => {
  await using python = await startPython("echo_server.py");
  await using broker = await connect(`pb://127.0.0.1:${python.port}`);
  const root = broker.root();
  const counter = new Counter(5);
  assertEquals(await root.callRemote("callMethod", counter, "add", 2), 7);
  assertEquals(await root.callRemote("callMe", counter, 1, "two"), [1, "two"]);
  await root.callRemote("hold", counter);
  assertEquals(broker.counts.localObjects, 1);
  const [held] = await root.callRemote("held") as unknown[];
  assertStrictEquals(held, counter);
  await root.callRemote("release");
  assertEquals(await root.callRemote("echo", 1), 1);
  assertEquals(broker.counts.localObjects, 0);
});

twistedTest(
  "a Twisted client calls objects of our server, and its release empties our table",
  async () => {
    await using server = serveQuietly(new EchoRoot());
    await using python = await startPython("console.py", ["--port", new URL(server.url).port]);
    const [broker] = server.brokers as ReadonlySet<Broker>;
    const repr = async (expression: string) => (await python.ask(expression)).repr;
    await repr('keep(a=root.callRemote("newCounters", 10), c=root.callRemote("counter"))');
    assertEquals(broker!.counts.localObjects, 12);
    assertEquals(await repr('root.callRemote("isCounter", c)'), "True");
    await repr('keep(d=root.callRemote("counter"))');
    assertEquals(await repr("c is d or c == d"), "True");
    assertEquals(await repr('c.callRemote("add", 3)'), "3");
    await repr('forget("a")');
    assertEquals(await repr('root.callRemote("echo", 1)'), "1");
    assertEquals(broker!.counts.localObjects, 2);
    await repr('forget("c")');
    await repr('forget("d")');
    assertEquals(await repr('root.callRemote("echo", 1)'), "1");
    assertEquals(broker!.counts.localObjects, 1);
  },
);

twistedTest(
  "RemoteReference to a Twisted client's object can be called, returned and released",
  async () => {
    await using server = serveQuietly(new EchoRoot());
    await using python = await startPython("console.py", ["--port", new URL(server.url).port]);
    const [broker] = server.brokers as ReadonlySet<Broker>;
    const repr = async (expression: string) => (await python.ask(expression)).repr;
    await repr("keep(x=Counter(5), y=Counter())");
    assertEquals(await repr('root.callRemote("callMethod", x, "add", 2)'), "7");
    assertEquals(await repr('root.callRemote("callMe", x, 1, two=2)'), "[1]");
    assertEquals(await repr("x.calls"), "[[[1], {'two': 2}]]");
    await repr('root.callRemote("hold", y)');
    assertEquals(await repr('(root.callRemote("held").addCallback(lambda h: h[0] is y))'), "True");
    assertEquals(await repr("len(broker.localObjects)"), "2");
    await repr('root.callRemote("release")');
    assertEquals(await repr("len(broker.localObjects)"), "1");
    assertEquals(await repr('root.callRemote("callMethod", x, "add", 1)'), "8");
    assertEquals(broker!.counts.remoteObjects, 1);
  },
);

twistedTest("a handler that awaits a Twisted client's object passes its error on", async () => {
  await using server = serveQuietly(new EchoRoot());
  await using python = await startPython("console.py", ["--port", new URL(server.url).port]);
  assertEquals(await python.ask('root.callRemote("callMethod", Counter(), "fail", "on purpose")'), {
    error: "interop.AppError",
    message: "on purpose",
  });
});

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  CallbackPageCollector,
  callOptions,
  getAllPages,
  kwargs,
  LimitError,
  NoSuchMethod,
  PageReceiver,
  PagingError,
  PBConnectionLost,
  PBError,
  type RemoteReference,
  Root,
  StringPager,
} from "@perspective/broker/broker";
import { JellyError, tuple } from "@perspective/broker/jelly";
import { settle, testPair } from "../pair.ts";

/** Sends pages as requested, even in ways that break the rules of collectors. */
class Server extends Root {
  collector: RemoteReference | undefined;
  remote_hold(collector: RemoteReference): void {
    this.collector = collector;
  }
  remote_drop(collector: RemoteReference): void {
    collector.release();
  }
  remote_send(collector: RemoteReference, page: unknown, times: number): void {
    for (let i = 0; i < times; i++) {
      collector.callRemote("gotPage", page, callOptions({ answer: false }));
    }
    collector.callRemote("endedPaging", callOptions({ answer: false }));
    collector.release();
  }
  remote_fail(_collector: RemoteReference): void {
    throw new PBError("no pages today");
  }
  remote_failing(collector: RemoteReference): Promise<void> {
    return new StringPager(collector, new Uint8Array(3), {
      signal: AbortSignal.abort(new PBError("no")),
    })
      .finished;
  }
  remote_args(collector: RemoteReference, ...args: unknown[]): void {
    this.remote_send(collector, args, 1);
  }
}

/** Makes a collector, and a promise of its pages. */
function collecting(options: { maxBytes?: number } = {}) {
  const { promise, resolve, reject } = Promise.withResolvers<unknown[]>();
  promise.catch(() => {});
  const collector = new CallbackPageCollector(resolve, { errback: reject, ...options });
  return { collector, pages: promise };
}

Deno.test("CallbackPageCollector can be sent again after a failed call, and fails when it is released", async () => {
  await using pair = await testPair(new Server());
  const root = pair.client.root();
  const { collector, pages } = collecting();
  await assertRejects(() => root.callRemote("drop", collector, () => {}), JellyError);
  assertEquals(pair.client.counts.localObjects, 0);
  await root.callRemote("drop", collector);
  await assertRejects(() => pages, PagingError, "stopped before the last one");

  const again = collecting();
  await root.callRemote("hold", again.collector);
  // The other end still holds it from the first call.
  await assertRejects(() => root.callRemote("hold", again.collector, () => {}), JellyError);
  await root.callRemote("send", again.collector, "page", 2);
  assertEquals(await again.pages, ["page", "page"]);
});

Deno.test("getAllPages() resolves with the pages unchanged, and passes arguments on", async () => {
  await using pair = await testPair(new Server());
  const root = pair.client.root();
  assertEquals(await getAllPages(root, "send", tuple("a", null), 2), [
    tuple("a", null),
    tuple("a", null),
  ]);
  assertEquals(await getAllPages(root, "send", "x", 0), []);
  assertEquals(await getAllPages(root, "args", 1, "two"), [[1, "two"]]);
});

Deno.test("getAllPages() rejects with the error of the call", async () => {
  await using pair = await testPair(new Server());
  const root = pair.client.root();
  await assertRejects(() => getAllPages(root, "fail"), PBError, "no pages today");
  await assertRejects(() => getAllPages(root, "nothing"), NoSuchMethod);
  await assertRejects(() => getAllPages(root, "hold", () => {}), Error, "args[1]");
});

Deno.test("getAllPages() rejects when the collector is released before the end", async () => {
  await using pair = await testPair(new Server());
  await assertRejects(() => getAllPages(pair.client.root(), "drop"), PagingError, "stopped before");
  // The answer, which comes later, may give the reason.
  await assertRejects(() => getAllPages(pair.client.root(), "failing"), PBError, "no");
});

Deno.test("getAllPages() rejects when the connection is lost, before the end or before the call", async () => {
  const pair = await testPair(new Server());
  const root = pair.client.root();
  const lost = assertRejects(
    () => getAllPages(root, "hold"),
    PBConnectionLost,
    "Cannot collect pages",
  );
  await settle();
  await pair[Symbol.asyncDispose]();
  await lost;
  await assertRejects(() => getAllPages(root, "hold"), Error, "the connection is closed");
});

Deno.test("CallbackPageCollector fails over maxBytes, and drops further pages", async () => {
  await using pair = await testPair(new Server());
  const { collector, pages } = collecting({ maxBytes: 1000 });
  await pair.client.root().callRemote("send", collector, new Uint8Array(300), 1000);
  const error = await assertRejects(() => pages, LimitError, "more than 1000 bytes");
  assertEquals(error.limit, "maxBytes");
  assert(collector.isOver);
  assertEquals(pair.clientLog, [], "too many pages from a peer are not logged");
  assertThrows(() => new CallbackPageCollector(() => {}, { maxBytes: 0 }), RangeError, "maxBytes");
});

Deno.test("CallbackPageCollector calls back only once, even if more messages follow the end", async () => {
  const server = new Server();
  await using pair = await testPair(server);
  let called = 0;
  const collector = new CallbackPageCollector(() => called++, { errback: () => called++ });
  await pair.client.root().callRemote("hold", collector);
  using reference = server.collector!;
  await reference.callRemote("gotPage", 1);
  await reference.callRemote("endedPaging");
  await assertRejects(() => reference.callRemote("gotPage", 2), PBError, "No more pages");
  await reference.callRemote("endedPaging");
  collector.giveUp(new Error("too late"));
  assertEquals(called, 1);
  assertEquals(pair.clientLog, []);
});

Deno.test("CallbackPageCollector without an errback gives up silently", async () => {
  await using pair = await testPair(new Server());
  const collector = new CallbackPageCollector(() => {}, { maxBytes: 1 });
  await pair.client.root().callRemote("send", collector, "xx", 1);
  await settle();
  assert(collector.isOver);
});

/** Callbacks that throw or reject. */
const BROKEN: { how: string; callback: () => unknown }[] = [
  {
    how: "throws",
    callback: () => {
      throw new TypeError("not what was expected");
    },
  },
  { how: "rejects", callback: () => Promise.reject(new TypeError("not what was expected")) },
];

for (const { how, callback } of BROKEN) {
  Deno.test(`CallbackPageCollector logs the error when its callback ${how}`, async () => {
    await using pair = await testPair(new Server());
    new CallbackPageCollector(callback).fetch(pair.client.root(), "send", "page", 1);
    await settle();
    const entries = pair.clientLog.map(({ event, error }) => [event, error instanceof TypeError]);
    assertEquals(entries, [["callbackFailed", true]]);
  });

  Deno.test(`CallbackPageCollector logs the error when its errback ${how}, whatever the reason of the failure`, async () => {
    await using pair = await testPair(new Server());
    const root = pair.client.root();
    const collector = () =>
      new CallbackPageCollector(() => {}, { errback: callback, maxBytes: 500 });
    collector().fetch(root, "fail");
    collector().fetch(root, "drop");
    collector().fetch(root, "send", new Uint8Array(1000), 1);
    collector().fetch(root, "hold", () => {});
    await root.callRemote("drop", collector());
    await settle();
    const events = pair.clientLog.map(({ event }) => event);
    assertEquals(events, Array(5).fill("callbackFailed"));
  });

  Deno.test(`PageReceiver logs the error when a method of its subclass ${how}`, async () => {
    class Broken extends PageReceiver {
      override pageReceived(): void {}
      override pagesEnded(): unknown {
        return callback();
      }
      override pagesFailed(): unknown {
        return callback();
      }
    }
    await using pair = await testPair(new Server());
    new Broken().fetch(pair.client.root(), "send", "page", 1);
    new Broken().fetch(pair.client.root(), "fail");
    await settle();
    const events = pair.clientLog.map(({ event }) => event);
    assertEquals(events, ["callbackFailed", "callbackFailed"]);
  });
}

Deno.test("PageReceiver.giveUp() throws the error of its subclass if it was not yet sent", () => {
  const collector = new CallbackPageCollector(() => {}, { errback: BROKEN[0]!.callback });
  assertThrows(() => collector.giveUp(new Error("no need")), TypeError);
  assert(collector.isOver);
});

Deno.test("PageReceiver.pagesEnded() and pagesFailed() are called once, even if it is sent again", async () => {
  const heard: string[] = [];
  class Receiver extends PageReceiver {
    override pageReceived(page: unknown): void {
      heard.push(String(page));
    }
    override pagesEnded(): void {
      heard.push("end");
    }
    override pagesFailed(error: Error): void {
      heard.push(error.name);
    }
  }
  await using pair = await testPair(new Server());
  const receiver = new Receiver();
  await pair.client.root().callRemote("send", receiver, "page", 1);
  await settle();
  await pair.client.root().callRemote("drop", receiver);
  await settle();
  assertEquals(heard, ["page", "end"]);
});

Deno.test("PageReceiver accepts a page as a keyword argument, as Twisted does", async () => {
  class Server extends Root {
    remote_pages(collector: RemoteReference): void {
      collector.callRemote("gotPage", kwargs({ page: 5 }));
      collector.callRemote("endedPaging");
    }
  }
  await using pair = await testPair(new Server());
  assertEquals(await getAllPages(pair.client.root(), "pages"), [5]);
});

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  callOptions,
  FilePager,
  pagesAsStream,
  PagingError,
  PBConnectionLost,
  PBError,
  type RemoteReference,
  Root,
  StreamPageCollector,
  StreamPager,
  StringPager,
} from "@perspective/broker/broker";
import { toBytes } from "@std/streams/to-bytes";
import { settle, settled, testPair } from "../pair.ts";

const BYTES = Uint8Array.from({ length: 100_000 }, (_, index) => index * 7);

class Server extends Root {
  collector: RemoteReference | undefined;
  sent = 0;
  remote_bytes(collector: RemoteReference, window?: number): Promise<void> {
    const options = { chunkSize: 1000, ...(window === undefined ? {} : { window }) };
    return new StringPager(collector, BYTES, options).finished;
  }
  remote_flood(collector: RemoteReference, size: number): void {
    const pages = new ReadableStream({
      pull: (controller) => {
        this.sent++;
        controller.enqueue(new Uint8Array(size));
      },
    }, { highWaterMark: 0 });
    new StreamPager(collector, pages).finished.catch(() => {});
  }
  remote_hold(collector: RemoteReference): void {
    this.collector = collector;
  }
  remote_text(collector: RemoteReference): Promise<void> {
    return new StreamPager(collector, ReadableStream.from(["a", "b"])).finished;
  }
  remote_broken(collector: RemoteReference): Promise<void> {
    const source = new ReadableStream<Uint8Array>({
      pull() {
        throw new PBError("the disk is gone");
      },
    });
    return new FilePager(collector, source).finished;
  }
  remote_ping(): string {
    return "pong";
  }
}

for (const window of [undefined, 1, 8]) {
  Deno.test(`pagesAsStream() reads all bytes, ${window ? `with a window of ${window}` : "without a window"}`, async () => {
    await using pair = await testPair(new Server());
    const args = window === undefined ? [] : [window];
    const stream = pagesAsStream(pair.client.root(), "bytes", ...args);
    assertEquals(await toBytes(stream), BYTES);
  });
}

Deno.test("StreamPageCollector holds back a pager with a window until it is read", async () => {
  await using pair = await testPair(new Server());
  const collector = new StreamPageCollector({ highWaterMark: 3000 });
  const call = pair.client.root().callRemote("bytes", collector, 4);
  await settle();
  assertEquals(pair.client.counts.callsIn, 4);
  assertEquals(await pair.client.root().callRemote("ping"), "pong");
  assertEquals(await toBytes(collector.readable), BYTES);
  await call;
});

Deno.test("StreamPageCollector accepts a bounded amount of a flood of pages, and continues when it is read", async () => {
  const server = new Server();
  await using pair = await testPair(server, {
    client: { limits: { maxCallsIn: 16 } },
    server: { limits: { highWaterMark: 64 * 1024 } },
  });
  const collector = new StreamPageCollector({ highWaterMark: 10_000 });
  await pair.client.root().callRemote("flood", collector, 1000);
  const sent = await settled(() => server.sent);
  // Pages that wait in the stream, in calls, in both brokers and in the pipe between them.
  assert(sent < 500, `${sent} pages were sent`);
  assertEquals(pair.client.counts.callsIn, 16);
  let bytes = 0;
  for await (const page of collector.readable) {
    bytes += page.length;
    if (bytes >= 2_000_000) break;
  }
  assert(server.sent > sent);
  assertEquals(pair.clientLog, []);
});

Deno.test("callRemote() gets its answer while a StreamPageCollector is not read", async () => {
  await using pair = await testPair(new Server(), { client: { limits: { maxCallsIn: 4 } } });
  const collector = new StreamPageCollector({ highWaterMark: 1000 });
  const call = pair.client.root().callRemote("bytes", collector);
  assertEquals(await pair.client.root().callRemote("ping"), "pong");
  assertEquals((await toBytes(collector.readable)).length, BYTES.length);
  await call;
});

Deno.test("StreamPageCollector yields pages that `accept` accepts, and fails on others", async () => {
  await using pair = await testPair(new Server());
  const isText = (page: unknown) => typeof page === "string";
  const texts = new StreamPageCollector({ accept: isText });
  await pair.client.root().callRemote("text", texts);
  assertEquals(await Array.fromAsync(texts.readable), ["a", "b"]);
  const stream = pagesAsStream(pair.client.root(), "text");
  await assertRejects(() => toBytes(stream), PagingError, "not of the kind");
  assertEquals(pair.clientLog, []);
  assertThrows(() => new StreamPageCollector({ highWaterMark: 0 }), RangeError, "highWaterMark");
});

Deno.test("pagesAsStream() fails with the error of the call", async () => {
  await using pair = await testPair(new Server());
  const missing = pagesAsStream(pair.client.root(), "nothing");
  await assertRejects(() => toBytes(missing), Error, "No such method");
  const broken = pagesAsStream(pair.client.root(), "broken");
  await assertRejects(() => toBytes(broken), PBError, "the disk is gone");
});

Deno.test("pagesAsStream() fails when the pager stops before the end, and when the connection is lost", async () => {
  const server = new Server();
  const pair = await testPair(server);
  const stopped = pagesAsStream(pair.client.root(), "hold");
  await settle();
  server.collector!.release();
  await assertRejects(() => toBytes(stopped), PagingError, "stopped before");
  const lost = pagesAsStream(pair.client.root(), "hold");
  await settle();
  await pair[Symbol.asyncDispose]();
  await assertRejects(() => toBytes(lost), PBConnectionLost);
});

Deno.test("StreamPageCollector that is cancelled refuses further pages, which ends a pager with a window", async () => {
  await using pair = await testPair(new Server());
  const collector = new StreamPageCollector({ highWaterMark: 1000 });
  const call = pair.client.root().callRemote("bytes", collector, 2);
  const reader = collector.readable.getReader();
  await reader.read();
  await reader.cancel();
  await assertRejects(() => call, PBError, "No more pages");

  const server = new Server();
  await using other = await testPair(server);
  const dropped = new StreamPageCollector();
  await other.client.root().callRemote("hold", dropped);
  await dropped.readable.cancel();
  using reference = server.collector!;
  await reference.callRemote("gotPage", BYTES, callOptions({ answer: false }));
  await reference.callRemote("endedPaging");
  assertEquals(other.clientLog, []);
});

Deno.test("StreamPageCollector that is cancelled ends a pager without a window after at most 16 pages", async () => {
  const stopped = Promise.withResolvers<number>();
  class Endless extends Root {
    async remote_lines(collector: RemoteReference): Promise<void> {
      let count = 0;
      const pages = new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 0));
          controller.enqueue(`line ${++count}`);
        },
        cancel: () => stopped.resolve(count),
      }, { highWaterMark: 0 });
      await new StreamPager(collector, pages).finished;
    }
  }
  await using pair = await testPair(new Endless());
  const accept = (page: unknown): page is string => typeof page === "string";
  const collector = new StreamPageCollector<string>({ accept });
  const call = pair.client.root<Endless>().callRemote("lines", collector as never);
  const failed = assertRejects(() => call, PBError);
  let read = 0;
  for await (const _line of collector.readable) if (++read === 20) break;
  assert(await stopped.promise <= 20 + 16 + 2);
  await failed;
});

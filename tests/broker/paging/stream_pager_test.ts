import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  FilePager,
  getAllPages,
  LimitError,
  PagingError,
  PBConnectionLost,
  type RemoteReference,
  Root,
  StreamPager,
} from "@perspective/broker/broker";
import { settle, settled, testPair } from "../pair.ts";
import { rawClient, type Said } from "../raw_peer.ts";

Deno.test("StreamPager.stopPaging() does not wait for a pending chunk", async () => {
  class Slow extends Root {
    pager: StreamPager | undefined;
    remote_getPages(collector: RemoteReference): void {
      const source = new ReadableStream({ start: (controller) => controller.enqueue("first") });
      this.pager = new StreamPager(collector, source);
    }
  }
  const server = new Slow();
  await using pair = await testPair(server);
  const all = getAllPages(pair.client.root(), "getPages");
  await settle();
  server.pager!.stopPaging();
  assertEquals(await all, ["first"]);
  await server.pager!.finished;
});

/** Counts how often its sources are opened. */
class Shelf extends Root {
  opened = 0;
  readonly cancelled: unknown[] = [];
  readonly pagers: StreamPager[] = [];
  remote_open(collector: RemoteReference): void {
    const open = () => {
      this.opened++;
      return ReadableStream.from([new Uint8Array(400_000), new Uint8Array(10)]);
    };
    this.pagers.push(new StreamPager(collector, open));
  }
  remote_given(collector: RemoteReference): void {
    const source = new ReadableStream<Uint8Array>({
      cancel: (reason) => void this.cancelled.push(reason),
    });
    this.pagers.push(new FilePager(collector, source));
  }
  remote_path(collector: RemoteReference): void {
    this.pagers.push(new FilePager(collector, "/nowhere/at/all"));
  }
}

function getPages(method: string): Said {
  return ["message", 1, "root", method, 0, ["tuple", ["remote", 1]], ["dictionary"]];
}

Deno.test("StreamPager does not open its source until the peer reads", async () => {
  const shelf = new Shelf();
  await using pair = await rawClient(shelf, { limits: { highWaterMark: 4096 } });
  const { peer } = pair;
  await peer.say(getPages("open"));
  await settled(() => pair.broker.counts.bufferedBytes);
  await peer.say(...Array.from({ length: 100 }, () => getPages("open")));
  await settle();
  assertEquals([shelf.pagers.length, shelf.opened], [101, 1]);
  let pages = 0;
  for (let ended = 0; ended < 101;) {
    const [, , , method] = await peer.hear() as unknown[];
    if (method === "gotPage") pages++;
    if (method === "endedPaging") ended++;
  }
  assertEquals([pages, shelf.opened], [202, 101]);
});

Deno.test("StreamPager that waits for its turn opens no source when the connection is lost, and closes a given one", async () => {
  const shelf = new Shelf();
  await using pair = await rawClient(shelf, { limits: { highWaterMark: 4096 } });
  const { peer } = pair;
  await peer.say(getPages("open"));
  await settled(() => pair.broker.counts.bufferedBytes);
  await peer.say(getPages("open"), getPages("given"), getPages("path"));
  await settle();
  peer.close();
  for (const pager of shelf.pagers) await assertRejects(() => pager.finished, PBConnectionLost);
  await settle();
  assertEquals(shelf.opened, 1);
  assertInstanceOf(shelf.cancelled[0], PBConnectionLost);
  assertEquals(shelf.cancelled.length, 1);
});

Deno.test("StreamPager.stopPaging() ends a pager that waits for its turn without opening its source", async () => {
  const shelf = new Shelf();
  await using pair = await rawClient(shelf, { limits: { highWaterMark: 4096 } });
  const { peer } = pair;
  await peer.say(getPages("open"));
  await settled(() => pair.broker.counts.bufferedBytes);
  await peer.say(getPages("open"), getPages("given"));
  await settle();
  for (const pager of shelf.pagers.slice(1)) pager.stopPaging();
  const methods: unknown[] = [];
  while (methods.length < 5) methods.push((await peer.hear() as unknown[])[3]);
  const end = "endedPaging";
  assertEquals(methods, ["gotPage", end, end, "gotPage", end]);
  await Promise.all(shelf.pagers.map((pager) => pager.finished));
  await settle();
  assertEquals([shelf.opened, shelf.cancelled], [1, [undefined]]);
});

Deno.test("FilePager over maxPagers closes the stream that it was given", async () => {
  const shelf = new Shelf();
  await using pair = await testPair(shelf, { server: { limits: { maxPagers: 1 } } });
  const root = pair.client.root();
  const first = getAllPages(root, "given");
  await assertRejects(() => getAllPages(root, "given"), PagingError);
  await settle();
  assertInstanceOf(shelf.cancelled[0], LimitError);
  shelf.pagers[0]!.stopPaging();
  assertEquals(await first, []);
});

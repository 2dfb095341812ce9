import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  type ChunkPagerOptions,
  FilePager,
  getAllPages,
  PagingError,
  PBConnectionLost,
  RemoteError,
  type RemoteReference,
  Root,
} from "@perspective/broker/broker";
import { settle, testPair } from "../pair.ts";

const BYTES = Uint8Array.from({ length: 40_000 }, (_, index) => index * 7);

type Source = ConstructorParameters<typeof FilePager>[1];

class Server extends Root {
  pager: FilePager | undefined;
  constructor(readonly source: () => Source, readonly options: ChunkPagerOptions = {}) {
    super();
  }
  remote_getPages(collector: RemoteReference): void {
    this.pager = new FilePager(collector, this.source(), this.options);
  }
  remote_finish(collector: RemoteReference): Promise<void> {
    return new FilePager(collector, this.source(), this.options).finished;
  }
}

/** Creates a file with some bytes, which is removed afterwards. */
async function temporaryFile(bytes: Uint8Array): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, bytes);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

async function pages(server: Server): Promise<Uint8Array[]> {
  await using pair = await testPair(server);
  return await getAllPages(pair.client.root(), "getPages") as Uint8Array[];
}

function sizes(all: Uint8Array[]): number[] {
  return all.map((page) => page.length);
}

Deno.test("[Broker emptyFilePaging] FilePager sends no pages of an empty file", async () => {
  await using file = await temporaryFile(new Uint8Array(0));
  assertEquals(await pages(new Server(() => file.path)), []);
});

Deno.test("[Broker filePagingWithCallback] FilePager sends a file in pages, then calls back", async () => {
  await using file = await temporaryFile(BYTES);
  const called = Promise.withResolvers<void>();
  const got = await pages(new Server(() => file.path, { callback: called.resolve }));
  assertEquals(sizes(got), [16384, 16384, 7232]);
  assertEquals(Uint8Array.from(got.flatMap((page) => [...page])), BYTES);
  await called.promise;
});

Deno.test("[Broker filePagingWithoutCallback] FilePager without a callback sends any kind of source", async () => {
  await using file = await temporaryFile(BYTES);
  const sources: (() => Source)[] = [
    () => file.path,
    () => new URL(`file://${file.path}`),
    () => Deno.openSync(file.path),
    () => new Blob([BYTES]).stream(),
    () => ReadableStream.from([BYTES.subarray(0, 1), BYTES.subarray(1, 2), BYTES.subarray(2)]),
  ];
  for (const source of sources) {
    const got = await pages(new Server(source, { chunkSize: 15_000 }));
    assertEquals(sizes(got), [15_000, 15_000, 10_000]);
    assertEquals(Uint8Array.from(got.flatMap((page) => [...page])), BYTES);
  }
});

Deno.test("FilePager.finished rejects when the file does not exist, and the error is logged", async () => {
  const server = new Server(() => "/nowhere/at/all");
  await using pair = await testPair(server);
  const missing = () => getAllPages(pair.client.root(), "finish");
  await assertRejects(missing, RemoteError, "No such file");
  assertEquals(pair.serverLog.length, 1);
  assertInstanceOf(pair.serverLog[0]!.error, Deno.errors.NotFound);
  await assertRejects(() => getAllPages(pair.client.root(), "getPages"), PagingError);
  assertEquals(pair.serverLog.length, 2);
  await assertRejects(() => server.pager!.finished, Deno.errors.NotFound);
});

Deno.test("FilePager releases the collector without an end when reading fails", async () => {
  let count = 0;
  const source = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        if (count++ === 3) throw new Error("bad sector");
        controller.enqueue(new Uint8Array(16_384));
      },
    });
  const server = new Server(source);
  await using pair = await testPair(server);
  await assertRejects(
    () => getAllPages(pair.client.root(), "getPages"),
    PagingError,
    "stopped before",
  );
  await assertRejects(() => server.pager!.finished, Error, "bad sector");
});

Deno.test("FilePager closes its source when the connection is lost, even while it waits for a chunk", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(20_000)),
    cancel: cancelled.resolve,
  });
  const server = new Server(() => source);
  const pair = await testPair(server);
  const lost = assertRejects(() => getAllPages(pair.client.root(), "getPages"), PBConnectionLost);
  await settle();
  const ended = assertRejects(() => server.pager!.finished, PBConnectionLost);
  await pair[Symbol.asyncDispose]();
  await Promise.all([lost, ended]);
  assertInstanceOf(await cancelled.promise, PBConnectionLost);
});

Deno.test("FilePager closes an open file if the connection is already closed", async () => {
  await using file = await temporaryFile(BYTES);
  const pair = await testPair(new Server(() => file.path));
  const collector = pair.client.root();
  await pair[Symbol.asyncDispose]();
  const pager = new FilePager(collector, await Deno.open(file.path));
  await assertRejects(() => pager.finished, PBConnectionLost);
  await settle();
});

Deno.test("FilePager.finished rejects for a locked stream, and FilePager() refuses an invalid chunkSize", async () => {
  const stream = new ReadableStream();
  const reader = stream.getReader();
  const server = new Server(() => stream);
  await using pair = await testPair(server);
  await assertRejects(() => getAllPages(pair.client.root(), "getPages"), PagingError);
  await assertRejects(() => server.pager!.finished, TypeError);
  reader.releaseLock();
  assertThrows(
    () => new FilePager(pair.client.root(), stream, { chunkSize: -1 }),
    RangeError,
    "chunkSize",
  );
  assert(!stream.locked);
});

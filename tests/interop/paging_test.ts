// Pages between us and real Twisted, in both directions.

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  CallbackPageCollector,
  connect,
  FilePager,
  getAllPages,
  LimitError,
  type LogEntry,
  pagesAsStream,
  PagingError,
  type RemoteReference,
  Root,
  serve,
  StringPager,
} from "@perspective/broker/broker";
import { toBytes } from "@std/streams/to-bytes";
import { startPython, twistedTest } from "./peer.ts";

const SIZE = 10 * 1024 * 1024;

/** Ten megabytes in which all pages differ. */
const BYTES = new Uint8Array(
  new Uint32Array(SIZE / 4).map((_, index) => index * 2654435761).buffer,
);

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

class Server extends Root {
  readonly called: unknown[] = [];
  remote_pages(collector: RemoteReference, window?: number): void {
    const options = window === undefined ? {} : { window };
    new StringPager(collector, BYTES, {
      ...options,
      callback: (...args) => this.called.push(args),
      args: ["done"] as [string],
    });
  }
  remote_file(collector: RemoteReference): void {
    new FilePager(collector, new Blob([BYTES]).stream());
  }
  remote_ping(): string {
    return "pong";
  }
  remote_short(collector: RemoteReference): void {
    new StringPager(collector, Uint8Array.of(1));
  }
  remote_text(collector: RemoteReference, text: string): void {
    new StringPager(collector, text, { chunkSize: 3 });
  }
}

twistedTest(
  "StringPager sends a Twisted client a single page and its end before the answer",
  async () => {
    await using served = serve(new Server(), { hostname: "127.0.0.1", port: 0 });
    await using python = await startPython("console.py", ["--port", new URL(served.url).port]);
    await python.ask("keep(got=[])");
    await python.ask("keep(collector=util.CallbackPageCollector(got.append))");
    const call = 'root.callRemote("short", collector).addCallback(lambda _: got)';
    assertEquals((await python.ask(call)).repr, "[[b'\\x01']]");
  },
);

twistedTest(
  "StringPager sends a Twisted client the pages of a text that Twisted's sends",
  async () => {
    await using served = serve(new Server(), { hostname: "127.0.0.1", port: 0 });
    await using twisted = await startPython("echo_server.py");
    const call = 'util.getAllPages(root, "text", "1\\u20ac\\U0001f600 \\U0001f600")';
    for (const port of [new URL(served.url).port, `${twisted.port}`]) {
      await using python = await startPython("console.py", ["--port", port]);
      assertEquals((await python.ask(call)).repr, "['1\u20ac\u{1f600}', ' \u{1f600}']");
    }
  },
);

twistedTest(
  "StringPager and FilePager send 10 MB to a Twisted client, with and without a window",
  async () => {
    const server = new Server();
    const log: LogEntry[] = [];
    await using served = serve(server, {
      hostname: "127.0.0.1",
      port: 0,
      log: (entry) => log.push(entry),
    });
    await using python = await startPython("console.py", ["--port", new URL(served.url).port]);
    const hash = await sha256(BYTES);
    const ask = async (call: string) => {
      const expression =
        `util.getAllPages(root, ${call}).addCallback(lambda p: (len(p), sha256(p)))`;
      return (await python.ask(expression)).repr;
    };
    assertEquals(await ask('"pages"'), `(1280, '${hash}')`);
    assertEquals(await ask('"pages", 8'), `(1280, '${hash}')`);
    assertEquals(await ask('"file"'), `(640, '${hash}')`);
    assertEquals((await python.ask('root.callRemote("ping")')).repr, "'pong'");
    assertEquals(server.called, [["done"], ["done"]]);
    assertEquals((await python.ask("len(broker.localObjects)")).repr, "0");
    assertEquals(log, []);
  },
);

twistedTest("getAllPages() and pagesAsStream() receive 10 MB from a Twisted server", async () => {
  await using python = await startPython("echo_server.py");
  await using broker = await connect(`pb://127.0.0.1:${python.port}`);
  const root = broker.root();
  const pages = await getAllPages(root, "pages", SIZE, 8192) as Uint8Array[];
  assertEquals(pages.length, 1280);
  assert(pages.every((page) => page.length === 8192 && page.every((byte) => byte === 0x78)));

  const part = BYTES.subarray(0, SIZE / 20);
  const file = await getAllPages(root, "file", part, 20) as Uint8Array[];
  assertEquals(file.length, 640);
  const whole = await new Blob(file as Uint8Array<ArrayBuffer>[]).bytes();
  const expected = new Blob(Array.from({ length: 20 }, () => part));
  assertEquals(await sha256(whole), await sha256(await expected.bytes()));

  const stream = await toBytes(pagesAsStream(root, "file", part, 20));
  assertEquals(await sha256(stream), await sha256(whole));
  assertEquals(broker.counts.localObjects, 0);
});

twistedTest(
  "CallbackPageCollector fails when Twisted sends more than maxBytes, and the connection stays open",
  async () => {
    await using python = await startPython("echo_server.py");
    await using broker = await connect(`pb://127.0.0.1:${python.port}`);
    const root = broker.root();
    const { promise, resolve, reject } = Promise.withResolvers<unknown[]>();
    const collector = new CallbackPageCollector(resolve, {
      errback: reject,
      maxBytes: 1024 * 1024,
    });
    await root.callRemote("pages", collector, SIZE, 8192);
    await assertRejects(() => promise, LimitError, "more than 1048576 bytes");
    assertEquals(await root.callRemote("echo", 1), 1);
  },
);

twistedTest(
  "getAllPages() receives a file from a Twisted method that answers when it is sent",
  async () => {
    await using python = await startPython("echo_server.py");
    await using broker = await connect(`pb://127.0.0.1:${python.port}`);
    for (const size of [0, 1, 100_000]) {
      const pages = await getAllPages(broker.root(), "fileSent", BYTES.subarray(0, size));
      const file = await new Blob(pages as Uint8Array<ArrayBuffer>[]).bytes();
      assertEquals(file, BYTES.slice(0, size));
    }
  },
);

twistedTest("getAllPages() rejects when a Twisted server drops the collector", async () => {
  await using python = await startPython("echo_server.py");
  await using broker = await connect(`pb://127.0.0.1:${python.port}`);
  await assertRejects(() => getAllPages(broker.root(), "repr"), PagingError, "stopped before");
});

twistedTest("StringPager.finished rejects when a Twisted client drops its connection", async () => {
  let pager: StringPager | undefined;
  class Slow extends Root {
    remote_pages(collector: RemoteReference): void {
      pager = new StringPager(collector, BYTES, { chunkSize: 100 });
    }
  }
  await using served = serve(new Slow(), { hostname: "127.0.0.1", port: 0, log: () => {} });
  const python = await startPython("console.py", ["--port", new URL(served.url).port]);
  await python.ask('root.callRemote("pages", Counter())');
  await python.ask("broker.transport.abortConnection()");
  await assertRejects(() => pager!.finished, Error, "connection");
  await python.close();
});

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  DirectoryPublishedStorage,
  MemoryPublishedStorage,
  NoSuchMethod,
  PBConnectionLost,
  Publishable,
  type PublishedStorage,
  Referenceable,
  RemotePublished,
  RemoteReference,
  Root,
  whenReady,
} from "@perspective/broker/broker";
import { JellyRegistry } from "@perspective/broker/jelly";
import { settle, testPair } from "../pair.ts";

class Report extends Publishable {
  static readonly jellyName: string = "test.Report";
  fetched = 0;
  state: unknown = { text: "first", pages: [1, 2] };
  override getStateToPublish(): unknown {
    this.fetched++;
    return this.state;
  }
  view_shout(_user: unknown): string {
    return "REPORT";
  }
}

class Server extends Root {
  readonly report = new Report("report");
  remote_getReport(): Report {
    return this.report;
  }
  remote_nothing(): null {
    return null;
  }
}

/** Makes a registry whose reports are kept in a storage. */
function keeping(storage: PublishedStorage, activated: () => void = () => {}) {
  class RemoteReport extends RemotePublished {
    text = "";
    pages: number[] = [];
    override getStorage(): PublishedStorage {
      return storage;
    }
    override activated(): void {
      activated();
    }
  }
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("test.Report", RemoteReport);
  return { registry, RemoteReport };
}

/** Fetches the report over a new connection, and returns what arrived. */
async function fetched(server: Server, storage: PublishedStorage) {
  let activated = 0;
  const { registry, RemoteReport } = keeping(storage, () => activated++);
  await using pair = await testPair(server, { client: { registry } });
  const call = pair.client.root().callRemote("getReport");
  const report = await whenReady<InstanceType<typeof RemoteReport>>(call);
  assert(report.isActivated);
  const { text, pages, wasCleanWhenLoaded } = report;
  await settle();
  assertEquals(pair.serverLog, []);
  return { text, pages, wasCleanWhenLoaded, activated, log: pair.clientLog };
}

async function temporaryDirectory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

for (const kind of ["memory", "directory"]) {
  Deno.test(`[Broker publishable] RemotePublished keeps its state in ${kind}, and does not fetch a current state again`, async () => {
    await using directory = await temporaryDirectory();
    const storage = kind === "memory"
      ? new MemoryPublishedStorage()
      : new DirectoryPublishedStorage(`${directory.path}/reports`);
    const server = new Server();
    const first = {
      text: "first",
      pages: [1, 2],
      wasCleanWhenLoaded: false,
      activated: 1,
      log: [],
    };
    assertEquals(await fetched(server, storage), first);
    assertEquals(await fetched(server, storage), { ...first, wasCleanWhenLoaded: true });
    assertEquals(server.report.fetched, 1);

    server.report.state = { text: "second", pages: [] };
    server.report.republish();
    const second = await fetched(server, storage);
    assertEquals([second.text, second.wasCleanWhenLoaded], ["second", false]);
    assertEquals(server.report.fetched, 2);
    // Waits for the last save.
    await storage.load("anything");
  });
}

Deno.test("Publishable.republish() sets a later timestamp each time, even within a millisecond", () => {
  const report = new Report(1);
  const times = Array.from({ length: 10 }, () => {
    report.republish();
    return report.timestamp;
  });
  assertEquals(new Set(times).size, 10);
  assertEquals(times, times.toSorted((a, b) => a - b));
});

Deno.test("RemotePublished.callWhenActivated() calls back on activation, or at once if already activated", async () => {
  const { registry } = keeping(new MemoryPublishedStorage());
  await using pair = await testPair(new Server(), { client: { registry } });
  const report = await pair.client.root().callRemote("getReport") as RemotePublished;
  assertFalse(report.isActivated);
  const heard: unknown[] = [];
  report.callWhenActivated((published) => heard.push(published));
  assertEquals(heard, []);
  await report.ready;
  await settle();
  report.callWhenActivated((published) => heard.push(published));
  assertEquals(heard.length, 2);
  assertStrictEquals(heard[0], report);
});

Deno.test("RemotePublished.callWhenActivated() logs callbacks that throw or reject, on activation and at once", async () => {
  const storage = new MemoryPublishedStorage();
  const { registry } = keeping(storage);
  await using pair = await testPair(new Server(), { client: { registry } });
  const report = await pair.client.root().callRemote("getReport") as RemotePublished;
  const fail = () => {
    throw new TypeError("not what was expected");
  };
  const reject = () => Promise.reject(new TypeError("not what was expected"));
  const callAll = (published: RemotePublished) => {
    for (const callback of [fail, reject]) published.callWhenActivated(callback);
  };
  callAll(report);
  await report.ready;
  await settle();
  assertEquals(pair.clientLog.length, 2);
  callAll(report);
  await settle();
  const { RemoteReport } = keeping(storage);
  const other = new RemoteReport();
  other.callWhenActivated(fail);
  other.restoreState(report.keepState());
  await settle();
  assertEquals(pair.clientLog.map(({ event }) => event), Array(5).fill("callbackFailed"));
});

Deno.test("RemotePublished.remote can be called, and release() empties the other end's tables", async () => {
  const { registry } = keeping(new MemoryPublishedStorage());
  await using pair = await testPair(new Server(), { client: { registry } });
  const report = await whenReady(pair.client.root().callRemote("getReport"));
  assertEquals(await report.remote!.callRemote("shout"), "REPORT");
  assertEquals(pair.server.counts.localObjects, 2);
  report.release();
  await settle();
  assertEquals([pair.server.counts.localObjects, pair.server.counts.cachedObjects], [1, 0]);
});

Deno.test("RemotePublished keeps the state for each user in a file of its own", async () => {
  class Personal extends Report {
    static override readonly jellyName = "test.Report";
    override getStateToPublishFor(perspective: { perspectiveName: string } | null): unknown {
      return { text: `for ${perspective?.perspectiveName}` };
    }
  }
  const report = new Personal("report");
  class Personally extends Root {
    override readonly perspective: object;
    constructor(name: string) {
      super();
      this.perspective = { perspectiveName: name, getService: () => ({ serviceName: "news" }) };
    }
    remote_getReport(): Report {
      return report;
    }
  }
  const storage = new MemoryPublishedStorage();
  const { registry, RemoteReport } = keeping(storage);
  for (const name of ["ann/../-", "ann"]) {
    await using pair = await testPair(new Personally(name), { client: { registry } });
    const call = pair.client.root().callRemote("getReport");
    const mine = await whenReady<InstanceType<typeof RemoteReport>>(call);
    assertEquals(mine.text, `for ${name}`);
    assertFalse(mine.wasCleanWhenLoaded);
    assertMatch(mine.getFileName(), /^news-ann[\w%]*-report\.pub$/);
  }
  assertThrows(() => report.audienceOf({}), TypeError, "perspectiveName");
});

Deno.test("DirectoryPublishedStorage keeps files in its directory, whatever identifiers a peer sends", async () => {
  await using directory = await temporaryDirectory();
  const storage = new DirectoryPublishedStorage(`${directory.path}/kept`);
  const { RemoteReport } = keeping(storage);
  const names = [
    "../../etc/passwd",
    "..",
    ".",
    "",
    "a-b",
    "a",
    "A*?\\:|\0é\ud800",
    "null",
    null,
    { a: 1 },
    { a: 2 },
    5,
    "5",
    Uint8Array.of(5),
    "%x0581",
  ];
  const files = names.map((publishedID) =>
    Object.assign(new RemoteReport(), { publishedID }).getFileName()
  );
  for (const file of files) {
    assertMatch(file, /^None-None-[\w%]*\.pub$/);
    await storage.save(file, Uint8Array.of(1));
  }
  assertEquals(new Set(files).size, names.length);
  assertNotEquals(
    Object.assign(new RemoteReport(), { perspective: "a-b", publishedID: "c" }).getFileName(),
    Object.assign(new RemoteReport(), { perspective: "a", publishedID: "b-c" }).getFileName(),
  );
  assertEquals(await Array.fromAsync(Deno.readDir(directory.path), ({ name }) => name), ["kept"]);
  for (const name of ["../x", "a/b", "..", "", ".hidden"]) {
    await assertRejects(
      () => storage.save(name, new Uint8Array(1)),
      TypeError,
      "not the name of a file",
    );
    await assertRejects(() => storage.load(name), TypeError);
  }
});

Deno.test("RemotePublished fetches its state and logs a warning when its storage fails", async () => {
  const broken: PublishedStorage = {
    load: () => Promise.reject(new Error("cannot read")),
    save: () => Promise.reject(new Error("disk full")),
  };
  const { log, text, activated } = await fetched(new Server(), broken);
  assertEquals([text, activated], ["first", 1]);
  assertEquals(log.map(({ level, message }) => [level, message]), [
    ["warning", 'Cannot load "None-None-report.pub"'],
    ["warning", 'Cannot save "None-None-report.pub"'],
  ]);
});

Deno.test("RemotePublished ignores foreign content of its storage, and fetches its state", async () => {
  const storage = new MemoryPublishedStorage();
  for (
    const [bytes, warnings] of [[Uint8Array.of(1, 2, 3), 1], [Uint8Array.of(5, 0x81), 0]] as const
  ) {
    storage.save("None-None-report.pub", bytes);
    const { log, text } = await fetched(new Server(), storage);
    assertEquals([text, log.length], ["first", warnings]);
  }
});

Deno.test("RemotePublished uses a state that contains references, but does not keep it", async () => {
  const server = new Server();
  server.report.state = { text: "live", pages: [new Referenceable()] };
  const storage = new MemoryPublishedStorage();
  const { text, pages, log } = await fetched(server, storage);
  assertEquals(text, "live");
  assert((pages[0] as unknown) instanceof RemoteReference);
  assertEquals(log.map(({ message }) => message), ['Cannot save "None-None-report.pub"']);
  assertEquals(storage.load("None-None-report.pub"), undefined);
});

const UNKEPT: Record<string, () => unknown> = {
  "a reference": () => new Referenceable(),
  "a long text": () => "x".repeat(1025),
  "a long list": () => new Array(1024).fill(0),
};
for (const [what, make] of Object.entries(UNKEPT)) {
  Deno.test(`RemotePublished with ${what} as its identifier is used, but not kept`, async () => {
    const server = new Server();
    Object.assign(server.report, { publishedID: make() });
    const untouched: PublishedStorage = {
      load: () => Promise.reject(new Error("asked")),
      save: () => Promise.reject(new Error("told")),
    };
    const { text, log } = await fetched(server, untouched);
    assertEquals(text, "first");
    assertEquals(log.map(({ message }) => message), ["Cannot keep a published object"]);
  });
}

Deno.test("RemotePublished.ready rejects, and no callback is called, when the object cannot be activated", async () => {
  class Broken extends Report {
    static override readonly jellyName = "test.Report";
    override getStateToPublish(): unknown {
      throw new NoSuchMethod("no state");
    }
  }
  class BrokenServer extends Root {
    state: unknown;
    remote_getReport(): Report {
      return new Broken("broken");
    }
    remote_getOdd(): Report {
      return Object.assign(new Report("odd"), { state: this.state });
    }
  }
  const { registry } = keeping(new MemoryPublishedStorage());
  const server = new BrokenServer();
  await using pair = await testPair(server, { client: { registry } });
  const root = pair.client.root();
  const report = await root.callRemote("getReport") as RemotePublished;
  report.callWhenActivated(() => assert(false));
  await assertRejects(() => report.ready, NoSuchMethod, "no state");
  assertFalse(report.isActivated);
  for (const state of [{ getStorage: 1 }, { isActivated: true }, [1]]) {
    server.state = state;
    await assertRejects(() => whenReady(root.callRemote("getOdd")), Error, "Cannot");
  }
  assertEquals(
    pair.clientLog.map(({ message }) => message),
    Array(4).fill("Cannot activate a published object"),
  );
});

Deno.test("whenReady() rejects for a result that is not RemotePublished, and when the call rejects", async () => {
  await using pair = await testPair(new Server());
  const root = pair.client.root();
  await assertRejects(
    () => whenReady(root.callRemote("nothing")),
    TypeError,
    "the result is not one",
  );
  await assertRejects(() => whenReady(root.callRemote("missing")), NoSuchMethod);
});

Deno.test("RemotePublished.ready rejects when the connection is lost during the fetch, without a log entry", async () => {
  class Slow extends Report {
    static override readonly jellyName = "test.Report";
    override getStateToPublish(): unknown {
      return new Promise(() => {});
    }
  }
  class SlowServer extends Root {
    remote_getReport(): Report {
      return new Slow("slow");
    }
  }
  const { registry } = keeping(new MemoryPublishedStorage());
  const pair = await testPair(new SlowServer(), { client: { registry } });
  const report = await pair.client.root().callRemote("getReport") as RemotePublished;
  const lost = assertRejects(() => report.ready, PBConnectionLost);
  await settle();
  await pair[Symbol.asyncDispose]();
  await lost;
  assertEquals(pair.clientLog, []);
});

Deno.test("RemotePublished.restoreState() gives an activated object", async () => {
  const { RemoteReport } = keeping(new MemoryPublishedStorage());
  const { registry } = keeping(new MemoryPublishedStorage());
  await using pair = await testPair(new Server(), { client: { registry } });
  const report = await pair.client.root().callRemote("getReport") as RemotePublished;
  const kept = report.keepState();
  await report.ready;
  const other = new RemoteReport();
  other.restoreState(kept);
  assert(other.isActivated);
  assertEquals(other.text, "first");
  await other.ready;
});

Deno.test("MemoryPublishedStorage keeps the most recently used states up to its limit", () => {
  const storage = new MemoryPublishedStorage({ maxBytes: 14 });
  const bytes = (length: number) => new Uint8Array(length);
  storage.save("a", bytes(4));
  storage.save("b", bytes(4));
  storage.load("a");
  storage.save("c", bytes(4));
  assertEquals(["a", "b", "c"].map((name) => storage.load(name)?.length), [4, undefined, 4]);
  storage.save("a", bytes(6));
  assertEquals(["a", "c"].map((name) => storage.load(name)?.length), [6, 4]);
  storage.save("a", bytes(13));
  assertEquals(["a", "c"].map((name) => storage.load(name)?.length), [undefined, 4]);
  // Names count as well.
  storage.save("n".repeat(6), bytes(3));
  assertEquals(["n".repeat(6), "c"].map((name) => storage.load(name)), [undefined, bytes(4)]);
  assertThrows(() => new MemoryPublishedStorage({ maxBytes: 0 }), RangeError, "maxBytes");
});

Deno.test("DirectoryPublishedStorage does not touch other files and directories", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const others = [".hidden", "two words", "näme"];
  await Deno.mkdir(`${path}/folder`);
  for (const name of others) await Deno.writeFile(`${path}/${name}`, new Uint8Array(100));
  const storage = new DirectoryPublishedStorage(path, { maxBytes: 10 });
  for (const name of ["a", "b", "c"]) await storage.save(name, new Uint8Array(4));
  assertEquals((await storage.load("c"))?.length, 4);
  const left = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
  assertEquals(left.length, 2 + 1 + others.length);
  for (const name of ["folder", ...others]) assert(left.includes(name));
});

Deno.test("DirectoryPublishedStorage removes the oldest files when over its limits", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const left = async () =>
    (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort().join("");
  for (const [time, name] of ["c", "a", "b"].entries()) {
    await Deno.writeFile(`${path}/${name}`, new Uint8Array(3));
    await Deno.utime(`${path}/${name}`, time, time);
  }
  // Files of an earlier run count too, by their age.
  const storage = new DirectoryPublishedStorage(path, { maxBytes: 10, maxStates: 4 });
  await storage.save("d", new Uint8Array(3));
  assertEquals(await left(), "abd");
  await storage.save("a", new Uint8Array(1));
  await storage.save("e", new Uint8Array(2));
  assertEquals(await left(), "abde");
  await storage.save("f", new Uint8Array(0));
  assertEquals(await left(), "adef", "by their number; and what was kept anew counts as new");
  await storage.save("g", new Uint8Array(10));
  assertEquals(await left(), "fg", "by their bytes");
  await storage.save("huge", new Uint8Array(11));
  assertEquals(await storage.load("huge"), undefined);
  assertEquals(await left(), "fg");
});

Deno.test("DirectoryPublishedStorage keeps working when its files were removed", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/states`;
  const storage = new DirectoryPublishedStorage(path, { maxStates: 1 });
  await storage.save("a", new Uint8Array(1));
  await Deno.remove(path, { recursive: true });
  assertEquals(await storage.load("a"), undefined);
  await storage.save("b", new Uint8Array(2));
  assertEquals((await storage.load("b"))?.length, 2);
});

Deno.test("DirectoryPublishedStorage leaves no partial file when the disk is full", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const storage = new DirectoryPublishedStorage(path);
  await storage.save("a", new Uint8Array(4));
  const { writeFile } = Deno;
  const writeHalf: typeof writeFile = async (path, bytes, options) => {
    assert(bytes instanceof Uint8Array);
    await writeFile(path, bytes.subarray(bytes.length / 2), options);
    throw new Error("No space left on device");
  };
  Object.assign(Deno, { writeFile: writeHalf });
  try {
    for (const name of ["a", "b"]) {
      await assertRejects(() => storage.save(name, new Uint8Array(8)), Error, "No space left");
    }
  } finally {
    Object.assign(Deno, { writeFile });
  }
  assertEquals((await storage.load("a"))?.length, 4);
  assertEquals(await Array.fromAsync(Deno.readDir(path), ({ name }) => name), ["a"]);
  await storage.save("b", new Uint8Array(8));
  assertEquals((await storage.load("b"))?.length, 8);
});

Deno.test("DirectoryPublishedStorage leaves no partial file when a directory has its name", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await Deno.mkdir(`${path}/a`);
  const storage = new DirectoryPublishedStorage(path);
  await assertRejects(() => storage.save("a", new Uint8Array(4)));
  assertEquals(await Array.fromAsync(Deno.readDir(path), ({ name }) => name), ["a"]);
});

Deno.test("DirectoryPublishedStorage makes files accessible to the owner only", async () => {
  await using directory = await temporaryDirectory();
  const storage = new DirectoryPublishedStorage(directory.path);
  await storage.save("a", new Uint8Array(1));
  const { mode } = await Deno.stat(`${directory.path}/a`);
  if (Deno.build.os !== "windows") assertEquals(mode! & 0o777, 0o600);
});

Deno.test("DirectoryPublishedStorage() refuses invalid limits", () => {
  for (const name of ["maxBytes", "maxStates"]) {
    assertThrows(() => new DirectoryPublishedStorage("x", { [name]: 0 }), RangeError, name);
  }
});

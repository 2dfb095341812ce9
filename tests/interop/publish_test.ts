// Published objects between us and real Twisted, in both directions.

import { assertEquals } from "@std/assert";
import {
  connect,
  MemoryPublishedStorage,
  Publishable,
  type PublishedStorage,
  RemotePublished,
  Root,
  serve,
  whenReady,
} from "@perspective/broker/broker";
import { UsernamePassword } from "@perspective/broker/cred";
import { JellyRegistry, Tuple } from "@perspective/broker/jelly";
import { startPython, twistedTest } from "./peer.ts";

/** The class in which a report of Twisted arrives. */
abstract class Report extends RemotePublished {
  text = "";
}

/** Makes a registry whose reports are kept in a storage. */
function keeping(storage: PublishedStorage) {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(
    "interop.Report",
    class extends Report {
      override getStorage(): PublishedStorage {
        return storage;
      }
    },
  );
  return { registry };
}

twistedTest(
  "RemotePublished fetches an object from Twisted once, and again when it has changed",
  async () => {
    const { registry } = keeping(new MemoryPublishedStorage());
    await using server = await startPython("echo_server.py");
    const fetch = async (...args: string[]) => {
      await using broker = await connect(`pb://127.0.0.1:${server.port}`, { registry });
      const root = broker.root();
      const report = await whenReady<Report>(root.callRemote("published", ...args));
      return [report.text, report.wasCleanWhenLoaded, await root.callRemote("fetched")];
    };
    assertEquals(await fetch(), ["first", false, 1]);
    assertEquals(await fetch(), ["first", true, 1]);
    assertEquals(await fetch("second"), ["second", false, 2]);
    assertEquals(await fetch(), ["second", true, 2]);
  },
);

twistedTest(
  "RemotePublished keeps objects from Twisted apart by identifiers of every type",
  async () => {
    const { registry } = keeping(new MemoryPublishedStorage());
    await using server = await startPython("echo_server.py");
    const texts: [string, boolean][] = [];
    // Identifiers of several types, some of which print alike.
    const ids = [1, "1", Uint8Array.of(0x31), Uint8Array.of(0x32), null, "None", Tuple.of(1, 2)];
    for (const id of [...ids, Tuple.of(1, 3), ...ids]) {
      await using broker = await connect(`pb://127.0.0.1:${server.port}`, { registry });
      const report = await whenReady<Report>(broker.root().callRemote("publishedAs", id));
      texts.push([report.text, report.wasCleanWhenLoaded]);
    }
    const wanted = ["1", "'1'", "b'1'", "b'2'", "None", "'None'", "(1, 2)"];
    assertEquals(texts, [
      ...[...wanted, "(1, 3)"].map((text) => [text, false] as [string, boolean]),
      ...wanted.map((text) => [text, true] as [string, boolean]),
    ]);
  },
);

twistedTest(
  "RemotePublished does not show one user what Twisted published for another",
  async () => {
    const { registry } = keeping(new MemoryPublishedStorage());
    await using server = await startPython("login_server.py");
    const seen: unknown[] = [];
    for (const name of ["alice", "bob", "alice"]) {
      await using broker = await connect(`pb://127.0.0.1:${server.port}`, { registry });
      const avatar = await broker.login(new UsernamePassword(name, "secret"));
      const report = await whenReady<Report>(avatar.callRemote("report"));
      // The names of Twisted's avatars are bytes.
      assertEquals(report.perspective, new TextEncoder().encode(name));
      seen.push([report.text, report.wasCleanWhenLoaded]);
    }
    assertEquals(seen, [["for alice", false], ["for bob", false], ["for alice", true]]);
  },
);

twistedTest(
  "Publishable is fetched once by a Twisted client, and again after republish()",
  async () => {
    class Report extends Publishable {
      static readonly jellyName = "interop.Report";
      fetched = 0;
      text = "first";
      override getStateToPublish(): unknown {
        this.fetched++;
        return { text: this.text };
      }
    }
    const report = new Report("report");
    class Server extends Root {
      remote_getReport(): Report {
        return report;
      }
    }
    const directory = await Deno.makeTempDir();
    await using server = serve(new Server(), { hostname: "127.0.0.1", port: 0 });
    const fetch = async () => {
      await using python = await startPython("console.py", ["--port", new URL(server.url).port]);
      await python.ask(`__import__("os").chdir(${JSON.stringify(directory)})`);
      const call = 'publish.whenReady(root.callRemote("getReport"))';
      return (await python.ask(`${call}.addCallback(lambda r: (r.text, r._wasCleanWhenLoaded))`))
        .repr;
    };
    assertEquals(await fetch(), "('first', 0)");
    assertEquals(await fetch(), "('first', 1)");
    report.text = "second";
    report.republish();
    assertEquals(await fetch(), "('second', 0)");
    assertEquals(report.fetched, 2);
    await Deno.remove(directory, { recursive: true });
  },
);

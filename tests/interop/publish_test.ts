// Published objects between us and real Twisted, both ways.

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
import { JellyRegistry } from "@perspective/broker/jelly";
import { startPython, twistedTest } from "./peer.ts";

twistedTest(
  "an object that Twisted publishes is fetched once, and again when it has changed",
  async () => {
    const storage = new MemoryPublishedStorage();
    class Report extends RemotePublished {
      text = "";
      override getStorage(): PublishedStorage {
        return storage;
      }
    }
    const registry = new JellyRegistry();
    registry.setUnjellyableForClass("interop.Report", Report);
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
  "an object that we publish is fetched once by Twisted, and again when it has changed",
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

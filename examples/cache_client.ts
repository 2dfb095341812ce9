/**
 * Two viewers of one document: both see what either of them writes.
 *
 *     deno task deno run -A examples/cache_client.ts --port 8787
 *
 * The server may be `cache_server.ts`, or Python: `python3 examples/python/cache_server.py`.
 */

import { connect, LiveCache, setUnjellyableForClass } from "@perspective/broker";
import { type Place, runAt } from "./place.ts";

/** What the document arrives as. */
class DocumentCache extends LiveCache {
  title = "";
  lines: string[] = [];

  override toString(): string {
    return `${this.title}: ${this.lines.join(" ")}`;
  }
}

setUnjellyableForClass("wiki.Document", DocumentCache);

/** What the viewers write. */
const POEM = ["Roses are red.", "Violets too."] as const;

/** A viewer, with a connection and a cache of the server's document. */
class Viewer implements AsyncDisposable {
  private constructor(
    readonly name: string,
    readonly broker: Awaited<ReturnType<typeof connect>>,
    readonly document: DocumentCache,
  ) {}

  static async arrive(name: string, { hostname, port }: Place): Promise<Viewer> {
    const broker = await connect(`pb://${hostname}:${port}`);
    const document = await broker.root().callRemote("document");
    if (!(document instanceof DocumentCache)) throw new TypeError("The server has no document");
    return new Viewer(name, broker, document);
  }
  /** Asks the server to change the document. */
  async change(method: "rename" | "write", text: string): Promise<void> {
    console.log(`${this.name} says ${method}: ${text}`);
    await this.broker.root().callRemote(method, text);
  }
  /** Prints what this viewer sees, once that meets a condition. */
  async seesOnce(condition: (document: DocumentCache) => boolean): Promise<void> {
    const { name, document } = this;
    if (!condition(document)) {
      for await (const changed of document.changes()) if (condition(changed)) break;
    }
    console.log(`${name} sees ${document}`);
  }
  /** Releases the document, so that the server sends no more changes. */
  leave(): void {
    console.log(`${this.name} leaves`);
    this.document.release();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.close();
  }
}

async function view(place: Place): Promise<void> {
  await using ada = await Viewer.arrive("Ada", place);
  await using bob = await Viewer.arrive("Bob", place);
  await ada.change("rename", "A poem");
  await bob.change("write", POEM[0]);
  for (const viewer of [ada, bob]) {
    await viewer.seesOnce(({ title, lines }) => title === "A poem" && lines.at(-1) === POEM[0]);
  }
  bob.leave();
  await ada.change("write", POEM[1]);
  await ada.seesOnce(({ lines }) => lines.at(-1) === POEM[1]);
}

await runAt(
  `Two viewers of one document: both see what either of them writes.

Usage: cache_client.ts [--host HOST] [--port PORT]
`,
  view,
);

/**
 * A document whose viewers see changes as they happen.
 *
 *     deno task deno run -A examples/cache_server.ts --port 8787
 *
 * `cache_client.ts` starts two viewers, and so does this Python program:
 * `python3 examples/python/cache_client.py`.
 */

import { LiveCacheable, Root, serve } from "@perspective/broker";
import { runAt, serveUntilInterrupted } from "./place.ts";

/** A document; all caches follow its fields. */
class Document extends LiveCacheable {
  static readonly jellyName = "wiki.Document";
  title = "Untitled";
  lines: string[] = [];
}

class Wiki extends Root {
  readonly #document = new Document();

  remote_document(): Document {
    return this.#document;
  }
  remote_rename(title: string): void {
    this.#document.title = title;
  }
  remote_write(line: string): void {
    this.#document.lines = [...this.#document.lines, line];
  }
}

await runAt(
  `A document whose viewers see changes as they happen.

Usage: cache_server.ts [--host HOST] [--port PORT]
`,
  (place) => serveUntilInterrupted(serve(new Wiki(), place)),
);

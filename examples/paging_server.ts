/**
 * Sends files and tables that are too large for one message, page by page.
 *
 *     deno task deno run -A examples/paging_server.ts --port 8787
 *
 * `paging_client.ts` fetches them, and so does Python: `python3 examples/python/paging_client.py`.
 */

import {
  FilePager,
  PBError,
  type RemoteReference,
  Root,
  serve,
  StringPager,
} from "@perspective/broker";
import { runAt, serveUntilInterrupted } from "./place.ts";

/** The files that anybody may read, by name: what a client asks for is never used as a path. */
const FILES = new Map([["LICENSE", new URL("../LICENSE", import.meta.url)]]);

class Library extends Root {
  /** Sends a file; the answer tells the caller when it is sent, or why it could not be. */
  remote_file(collector: RemoteReference, name: string): Promise<void> {
    const file = FILES.get(name);
    if (file === undefined) throw new PBError(`There is no file ${name}`);
    return new FilePager(collector, file).finished;
  }
  /** Sends bytes, as fast as the client takes them. */
  remote_table(collector: RemoteReference): void {
    new StringPager(collector, new Uint8Array(100_000), {
      callback: () => console.log("A table is sent"),
    });
  }
}

await runAt(
  `Sends files and tables that are too large for one message, page by page.

Usage: paging_server.ts [--host HOST] [--port PORT]
`,
  (place) => serveUntilInterrupted(serve(new Library(), place)),
);

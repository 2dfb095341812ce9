/**
 * Fetches a file as a stream, and a table all at once, each in pages.
 *
 *     deno task deno run -A examples/paging_client.ts --port 8787
 *
 * The server may be `paging_server.ts`, or Python: `python3 examples/python/paging_server.py`.
 */

import { connect, getAllPages, pagesAsStream, PBError } from "@perspective/broker";
import { type Place, runAt } from "./place.ts";

async function fetchAll({ hostname, port }: Place): Promise<void> {
  await using broker = await connect(`pb://${hostname}:${port}`);
  const root = broker.root();

  // A stream can go on to a file: .pipeTo((await Deno.create(path)).writable)
  const license = await new Response(pagesAsStream(root, "file", "LICENSE")).text();
  console.log(`LICENSE begins with: ${license.split("\n")[0]}`);

  const pages = await getAllPages(root, "table") as Uint8Array[];
  const size = pages.reduce((sum, page) => sum + page.length, 0);
  console.log(`The table has ${size} bytes, in ${pages.length} pages`);

  try {
    await getAllPages(root, "file", "secrets");
  } catch (error) {
    if (!(error instanceof PBError)) throw error;
    console.log(error.message);
  }
}

await runAt(
  `Fetches a file as a stream, and a table all at once, each in pages.

Usage: paging_client.ts [--host HOST] [--port PORT]
`,
  fetchAll,
);

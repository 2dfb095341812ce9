/**
 * What examples have in common: where they listen or connect, and how they end.
 *
 * @module
 */

import { parseArgs } from "node:util";
import type { PBServer } from "@perspective/broker";

/** An address and a port. */
export interface Place {
  hostname: string;
  port: number;
}

const OPTIONS = `
  --host HOST  address, 127.0.0.1 unless given
  --port PORT  port, 8787 unless given; a server takes 0 for any that is free
  --help       this text`;

/**
 * Runs an example at the place that its options name, or says how it is used.
 *
 * @param usage What it is, and how it is called.
 * @param main The example.
 */
export async function runAt(usage: string, main: (place: Place) => Promise<void>): Promise<void> {
  try {
    const { values } = parseArgs({
      options: {
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "string", default: "8787" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return console.log(usage + OPTIONS);
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw new RangeError(`Cannot use port "${values.port}": it is no number from 0 to 65535`);
    }
    await main({ hostname: values.host, port });
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}${OPTIONS}`);
    Deno.exit(1);
  }
}

/**
 * Says where a server listens, and waits for Ctrl-C.
 *
 * @param server The server.
 */
export async function serveUntilInterrupted(server: PBServer): Promise<void> {
  console.log(`Listening at ${server.url}; end with Ctrl-C`);
  Deno.addSignalListener("SIGINT", () => server.close());
  await server.finished;
  console.log("Closed");
  Deno.exit();
}

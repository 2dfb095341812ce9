/**
 * A server that echoes what it gets, calls back, and fails when it is asked to.
 *
 *     deno task deno run -A examples/echo_server.ts --port 8787
 *
 * `echo_client.ts` talks to it, and so does Python: `python3 tests/interop/echo_client.py --port 8787`.
 */

import { parseArgs } from "node:util";
import { PBError, type RemoteReference, Root, serve } from "@perspective/broker";

const USAGE = `A server that echoes what it gets.

Usage: echo_server.ts [--host HOST] [--port PORT]

  --host HOST  address to listen at, 127.0.0.1 unless given
  --port PORT  port to listen at, 8787 unless given; 0 for any that is free
  --help       this text`;

/** What each client gets. */
class Echo extends Root {
  remote_echo(value: unknown): unknown {
    return value;
  }
  /** Calls an object that the client has sent; gives what it answers. */
  remote_callMe(reference: RemoteReference, ...args: unknown[]): Promise<unknown> {
    return reference.callRemote("called", ...args);
  }
  remote_fail(text: unknown): never {
    throw new PBError(`You asked for it: ${text}`);
  }
}

/** Reads the options; undefined if there are others, or help is wanted. */
function options(): { hostname: string; port: number } | undefined {
  const { values } = parseArgs({
    options: {
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "8787" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const port = Number(values.port);
  if (Number.isInteger(port) && port >= 0 && port < 65536) return { hostname: values.host, port };
  throw new RangeError(`Cannot use port "${values.port}": it is no number from 0 to 65535`);
}

try {
  const place = options();
  if (place === undefined) console.log(USAGE);
  else {
    const server = serve(new Echo(), place);
    console.log(`Listening at ${server.url}; end with Ctrl-C`);
    Deno.addSignalListener("SIGINT", () => server.close());
    await server.finished;
    console.log("Closed");
    Deno.exit();
  }
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  Deno.exit(1);
}

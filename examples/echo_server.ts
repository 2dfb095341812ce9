/**
 * A server that echoes what it receives, calls back, and fails when asked to.
 *
 *     deno task deno run -A examples/echo_server.ts --port 8787
 *
 * `echo_client.ts` talks to it, and so does Python: `python3 tests/interop/echo_client.py --port 8787`.
 */

import { PBError, type RemoteReference, Root, serve } from "@perspective/broker";
import { runAt, serveUntilInterrupted } from "./place.ts";

/** What each client gets. */
class Echo extends Root {
  remote_echo(value: unknown): unknown {
    return value;
  }
  /** Calls an object that the client has sent, and returns its answer. */
  remote_callMe(reference: RemoteReference, ...args: unknown[]): Promise<unknown> {
    return reference.callRemote("called", ...args);
  }
  remote_fail(text: unknown): never {
    throw new PBError(`You asked for it: ${text}`);
  }
}

const USAGE = `A server that echoes what it gets.

Usage: echo_server.ts [--host HOST] [--port PORT]
`;

await runAt(USAGE, (place) => serveUntilInterrupted(serve(new Echo(), place)));

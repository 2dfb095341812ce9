/**
 * Sends its arguments to an echo server, and prints what comes back.
 *
 *     deno task deno run -A examples/echo_client.ts --port 8787 hello 42
 *
 * The server may be `echo_server.ts`, or Python: `python3 tests/interop/echo_server.py --port 8787`.
 */

import { connect, Referenceable, RemoteError } from "@perspective/broker";
import { runAt } from "./place.ts";

const USAGE = `Sends its arguments to an echo server, and says what came back.

Usage: echo_client.ts [--host HOST] [--port PORT] [VALUE...]

  VALUE        what is echoed: JSON if it can be, else text`;

/** An object of this client that the server calls. */
class Listener extends Referenceable {
  remote_called(...args: unknown[]): unknown[] {
    console.log("The server calls us with", args);
    return args;
  }
}

/** Parses an argument: `42` is a number, `hello` a text. */
function valueOf(argument: string): unknown {
  try {
    return JSON.parse(argument);
  } catch {
    return argument;
  }
}

/** Makes calls that echo values, call an object back, and fail. */
async function talk(url: string, values: readonly unknown[]): Promise<void> {
  await using broker = await connect(url);
  const echo = broker.root();
  for (const value of values) {
    console.log("echo", value, "gives", await echo.callRemote("echo", value));
  }
  console.log("callMe gives", await echo.callRemote("callMe", new Listener(), ...values));
  try {
    await echo.callRemote("fail", "value");
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    console.log(`fail fails with ${error.remoteType}: ${error.message}`);
  }
}

await runAt(USAGE, ({ hostname, port }, { positionals }) => {
  const values = positionals.length === 0 ? ["hello", 42, [1.5, null]] : positionals.map(valueOf);
  return talk(`pb://${hostname}:${port}`, values);
}, { allowPositionals: true });

/**
 * Keeps a session with `takeover_server.ts`: writes a note, shows all of them, and stays until it
 * is taken over.
 *
 *     deno task deno run -A examples/takeover_client.ts --port 8787
 *
 * Run it twice, or stop the server for a while and start it again.
 */

import { openSession, Referenceable, type Session } from "@perspective/broker";
import { type Place, runAt } from "./place.ts";
import { closeOnSignals } from "./shutdown.ts";
import type { Client, Notebook } from "./takeover_server.ts";

/** This client, as the server calls it. */
class Terminal extends Referenceable implements Client {
  session: Session<unknown> | undefined;

  remote_takenOver(): void {
    console.log("Somebody has logged in as the same user");
    // A session that reconnects would take over in turn, and so on. The answer is sent first.
    this.session?.close({ graceful: 1000 });
  }
}

async function main({ hostname, port }: Place): Promise<void> {
  const terminal = new Terminal();
  const session = openSession<Notebook>(`pb://alice:secret@${hostname}:${port}`, {
    mind: terminal,
    onState: (state) => {
      const why = "reason" in state && state.reason !== undefined
        ? `: ${state.reason.message}`
        : "";
      console.log(`The session is ${state.kind}${why}`);
    },
  });
  terminal.session = session;
  closeOnSignals([session]);
  await session.use((notebook) => notebook.remote.write(`written by process ${Deno.pid}`));
  for (const note of await session.use((notebook) => notebook.remote.read())) console.log(note);
  const reason = await session.closed;
  if (reason !== undefined) throw reason;
}

const USAGE =
  `Keeps a session with takeover_server.ts, until somebody else logs in as the same user.

Usage: takeover_client.ts [--host HOST] [--port PORT]
`;

if (import.meta.main) await runAt(USAGE, main);

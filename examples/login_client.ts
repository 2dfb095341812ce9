/**
 * Logs in at `login_server.ts`, writes on the board, and shows what is there.
 *
 *     deno task deno run -A examples/login_client.ts --port 8787 --user alice --say hello
 *
 * It asks for the password if none is given, and with `--stay` it keeps showing new lines.
 */

import { connect, Referenceable, UsernamePassword } from "@perspective/broker";
import { runAt } from "./place.ts";

/** What the server's avatar can do. */
interface Member {
  perspective_read(): string[];
  perspective_write(line: string): void;
}

/** The client's own object, which the server calls. */
class Screen extends Referenceable {
  remote_show(line: string): void {
    console.log(line);
  }
}

/** Reads a line from the terminal without echoing it. */
async function askPassword(user: string): Promise<string> {
  console.log(`Password of ${user}:`);
  const isTerminal = Deno.stdin.isTerminal();
  if (isTerminal) Deno.stdin.setRaw(true, { cbreak: true });
  let typed = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    for (const key of text) typed = key === "\x7f" ? typed.slice(0, -1) : typed + key;
    if (/[\r\n]/.test(text)) break;
  }
  if (isTerminal) Deno.stdin.setRaw(false);
  return typed.split(/[\r\n]/)[0]!;
}

const USAGE = `Logs in at a board, writes on it, and shows what is there.

Usage: login_client.ts [--user NAME] [--password PASSWORD] [--say LINE] [--stay]

  --user NAME  who logs in (default: alice)
  --password PASSWORD
               the password; if left out, you are asked for it
  --say LINE   what to write
  --stay       keep showing what others write`;

await runAt(USAGE, async ({ hostname, port }, { values: { user, password, say, stay } }) => {
  await using broker = await connect(`pb://${hostname}:${port}`);
  const credentials = new UsernamePassword(user, password ?? await askPassword(user));
  const member = await broker.login<Member>(credentials, new Screen());
  for (const line of await member.remote.read()) console.log(line);
  if (say !== undefined) await member.remote.write(say);
  if (stay) await broker.closed;
}, {
  options: {
    user: { type: "string", default: "alice" },
    password: { type: "string" },
    say: { type: "string" },
    stay: { type: "boolean", default: false },
  },
});

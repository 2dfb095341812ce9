/**
 * Logs in at `login_server.ts`, writes on the board, and shows what is there.
 *
 *     deno task deno run -A examples/login_client.ts --port 8787 --user alice --say hello
 *
 * It asks for the password unless that is given, and goes on showing lines with `--stay`.
 */

import { parseArgs } from "node:util";
import { connect, LoginFailed, Referenceable, UsernamePassword } from "@perspective/broker";

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

const { values: options } = parseArgs({
  options: {
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8787" },
    user: { type: "string", default: "alice" },
    password: { type: "string" },
    say: { type: "string" },
    stay: { type: "boolean", default: false },
  },
});

/** Reads a line from the terminal, without showing it. */
async function askPassword(): Promise<string> {
  console.log(`Password of ${options.user}:`);
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

await using broker = await connect(`pb://${options.host}:${options.port}`);
const credentials = new UsernamePassword(options.user, options.password ?? await askPassword());
try {
  const member = await broker.login<Member>(credentials, new Screen());
  for (const line of await member.remote.read()) console.log(line);
  if (options.say !== undefined) await member.remote.write(options.say);
  if (options.stay) await broker.closed;
} catch (error) {
  if (!(error instanceof LoginFailed)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}

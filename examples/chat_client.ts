/**
 * The chat in a terminal.
 *
 *     deno task deno run -A examples/chat_client.ts --user alice --password tea
 *
 * Each line that you type is said in the room; `/quit` or the end of the input leaves it. If the
 * connection is lost, the client reconnects by itself.
 */

import { parseArgs } from "node:util";
import { type SessionState, UsernamePassword } from "@perspective/broker";
import { ChatClient, type ChatView, type Line } from "./chat/client.ts";

const USAGE = `The chat in a terminal.

Usage: chat_client.ts --user NAME [--password PASSWORD] [--url URL] [--room ROOM]

  --user NAME          who you are
  --password PASSWORD  your password; if left out, you are asked for it
  --url URL            where the server is (default: pb://127.0.0.1:8787);
                       ws://127.0.0.1:8080/chat is the same server
  --room ROOM          which room to join (default: lobby)
  --help               this text`;

/** Prints what happens. */
class Terminal implements ChatView {
  #names: readonly string[] = [];
  #isFirst = true;

  said({ who, text, at }: Line): void {
    const time = new Date(at).toTimeString().slice(0, 5);
    // What others say must not be able to move the cursor, or worse.
    // deno-lint-ignore no-control-regex -- these are what is taken out
    console.log(`${time} ${who}: ${text.replace(/[\x00-\x1f\x7f-\x9f]/g, " ")}`);
  }

  people(names: readonly string[]): void {
    const old = this.#names;
    this.#names = names;
    if (this.#isFirst) return;
    for (const name of names) if (!old.includes(name)) console.log(`* ${name} has come`);
    for (const name of old) if (!names.includes(name)) console.log(`* ${name} has left`);
  }

  state(state: SessionState): void {
    if (state.kind === "connected") {
      console.log(`* connected; here: ${this.#names.join(", ")}`);
      this.#isFirst = false;
    } else if (state.kind === "waiting") {
      console.log(`* ${state.reason.message}; trying again in ${Math.ceil(state.delay / 1000)} s`);
    }
  }
}

/** Reads the lines of the input. */
async function* typedLines(): AsyncGenerator<string, void, void> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** Says what is typed, until the input ends. */
async function talk(chat: ChatClient): Promise<void> {
  for await (const line of typedLines()) {
    if (line === "/quit") break;
    if (line.trim() === "") continue;
    await chat.say(line).catch((error) => console.error(`! ${error.message}`));
  }
}

/** Runs the client; returns the exit code. */
async function run(): Promise<number> {
  const { values } = parseArgs({
    options: {
      user: { type: "string" },
      password: { type: "string" },
      url: { type: "string", default: "pb://127.0.0.1:8787" },
      room: { type: "string", default: "lobby" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const { user, url, room } = values;
  if (user === undefined) throw new TypeError("Cannot log in: give --user NAME");
  const password = values.password ?? prompt(`Password of ${user}:`) ?? "";
  await using chat = new ChatClient({
    url,
    credentials: new UsernamePassword(user, password),
    room,
    view: new Terminal(),
  });
  const failure = await Promise.race([chat.closed, talk(chat)]);
  if (failure === undefined) return 0;
  console.error(failure.message);
  return 1;
}

try {
  Deno.exit(await run());
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  Deno.exit(1);
}

// The examples of flavors in TypeScript and Python, in every combination of client and server.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { twistedTest } from "../interop/peer.ts";

const FOLDER = new URL("../../examples/", import.meta.url);
const PYTHON = Deno.env.get("PB_PYTHON") ?? "/usr/bin/python3";

/** Starts an example in TypeScript or Python. */
function start(name: string, ...args: string[]): Deno.ChildProcess {
  const path = fileURLToPath(new URL(name, FOLDER));
  const [command, ...before] = name.endsWith(".py")
    ? [PYTHON, "-B", "-u"]
    : [Deno.execPath(), "run", "-A", "--no-check"];
  return new Deno.Command(command!, {
    args: [...before, path, ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function run(name: string, ...args: string[]) {
  const { code, stdout, stderr } = await start(name, ...args).output();
  const text = new TextDecoder();
  return { code, output: text.decode(stdout), errors: text.decode(stderr) };
}

/** Starts a server on a port of its own; disposing of it ends it. */
async function startServer(name: string) {
  const child = start(name, "--port", "0");
  const errors = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await lines.read();
  const port = /Listening at pb:\/\/[^:]+:(\d+)/.exec(value)?.[1];
  assert(port !== undefined, value || await errors);
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGINT");
      while (!(await lines.read()).done);
      await child.status;
      assertEquals(await errors, "");
    },
  };
}

const EXPECTED: Record<string, string[]> = {
  copy: [
    "Order 7: 2 tea, 1 cup for 17.5",
    "Order 7 goes to 1 Main Street, Berlin, with a profit of 8.5",
    "There is no order 8",
  ],
  cache: [
    "Ada says rename: A poem",
    "Bob says write: Roses are red.",
    "Ada sees A poem: Roses are red.",
    "Bob sees A poem: Roses are red.",
    "Bob leaves",
    "Ada says write: Violets too.",
    "Ada sees A poem: Roses are red. Violets too.",
  ],
  views: [
    'alice reads [ "you: A lovely house!", "bob: The tea is cold." ]',
    'bob reads [ "alice: A lovely house!", "you: The tea is cold." ]',
    "alice cannot erase: Note 2 is not yours",
    'bob reads [ "alice: A lovely house!" ]',
  ],
  paging: [
    "LICENSE begins with: MIT License",
    "The table has 100000 bytes, in 13 pages",
    "There is no file secrets",
  ],
};

/** Runs a client with a server, and checks what it prints. */
async function check(server: string, client: string, expected: string[]): Promise<void> {
  await using running = await startServer(server);
  const { code, output, errors } = await run(client, "--port", running.port);
  assertEquals(output.trim().split("\n"), expected, errors);
  assertEquals([code, errors], [0, ""]);
}

for (const [name, expected] of Object.entries(EXPECTED)) {
  const [server, client] = [`${name}_server`, `${name}_client`];
  Deno.test(`${client}.ts talks to ${server}.ts`, () =>
    check(`${server}.ts`, `${client}.ts`, expected));
  twistedTest(
    `${client}.ts talks to ${server}.py`,
    () => check(`python/${server}.py`, `${client}.ts`, expected),
  );
  twistedTest(
    `${client}.py talks to ${server}.ts`,
    () => check(`${server}.ts`, `python/${client}.py`, expected),
  );

  Deno.test(`${server}.ts and ${client}.ts print their usage, and report an invalid port and a missing server`, async () => {
    for (const example of [`${server}.ts`, `${client}.ts`]) {
      const help = await run(example, "--help");
      assertEquals([help.code, help.errors], [0, ""]);
      assertStringIncludes(help.output, `Usage: ${example}`);
      const wrong = await run(example, "--port", "many");
      assertEquals(wrong.code, 1);
      assertMatch(wrong.errors, /Cannot use port "many".*\n[^]*Usage: /);
    }
    const alone = await run(`${client}.ts`, "--port", "1");
    assertEquals(alone.code, 1);
    assertStringIncludes(alone.errors, 'Cannot connect to "pb://127.0.0.1:1"');
  });
}

Deno.test("cache_client.ts and views_client.ts can be run twice with the same server", async () => {
  for (const name of ["cache", "views"]) {
    await using running = await startServer(`${name}_server.ts`);
    for (const _ of "12") {
      const { code, errors } = await run(`${name}_client.ts`, "--port", running.port);
      assertEquals([code, errors], [0, ""]);
    }
  }
});

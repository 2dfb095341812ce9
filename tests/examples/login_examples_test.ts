// Runs the examples of logins as a user does.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { startPython, twistedTest } from "../interop/peer.ts";

const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));

/** A running server; disposing of it ends it. */
interface RunningServer extends AsyncDisposable {
  readonly port: string;
  /** What it printed before it was ready. */
  readonly output: string;
}

async function startServer(...args: string[]): Promise<RunningServer> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", example("login_server.ts"), "--port", "0", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let output = "";
  let port: string | undefined;
  while (port === undefined) {
    const { value, done } = await reader.read();
    assert(!done, output);
    output += value;
    port = /Listening at pb:.*:(\d+);/.exec(output)?.[1];
  }
  return {
    port,
    output,
    async [Symbol.asyncDispose]() {
      child.kill();
      while (!(await reader.read()).done);
      await child.status;
    },
  };
}

async function run(
  name: string,
  args: string[],
  input = "",
): Promise<[number, string, string]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", example(name), ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return [code, decoder.decode(stdout), decoder.decode(stderr)];
}

async function database(stack: AsyncDisposableStack): Promise<string> {
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  return `${folder}/users.db`;
}

Deno.test("login_server.ts adds a user at its first start, and login_client.ts logs in as that user", async () => {
  await using stack = new AsyncDisposableStack();
  const args = ["--database", await database(stack)];
  const first = await startServer(...args);
  const [, password] = /^Added user alice, whose password is (\S+)\n/.exec(first.output) ?? [];
  assert(password !== undefined, first.output);
  await first[Symbol.asyncDispose]();

  const { port, output } = stack.use(await startServer(...args));
  assert(output.startsWith("Listening"), output);
  assertEquals(
    await run("login_client.ts", ["--port", port, "--password", password, "--say", "hello"]),
    [0, "alice: hello\n", ""],
  );
  assertEquals(
    await run("login_client.ts", ["--port", port], `${password}\n`),
    [0, "Password of alice:\nalice: hello\n", ""],
  );
  assertEquals(
    await run("login_client.ts", ["--port", port], "guess\n"),
    [1, "Password of alice:\n", "Cannot log in: credentials not accepted\n"],
  );
  assertEquals(
    await run("login_client.ts", ["--port", port, "--user", "bob", "--password", password]),
    [1, "", "Cannot log in: credentials not accepted\n"],
  );
});

Deno.test("login_server.ts --add adds a user, and refuses a name that is taken", async () => {
  await using stack = new AsyncDisposableStack();
  const args = ["--database", await database(stack), "--add", "bob"];
  const [code, output] = await run("login_server.ts", args);
  assertEquals(code, 0);
  assertMatch(output, /^Added user bob, whose password is \S+\n$/);
  assertEquals(
    await run("login_server.ts", args),
    [1, "", 'Cannot add user "bob": name is taken\n'],
  );
});

twistedTest("login_server.ts --md5 accepts the login of a Twisted client", async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startServer("--md5", "--database", await database(stack)));
  const [, password] = /whose password is (\S+)/.exec(server.output) ?? [];
  const console = stack.use(await startPython("console.py", ["--port", server.port]));
  await console.ask(`keep(mind=Counter(), avatar=login("alice", "${password}"))`);
  assertEquals((await console.ask('avatar.callRemote("write", "hi")')).repr, "None");
  assertEquals((await console.ask('avatar.callRemote("read")')).repr, "['alice: hi']");
});

// Runs each example as a user does, in a process of its own.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runPython, startPython, twistedTest } from "../interop/peer.ts";

const FOLDER = new URL("../../examples/", import.meta.url);

/** Starts an example. */
function start(name: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", fileURLToPath(new URL(name, FOLDER)), ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs an example to its end. */
async function run(name: string, ...args: string[]) {
  const { code, stdout, stderr } = await start(name, ...args).output();
  const text = new TextDecoder();
  return { code, output: text.decode(stdout), errors: text.decode(stderr) };
}

/** Starts a server that prints where it listens, and is ended by Ctrl-C. */
async function startServer(name: string, ...args: string[]) {
  const child = start(name, ...args);
  const errors = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await lines.read();
  const port = /pb:\/\/[^:]+:(\d+)/.exec(value)?.[1];
  assert(port !== undefined, value || await errors);
  return {
    port,
    /** Ends the server; returns its exit code and what it printed last. */
    async end() {
      child.kill("SIGINT");
      let rest = "";
      for (let read = await lines.read(); !read.done; read = await lines.read()) rest += read.value;
      return { code: (await child.status).code, rest, errors: await errors };
    },
  };
}

Deno.test("demo.ts runs two processes that call each other, and exits with 0", async () => {
  const { code, output, errors } = await run("demo.ts");
  assertEquals([code, errors], [0, ""], output + errors);
  for (
    const line of [
      "shop .* listens at pb://127.0.0.1:",
      "customer .* logs in as alice",
      'customer .* calls buy\\("apples", 3\\): \\{"item":"apples","count":3,"left":2\\}',
      'customer .* is called: price\\("apples", 2\\)',
      "customer .* demo.OutOfStock, no 1 pears left",
      "customer .* twisted.cred.error.UnauthorizedLogin",
      "shop .* alice has left",
      "shop .* all went well",
    ]
  ) {
    assertMatch(output, new RegExp(line));
  }
  const processes = new Set(output.trim().split("\n").map((line) => line.split(/\s+/)[1]));
  assertEquals(processes.size, 2);
});

Deno.test("demo.ts exits with 1 when its server takes no logins or does not answer", async () => {
  const server = await startServer("echo_server.ts", "--port", "0");
  // The echo server has no portal, so nobody can log in there.
  const strange = await run("demo.ts", `pb://127.0.0.1:${server.port}`);
  assertEquals(strange.code, 1);
  assertMatch(strange.output, /customer .* fails: .*no logins/);
  await server.end();
  const { code, output } = await run("demo.ts", `pb://127.0.0.1:${server.port}`);
  assertEquals(code, 1);
  assertMatch(output, /customer .* fails: Cannot connect/);
});

Deno.test("echo_client.ts has its arguments echoed by echo_server.ts", async () => {
  const server = await startServer("echo_server.ts", "--port", "0");
  const client = await run("echo_client.ts", "--port", server.port, "hello", "[1, null]");
  assertEquals([client.code, client.errors], [0, ""]);
  assertEquals(client.output.trim().split("\n"), [
    "echo hello gives hello",
    "echo [ 1, null ] gives [ 1, null ]",
    'The server calls us with [ "hello", [ 1, null ] ]',
    'callMe gives [ "hello", [ 1, null ] ]',
    "fail fails with twisted.spread.pb.Error: You asked for it: value",
  ]);
  assertEquals(await server.end(), { code: 0, rest: "Closed\n", errors: "" });
});

for (const name of ["echo_server.ts", "echo_client.ts", "login_server.ts", "login_client.ts"]) {
  Deno.test(`${name} prints its usage with --help and after an unknown option`, async () => {
    const help = await run(name, "--help");
    assertEquals(help.code, 0);
    assertStringIncludes(help.output, `Usage: ${name}`);
    const wrong = await run(name, "--prot", "1");
    assertEquals(wrong.code, 1);
    assertStringIncludes(wrong.errors, "--prot");
    assertStringIncludes(wrong.errors, `Usage: ${name}`);
  });
}

Deno.test("echo_server.ts reports an invalid port, and echo_client.ts a server that is not running", async () => {
  const server = await run("echo_server.ts", "--port", "many");
  assertEquals(server.code, 1);
  assertStringIncludes(server.errors, 'Cannot use port "many"');
  const client = await run("echo_client.ts", "--port", "1");
  assertEquals(client.code, 1);
  assertEquals(client.errors, 'Cannot connect to "pb://127.0.0.1:1": connection refused\n');
});

twistedTest("echo_client.py talks to echo_server.ts", async () => {
  const server = await startServer("echo_server.ts", "--port", "0");
  const { code, lines } = await runPython("echo_client.py", ["--port", server.port]);
  assertEquals(lines.at(-1), { values: lines.length - 1, different: 0 });
  assertEquals(code, 0);
  assertEquals((await server.end()).code, 0);
});

twistedTest("echo_client.ts talks to echo_server.py", async () => {
  await using server = await startPython("echo_server.py");
  const { code, output } = await run("echo_client.ts", "--port", `${server.port}`, "hello");
  assertEquals(output.split("\n").slice(0, 3), [
    "echo hello gives hello",
    'The server calls us with [ "hello" ]',
    'callMe gives [ "hello" ]',
  ]);
  assertMatch(output, /fail fails with builtins\.\w+: /);
  assertEquals(code, 0);
});

// The chat example without a browser: terminals over TCP and WebSocket, and Twisted.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { twistedTest } from "../interop/peer.ts";
import { Program } from "./program.ts";

async function startServer(
  ...args: string[]
): Promise<{ server: Program; tcp: string; web: string }> {
  const server = Program.start("chat_server.ts", ["--port", "0", "--http-port", "0", ...args]);
  const [tcp] = await server.line(/pb:\/\/127\.0\.0\.1:\d+/);
  const [web] = await server.line(/http:\/\/127\.0\.0\.1:\d+\//);
  return { server, tcp: tcp!, web: web! };
}

function startClient(user: string, url: string, ...args: string[]): Program {
  const login = ["--user", user, "--password", "tea", "--url", url];
  return Program.start("chat_client.ts", [...login, ...args]);
}

/** Removes the times from lines of the chat. */
function withoutTimes(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/^\d\d:\d\d /, ""));
}

twistedTest(
  "chat_client.ts and chat_client.py talk through chat_server.ts, over TCP and WebSocket",
  async () => {
    const { server, tcp, web } = await startServer();
    await using _server = server;
    await using alice = startClient("alice", tcp);
    await alice.line(/here: alice$/);
    await alice.type("first");
    await alice.line(/alice: first/);
    await using bob = startClient("bob", `${web.replace("http", "ws")}chat`);
    await bob.line(/here: alice, bob$/);
    await alice.line(/bob has come/);
    const python = ["--user", "carol", "--password", "tea", "--port", new URL(tcp).port];
    await using carol = Program.start("chat_client.py", python);
    await carol.line(/here: alice, bob, carol$/);
    await carol.type("Grüße 🐍");
    await alice.line(/carol: Grüße 🐍/);
    await bob.line(/carol: Grüße 🐍/);
    await bob.type("tab\there");
    await carol.line(/bob: tab here/);
    await alice.line(/bob: tab here/);
    await bob.type("/quit");
    const ended = await bob.outcome();
    assertEquals([ended.code, ended.errors], [0, ""]);
    await carol.line(/bob has left/);
    await carol.endInput();
    const { code, lines, errors } = await carol.outcome();
    assertEquals([code, errors], [0, ""]);
    assertEquals(withoutTimes(lines), [
      "alice: first",
      "* connected; here: alice, bob, carol",
      "carol: Grüße 🐍",
      "bob: tab here",
      "* bob has left",
    ]);
    await alice.line(/carol has left/);
    await alice.endInput();
    assertEquals((await alice.outcome()).code, 0);
    assertEquals((await server.end()).code, 0);
  },
);

twistedTest("chat_client.py reports a wrong password", async () => {
  const { server, tcp } = await startServer();
  await using _server = server;
  const login = ["--user", "carol", "--password", "coffee", "--port", new URL(tcp).port];
  await using carol = Program.start("chat_client.py", login);
  const { code, errors } = await carol.outcome();
  assertEquals(code, 1);
  assertMatch(errors, /^Cannot log in: .*\n$/);
});

Deno.test("chat_client.ts sends piped lines to its own room only", async () => {
  const { server, tcp } = await startServer();
  await using _server = server;
  await using alice = startClient("alice", tcp, "--room", "kitchen");
  await alice.line(/here: alice$/);
  await using bob = startClient("bob", tcp);
  await bob.type("one");
  await bob.type("two");
  await bob.endInput();
  assertEquals((await bob.outcome()).code, 0);
  await using carol = startClient("carol", tcp);
  await carol.line(/bob: one/);
  await carol.line(/bob: two/);
  await alice.type("/quit");
  assertEquals(withoutTimes((await alice.outcome()).lines), ["* connected; here: alice"]);
});

Deno.test("chat_client.ts reports an unknown user, an invalid room, and a line that is too long", async () => {
  const { server, tcp } = await startServer("--user", "dave:tea");
  await using _server = server;
  await using alice = startClient("alice", tcp);
  const refused = await alice.outcome();
  assertEquals([refused.code, refused.errors], [1, "Cannot log in: credentials not accepted\n"]);
  await using dave = startClient("dave", tcp);
  await dave.line(/here: dave$/);
  await dave.type("x".repeat(2001));
  await dave.endInput();
  const { code, errors } = await dave.outcome();
  assertEquals([code, errors], [0, "! Say no more than 2000 characters\n"]);
  await using lost = startClient("dave", tcp, "--room", "../etc");
  const hopeless = await lost.outcome();
  assertEquals([hopeless.code, hopeless.errors], [
    1,
    "The name of a room has up to 30 letters and digits\n",
  ]);
});

Deno.test("chat_server.ts serves its page with a content security policy, and refuses other requests", async () => {
  const { server, web } = await startServer();
  await using _server = server;
  const page = await fetch(web);
  assertStringIncludes(await page.text(), '<script type="module" src="page.js">');
  assertMatch(page.headers.get("content-security-policy")!, /default-src 'none'/);
  assertEquals((await fetch(`${web}page.js`, { method: "HEAD" })).status, 200);
  for (
    const [path, method, status] of [["x", "GET", 404], ["", "POST", 405], [
      "chat",
      "GET",
      426,
    ]] as const
  ) {
    const response = await fetch(`${web}${path}`, { method });
    await response.body?.cancel();
    assertEquals([path, response.status], [path, status]);
  }
});

for (const name of ["chat_server.ts", "chat_client.ts"]) {
  Deno.test(`${name} prints its usage with --help, and reports unknown options`, async () => {
    await using help = Program.start(name, ["--help"]);
    const { code, lines } = await help.outcome();
    assertEquals(code, 0);
    assertStringIncludes(lines.join("\n"), `Usage: ${name}`);
    await using wrong = Program.start(name, ["--prot", "1"]);
    const refused = await wrong.outcome();
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.errors, "--prot");
  });
}

// The Python twins against each other, to check that the tests can rely on them.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { runPython, startPython, twistedTest } from "./peer.ts";

twistedTest("echo_client.py gets every value back unchanged from echo_server.py", async () => {
  await using server = await startPython("echo_server.py");
  const { code, lines, errors } = await runPython("echo_client.py", ["--port", `${server.port}`]);
  assertEquals(errors, "");
  assertEquals(lines.filter(({ same }) => same === false), []);
  const last = lines.at(-1);
  assertEquals(last, { values: lines.length - 1, different: 0 });
  assertEquals(code, 0);
});

twistedTest("echo_client.py ends with an error if nobody listens", async () => {
  const server = await startPython("echo_server.py");
  await server.close();
  const { code, errors } = await runPython("echo_client.py", ["--port", `${server.port}`]);
  assertEquals(code, 1);
  assertStringIncludes(errors, "refused");
});

twistedTest("login_client.py logs in at login_server.py", async () => {
  await using server = await startPython("login_server.py", ["--greet"]);
  const { code, lines } = await runPython("login_client.py", ["--port", `${server.port}`]);
  assertEquals(lines, [
    { call: "login", type: "RemoteReference", repr: lines[0]?.repr },
    { call: "whoami", type: "str", repr: "'alice'" },
    { call: "echo", type: "list", repr: "[1, 'two', b'three']" },
    { call: "add", type: "int", repr: "3" },
    { call: "callMind", type: "list", repr: "[1, 'two']" },
    { call: "fail", error: "interop.AppError", message: "not for you" },
    {
      call: "missing",
      error: "builtins.AttributeError",
      message: "'User' object has no attribute 'perspective_missing'",
    },
    { calls: [[["welcome", "alice"], {}], [[1, "two"], {}]] },
  ]);
  assertEquals(code, 0);
  assertEquals(await server.read(), { login: "alice" });
  assertEquals(await server.read(), { logout: "alice" });
});

for (
  const { name, args, server: options, error } of [
    { name: "a wrong password", args: ["--password", "wrong"], server: [], error: "Unauthorized" },
    { name: "an unknown user", args: ["--user", "mallory"], server: [], error: "Unauthorized" },
    {
      name: "an anonymous user",
      args: ["--anonymous"],
      server: ["--no-anonymous"],
      error: "Unhandled",
    },
  ]
) {
  twistedTest(`login_server.py refuses ${name}`, async () => {
    await using server = await startPython("login_server.py", options);
    const port = `${server.port}`;
    const { lines } = await runPython("login_client.py", ["--port", port, ...args]);
    assertStringIncludes(String(lines[0]?.error), error);
    assertEquals(lines.length, 2);
  });
}

twistedTest("console.py evaluates expressions and remote calls, and reports errors", async () => {
  await using server = await startPython("echo_server.py");
  await using console = await startPython("console.py", ["--port", `${server.port}`]);
  assertEquals(await console.ask("1 + 1"), { type: "int", repr: "2" });
  assertEquals(await console.ask('root.callRemote("kw", 1, to=2)'), {
    type: "list",
    repr: "[[1], {'to': 2}]",
  });
  assertEquals(await console.ask("keep(c=Counter(5))"), { type: "list", repr: "['c']" });
  assertEquals(await console.ask('root.callRemote("callMethod", c, "add", 2)'), {
    type: "int",
    repr: "7",
  });
  assertEquals(
    (await console.ask('root.callRemote("fail", "subclass")')).error,
    "interop.AppError",
  );
  assertEquals((await console.ask("1 / 0")).error, "builtins.ZeroDivisionError");
  assertEquals((await console.ask("no python")).error, "builtins.SyntaxError");
});

twistedTest(
  "echo_server.py counts the references of its client, and releases its own",
  async () => {
    await using server = await startPython("echo_server.py");
    await using console = await startPython("console.py", ["--port", `${server.port}`]);
    const repr = async (expression: string) => (await console.ask(expression)).repr;
    assertEquals(await repr('root.callRemote("count")'), "1");
    await console.ask('keep(a=root.callRemote("newCounters", 2))');
    assertEquals(await repr('root.callRemote("count")'), "3");
    await console.ask('forget("a")');
    assertEquals(await repr('root.callRemote("count")'), "1");
    await console.ask('keep(c=Counter(), l=root.callRemote("ledger"))');
    await console.ask('root.callRemote("hold", c)');
    assertEquals(await repr("len(broker.localObjects)"), "1");
    await console.ask('root.callRemote("release")');
    assertEquals(await repr("len(broker.localObjects)"), "0");
    await console.ask('root.callRemote("ledgerAdd", "entry")');
    assertEquals(await repr("l.entries"), "['entry']");
    assertEquals(await repr('root.callRemote("isLedger", l)'), "True");
  },
);

twistedTest("echo_server.py drops the connection when asked to", async () => {
  await using server = await startPython("echo_server.py");
  await using console = await startPython("console.py", ["--port", `${server.port}`]);
  const { error } = await console.ask('root.callRemote("drop")');
  assertEquals(error, "twisted.spread.pb.PBConnectionLost");
});

twistedTest("startPython() rejects with the reason why a twin did not start", async () => {
  const refused = await assertRejects(() => startPython("echo_server.py", ["--nonsense"]), Error);
  assertStringIncludes(refused.message, "nonsense");
  assert((await assertRejects(() => startPython("no_such_twin.py"), Error)).message.length > 0);
});

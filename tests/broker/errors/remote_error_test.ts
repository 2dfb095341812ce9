import {
  assertEquals,
  assertFalse,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  callOptions,
  CallTimeoutError,
  CopiedFailure,
  noOperation,
  printTraceback,
  RemoteCopy,
} from "@perspective/broker/broker";
import { JellyRegistry } from "@perspective/broker/jelly";
import { assertSpyCalls, stub } from "@std/testing/mock";
import { Failing, failure } from "../failing.ts";
import { testPair } from "../pair.ts";
import { rawServer } from "../raw_peer.ts";

async function waitingForAnswer(call: () => Promise<unknown>): Promise<void> {
  await call();
}

/** Frames of Deno's event loop, in which the answer was handled, may come before the caller. */
const WHO_WAITS = /^\S+: .*(\n {4}at .*\(ext:core\/.*\))*\n {4}at async waitingForAnswer/;

async function stackOfFailure(call: () => Promise<unknown>): Promise<string> {
  return String((await assertRejects(() => waitingForAnswer(call), Error)).stack);
}

Deno.test("RemoteError.stack shows the caller, and the remote traceback if it was sent", async () => {
  await using pair = await testPair(new Failing());
  await using unsafe = await testPair(new Failing(), { server: { unsafeTracebacks: true } });
  for (const method of ["exception", "error", "nothing"]) {
    const stack = await stackOfFailure(() => pair.client.root().callRemote(method));
    assertMatch(stack, WHO_WAITS);
    assertFalse(stack.includes("Remote traceback"));
    assertFalse(/\/(link|broker|remote_error)\.ts/.test(stack), "nothing of the library in it");
    const both = await stackOfFailure(() => unsafe.client.root().remote[method]!());
    assertMatch(both, WHO_WAITS);
    assertMatch(both, /\nRemote traceback:\n.*\n {4}at /);
  }
});

Deno.test("callRemote() rejects with a stack that shows the caller when the answer cannot be read", async () => {
  await using pair = await rawServer();
  const stack = stackOfFailure(() => pair.broker.root().callRemote("any"));
  await pair.peer.hear();
  await pair.peer.say(["answer", 1, ["os.system", ["None"]]]);
  assertMatch(await stack, WHO_WAITS);
});

Deno.test("callRemote() does not change the stack of an error that setCopyableState() throws", async () => {
  const own = new Error("of the program's own");
  const { stack } = own;
  class Refusing extends RemoteCopy {
    override setCopyableState(): never {
      throw own;
    }
  }
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass("tests.Refusing", Refusing);
  await using pair = await rawServer({ registry });
  const call = pair.broker.root().callRemote("any");
  await pair.peer.hear();
  await pair.peer.say(["answer", 1, ["tests.Refusing", ["dictionary"]]]);
  assertStrictEquals(await assertRejects(() => call), own);
  assertEquals(own.stack, stack);
});

Deno.test("CallTimeoutError.stack shows the caller", async () => {
  const server = new Failing();
  await using pair = await testPair(server);
  const call = () => pair.client.root().callRemote("never", callOptions({ timeout: 1 }));
  const stack = await stackOfFailure(call);
  assertMatch(stack, /^CallTimeoutError: .*\n {4}at async waitingForAnswer/);
  await assertRejects(call, CallTimeoutError);
  server.answered.resolve();
});

Deno.test("[Failures copiedFailureLogging] printTraceback() as a function and as a method prints a received failure", async () => {
  await using pair = await testPair(new Failing());
  const error = await failure(pair.client.root().callRemote("exception"));
  const lines: string[] = [];
  error.printTraceback((line) => lines.push(line));
  assertEquals(lines, ["Traceback from remote host -- builtins.TypeError: by accident\n"]);
  assertEquals(error.getErrorMessage(), "by accident");
  using console_ = stub(console, "error");
  printTraceback(error);
  error.printTraceback();
  assertSpyCalls(console_, 2);
  assertStrictEquals(console_.calls[0]!.args[1], error);
});

Deno.test("CopiedFailure prints its stack and remote traceback, without its other fields", () => {
  const error = new CopiedFailure("a.B", "text", "File there", ["a.B"]);
  const printed = Deno.inspect(error);
  assertStringIncludes(printed, "a.B: text\n    at ");
  assertStringIncludes(printed, "Remote traceback:\nFile there");
  assertFalse(printed.includes("parents"));
  assertEquals(Object.keys(error), []);
});

Deno.test("noOperation() accepts any arguments and returns undefined", () => {
  assertEquals(noOperation(1, 2), undefined);
});

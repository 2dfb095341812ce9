import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  CopiedFailure,
  CopyableFailure,
  PBError,
  RemoteError,
  Root,
} from "@perspective/broker/broker";
import { InsecureJelly, JellyError, JellyRegistry } from "@perspective/broker/jelly";
import { BananaError } from "@perspective/broker/jelly/banana";
import { UnauthorizedLogin } from "@perspective/broker/cred";
import "../../proto.ts";
import { failure } from "../failing.ts";
import { testPair } from "../pair.ts";
import { rawServer } from "../raw_peer.ts";

const encoder = new TextEncoder();

/** Sends failures with any state. */
class Forged extends Error {
  constructor(readonly state: unknown, readonly tag = "twisted.spread.pb.CopyableFailure") {
    super();
  }
  jellyFor(jellier: { tagged(tag: string, ...values: unknown[]): void }): void {
    jellier.tagged(this.tag, this.state);
  }
}

class Forger extends Root {
  #state: unknown;
  constructor(state: unknown) {
    super();
    this.#state = state;
  }
  remote_fail(): void {
    throw new Forged(this.#state);
  }
  remote_tagged(tag: string): void {
    throw new Forged(this.#state, tag);
  }
  remote_value(): unknown {
    return new Forged(this.#state);
  }
  remote_values(count = 1): unknown[] {
    return Array.from({ length: count }, () => new Forged(this.#state));
  }
  remote_relatives(count: number, parents: string[]): unknown[] {
    return Array.from({ length: count }, () => new Forged({ parents }));
  }
}

const bytes = (text: string) => encoder.encode(text);
const EMPTY = { type: "builtins.Exception", value: "", parents: ["builtins.Exception"] };
for (
  const { name, state, expected } of [
    { name: "None", state: null, expected: EMPTY },
    { name: "an empty state", state: {}, expected: EMPTY },
    {
      name: "None in every field",
      state: { type: null, value: null, parents: null, traceback: null },
      expected: EMPTY,
    },
    {
      name: "fields of the wrong kind",
      state: { type: [1], value: { toString: 5 }, parents: "x", traceback: new Set() },
      expected: EMPTY,
    },
    {
      name: "bytes for texts, as Python 2 sends",
      state: new Map<unknown, unknown>([
        [bytes("type"), bytes("exceptions.KeyError")],
        [bytes("value"), bytes("\xe9")],
        [bytes("parents"), [bytes("exceptions.KeyError"), bytes("exceptions.LookupError")]],
      ]),
      expected: {
        type: "exceptions.KeyError",
        value: "\xe9",
        parents: ["exceptions.KeyError", "exceptions.LookupError"],
      },
    },
    {
      name: "a number for a message, and malformed parents",
      state: { type: "a.B", value: 5, parents: [null, 1n, "", { a: 1 }, "a.B", "a.A"] },
      expected: { type: "a.B", value: "5", parents: ["1", "a.B", "a.A"] },
    },
    {
      name: "names of Object.prototype",
      state: {
        ["__proto__"]: { type: "x" },
        constructor: 1,
        type: "constructor",
        parents: ["__proto__"],
      },
      expected: { type: "constructor", value: "", parents: ["__proto__"] },
    },
  ]
) {
  Deno.test(`CopiedFailure is read from a failure with ${name}`, async () => {
    await using pair = await testPair(new Forger(state));
    const error = await failure(pair.client.root().callRemote("fail"));
    const { type, value, parents } = error;
    assertEquals({ type, value, parents: [...parents] }, expected);
    assertEquals(error.traceback, "");
    // Within another value it is returned as a value, but alone it rejects the call.
    const [result] = await pair.client.root().callRemote("values") as unknown[];
    assertInstanceOf(result, CopiedFailure);
    assertEquals((await failure(pair.client.root().callRemote("value"))).type, expected.type);
  });
}

Deno.test("CopiedFailure takes its message from a failure within it", async () => {
  await using pair = await testPair(
    new Forger({ type: "a.B", value: new CopyableFailure(new PBError("inner")) }),
  );
  assertEquals((await failure(pair.client.root().callRemote("fail"))).value, "inner");
});

Deno.test("callRemote() rejects when the state of a failure is not a dictionary, and the connection stays open", async () => {
  await using pair = await testPair(new Forger([1, 2]));
  const root = pair.client.root();
  await assertRejects(() => root.callRemote("fail"), JellyError, "not a dictionary");
  await assertRejects(() => root.callRemote("fail"), JellyError);
});

Deno.test("callRemote() rejects with a RemoteError whose cause is the peer's error value if that is not an error", async () => {
  await using pair = await testPair(new Forger(5));
  const error = await assertRejects(
    () => pair.client.root().callRemote("tagged", "list"),
    RemoteError,
    "a value that is not an error",
  );
  assertEquals(error.cause, [5]);
});

Deno.test("CopiedFailure does not become an object of a registered class that is not an error class", async () => {
  const registry = new JellyRegistry();
  registry.register("a.Thing", class Thing {});
  registry.register("a.module", {});
  await using pair = await testPair(
    new Forger({ type: "a.Thing", parents: ["a.Thing", "a.module"] }),
    { client: { registry } },
  );
  await failure(pair.client.root().callRemote("fail"));
});

Deno.test("CopiedFailure accepts classes among its parents, which are refused anywhere else", async () => {
  await using pair = await rawServer();
  const root = pair.broker.root();
  // As Twisted sends asyncio.CancelledError, which is not a subclass of Exception.
  const type = "asyncio.exceptions.CancelledError";
  const wire = ["twisted.spread.pb.CopyableFailure", [
    "dictionary",
    [["unicode", "type"], type],
    [["unicode", "value"], ["unicode", "x"]],
    [["unicode", "parents"], ["list", ["class", type]]],
    [["unicode", "traceback"], ["unicode", "Traceback unavailable\n"]],
  ]];
  const cancelled = root.callRemote("any");
  await pair.peer.hear();
  await pair.peer.say(["error", 1, wire]);
  const error = await failure(cancelled);
  assertEquals([error.type, error.value, [...error.parents]], [type, "x", [type]]);
  const refused = assertRejects(() => root.callRemote("any"), InsecureJelly, '"class"');
  await pair.peer.hear();
  await pair.peer.say(["answer", 2, ["list", wire, ["class", type]]]);
  await refused;
});

Deno.test("maxElements limits the copies of a state that many failures share", async () => {
  const fields = Array.from({ length: 1000 }, (_, i) => [`field${i}`, 0]);
  await using pair = await testPair(new Forger(Object.fromEntries(fields)));
  const root = pair.client.root();
  assertEquals((await root.callRemote("values", 200) as unknown[]).length, 200);
  await assertRejects(() => root.callRemote("values", 300), BananaError, "maxElements");
  const many = Array.from({ length: 10_000 }, (_, i) => `app.Error${i}`);
  // Of a text, 64 characters count as one name more.
  const long = Array.from({ length: 1000 }, (_, i) => `app.Error${i}`.padEnd(9 * 64, "x"));
  for (const names of [many, long]) {
    assertEquals((await root.callRemote("relatives", 200, names) as unknown[]).length, 200);
    await assertRejects(() => root.callRemote("relatives", 300, names), BananaError, "maxElements");
  }
});

Deno.test("callRemote() rejects with the cred error that the server threw", async () => {
  class Door extends Root {
    remote_knock(): void {
      throw new UnauthorizedLogin();
    }
  }
  await using pair = await testPair(new Door());
  const error = await assertRejects(
    () => pair.client.root().callRemote("knock"),
    UnauthorizedLogin,
  );
  assertEquals(error.name, "UnauthorizedLogin");
  assertEquals(pair.serverLog.length, 1);
});

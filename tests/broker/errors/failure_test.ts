import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  callOptions,
  type CopiedFailure,
  CopyableError,
  CopyableFailure,
  failure2Copyable,
  NoSuchMethod,
  PBError,
  RemoteError,
  type RemoteReference,
  Root,
} from "@perspective/broker/broker";
import {
  atom,
  InsecureJelly,
  jelly,
  JellyError,
  JellyRegistry,
  SecurityOptions,
  type Sexp,
} from "@perspective/broker/jelly";
import { conversation } from "../../vectors/load.ts";
import {
  AllowedError,
  AppError,
  failed,
  Failing,
  failure,
  ODDITIES,
  OutOfStock,
  TravelError,
} from "../failing.ts";
import { testPair } from "../pair.ts";
import { rawServer } from "../raw_peer.ts";
import { play } from "../scenarios.ts";

for (const unsafeTracebacks of [false, true]) {
  const mode = unsafeTracebacks ? ", with tracebacks" : "";
  const connect = () => testPair(new Failing(), { server: { unsafeTracebacks } });
  const checkTraceback = (error: RemoteError) => {
    assertEquals(error.remoteTraceback === "Traceback unavailable\n", !unsafeTracebacks);
    if (unsafeTracebacks) assertStringIncludes(error.remoteTraceback, "failing.ts");
  };

  for (const row of ["asynchronousException", "synchronousException"]) {
    Deno.test(`[Failures ${row}] an unexpected error reaches the caller, and is logged once${mode}`, async () => {
      await using pair = await connect();
      const method = row === "synchronousException" ? "call" : "later";
      const error = await failure(pair.client.root().callRemote(method, "exception"));
      assertEquals(error.trap("app.Other", "builtins.TypeError"), "builtins.TypeError");
      assertStrictEquals(error.trap(TypeError), TypeError);
      assertEquals([error.type, error.value], ["builtins.TypeError", "by accident"]);
      checkTraceback(error);
      assertEquals(pair.serverLog.length, 1);
      const [{ level, error: logged }] = pair.serverLog as [typeof pair.serverLog[0]];
      assertEquals(level, "error");
      assertInstanceOf(logged, TypeError);
      assertEquals(pair.clientLog, []);
    });
  }

  for (const row of ["asynchronousError", "synchronousError"]) {
    Deno.test(`[Failures ${row}] a PBError reaches the caller, and is not logged${mode}`, async () => {
      await using pair = await connect();
      const method = row === "synchronousError" ? "call" : "later";
      const call = pair.client.root().callRemote(method, "error");
      const error = await assertRejects(() => call, PBError, "on purpose");
      assertInstanceOf(error, RemoteError);
      assertStrictEquals(error.trap(AppError), AppError);
      assertEquals(error.remoteType, "app.AppError");
      checkTraceback(error);
      assertEquals(pair.serverLog, []);
    });
  }

  for (const row of ["jellyFailure", "deferredJellyFailure"]) {
    Deno.test(`[Failures ${row}] a CopyableError arrives as an object of its class${mode}`, async () => {
      const registry = new JellyRegistry();
      registry.setUnjellyableForClass(TravelError, TravelError);
      await using pair = await testPair(new Failing(), {
        server: { unsafeTracebacks },
        client: { registry },
      });
      const method = row === "jellyFailure" ? "call" : "later";
      const call = pair.client.root().callRemote(method, "travel");
      const error = await assertRejects(() => call, TravelError, "I go myself");
      assertFalse(error instanceof RemoteError);
      assertEquals({ ...error }, { name: "TravelError", left: 2 });
      assertEquals(pair.serverLog, []);
    });
  }

  Deno.test(`[Failures unjellyableFailure] an error that is not registered arrives as RemoteError with its full name${mode}`, async () => {
    await using pair = await connect();
    const error = await assertRejects(
      () => pair.client.root().callRemote("error"),
      RemoteError,
    );
    assertEquals(error.remoteType, "app.AppError");
    assertEquals(error.name, "app.AppError");
    assertEquals(error.parents.slice(0, 3), [
      "app.AppError",
      "twisted.spread.pb.Error",
      "builtins.Exception",
    ]);
  });

  Deno.test(`[Failures unknownFailure] an error of a local class arrives with the name of that class${mode}`, async () => {
    await using pair = await connect();
    const error = await assertRejects(
      () => pair.client.root().callRemote("unknown"),
      RemoteError,
      "nobody knows me",
    );
    assertEquals(error.remoteType, "Unknown");
    assertInstanceOf(error, PBError);
  });

  Deno.test(`[Failures noSuchMethodFailure] a call of a missing method rejects with NoSuchMethod, and is logged${mode}`, async () => {
    await using pair = await connect();
    const names = ["nothing", "constructor", "__proto__", "toString", ""];
    for (const name of names) {
      const error = await assertRejects(() => pair.client.root().callRemote(name), NoSuchMethod);
      assertInstanceOf(error, RemoteError);
      assertEquals(error.message, `No such method: remote_${name}`);
      assertEquals(error.trap("builtins.AttributeError"), "builtins.AttributeError");
      assertEquals(error.remoteTraceback === "Traceback unavailable\n", !unsafeTracebacks);
    }
    assertEquals(pair.serverLog.length, names.length);
  });
}

class Relay extends Root {
  #next: RemoteReference;
  constructor(next: RemoteReference) {
    super();
    this.#next = next;
  }
  remote_relay(method: string): Promise<unknown> {
    return this.#next.callRemote(method);
  }
}

Deno.test("[Failures unjelliedFailureCheck] check() and trap() match classes and names, including base classes", async () => {
  await using pair = await testPair(new Failing());
  const error = await failure(pair.client.root().callRemote("exception"));
  assertStrictEquals(error.check(TypeError), TypeError);
  assertStrictEquals(error.check(Error), Error);
  assertStrictEquals(error.check(PBError, "builtins.Exception"), "builtins.Exception");
  assertEquals(error.check(PBError, SyntaxError, "builtins.OSError", "TypeError"), undefined);
  assertStrictEquals(assertThrows(() => error.trap(PBError)), error);

  const local = new CopyableFailure(new OutOfStock());
  assertStrictEquals(local.check(AppError), AppError);
  assertEquals(local.check("twisted.spread.pb.Error"), "twisted.spread.pb.Error");
  assertEquals(local.check(SyntaxError), undefined);
  assertStrictEquals(local.trap(OutOfStock), OutOfStock);
  assertStrictEquals(assertThrows(() => local.trap(SyntaxError)), local.error);
});

for (const unsafeTracebacks of [false, true]) {
  Deno.test(
    `[Failures twiceUnjelliedFailureCheck] a failure that is passed on keeps its type and base classes, ${
      unsafeTracebacks ? "with" : "without"
    } tracebacks`,
    async () => {
      await using behind = await testPair(new Failing(), { server: { unsafeTracebacks: true } });
      const relay = new Relay(behind.client.root());
      await using pair = await testPair(relay, { server: { unsafeTracebacks } });
      const root = pair.client.root();

      const error = await failure(root.callRemote("relay", "exception"));
      assertEquals(error.type, "builtins.TypeError");
      assertStrictEquals(error.check(TypeError), TypeError);
      assertEquals(error.traceback.includes("failing.ts"), unsafeTracebacks);
      assertEquals(pair.serverLog.length, 1, "logged where it is sent on, as it is no PBError");

      const known = await assertRejects(() => root.callRemote("relay", "error"), PBError);
      assertInstanceOf(known, RemoteError);
      assertEquals(known.remoteType, "app.AppError");
      assertInstanceOf(await failed(root.callRemote("relay", "nothing")), NoSuchMethod);
      assertEquals(pair.serverLog.length, 2);
    },
  );
}

Deno.test("callRemote() rejects with a registered error class for failures of it and of its subclasses", async () => {
  const registry = new JellyRegistry();
  registry.register("app.AppError", AppError);
  class Stock extends Root {
    remote_take(): void {
      throw new OutOfStock("empty");
    }
  }
  await using pair = await testPair(new Stock(), { client: { registry } });
  const error = await assertRejects(() => pair.client.root().callRemote("take"), AppError, "empty");
  assertFalse(error instanceof OutOfStock);
  assertInstanceOf(error, RemoteError);
  assertEquals([error.name, error.remoteType], ["app.OutOfStock", "app.OutOfStock"]);
});

Deno.test("[Failures securityFailure, deferredSecurity] an error of an allowed class arrives with its fields", async () => {
  const registry = new JellyRegistry();
  registry.register("app.AllowedError", AllowedError);
  const security = new SecurityOptions().allowInstancesOf(AllowedError, TypeError);
  await using pair = await testPair(new Failing(), {
    server: { security },
    client: { security, registry },
  });
  const root = pair.client.root();
  for (const method of ["call", "later"]) {
    const error = await assertRejects(() => root.callRemote(method, "allowed"), AllowedError);
    assertFalse(error instanceof RemoteError);
    assertEquals([error.message, error.detail], ["I may", "go"]);
  }
  assertEquals(pair.serverLog, []);
  assertEquals((await failure(root.callRemote("exception"))).type, "builtins.TypeError");
});

Deno.test("callRemote() rejects with InsecureJelly for a CopyableError that is not registered", async () => {
  await using pair = await testPair(new Failing());
  await assertRejects(() => pair.client.root().callRemote("travel"), InsecureJelly, "TravelError");
});

Deno.test("CopyableError has a state and a tag for each perspective, and withstands hostile states", () => {
  class Shy extends TravelError {
    static override readonly jellyName = "app.Shy";
    override getStateToCopyFor(perspective: object | null): unknown {
      return { left: perspective === null ? 0 : 1 };
    }
    override getTypeToCopyFor(perspective: object | null): string {
      return perspective === null ? "app.TravelError" : "app.Shy";
    }
  }
  assertEquals(jelly(new Shy("secret")), [
    atom("app.TravelError"),
    [atom("dictionary"), [[atom("unicode"), atom("left")], 0]],
  ]);
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(TravelError, TravelError);
  const receive = (state: unknown) => {
    const error = new TravelError();
    error.setCopyableState(state);
    return error;
  };
  assertEquals(receive(null).message, "");
  assertEquals(receive({ message: 5 }).message, "");
  const hostile = receive({ ["__proto__"]: null, constructor: 5, remoteType: "x", message: "hi" });
  assertInstanceOf(hostile, TravelError);
  assertFalse(hostile instanceof RemoteError);
  assertEquals(hostile.getTypeToCopy(), "app.TravelError");
  assertThrows(() => receive({ jellyFor: 5 }), JellyError, "jellyFor");
  assertThrows(() => receive([1]), JellyError);
});

Deno.test("CopyableError passes through a second broker as an object", async () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(TravelError, TravelError);
  await using behind = await testPair(new Failing(), { client: { registry } });
  await using pair = await testPair(new Relay(behind.client.root()), { client: { registry } });
  const error = await assertRejects(
    () => pair.client.root().callRemote("relay", "travel"),
    TravelError,
    "I go myself",
  );
  assertEquals(error.left, 2);
  assertEquals(pair.serverLog, []);
});

Deno.test("callRemote() resolves to a CopyableError that a method returns", async () => {
  class Telling extends Root {
    remote_tell(): TravelError {
      return new TravelError("I went myself");
    }
  }
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(TravelError, TravelError);
  await using pair = await testPair(new Telling(), { client: { registry } });
  const error = await pair.client.root().callRemote("tell");
  assertInstanceOf(error, TravelError);
  assertEquals(error.message, "I went myself");
});

Deno.test("callRemote() rejects for whatever value a handler throws", async () => {
  await using pair = await testPair(new Failing());
  const root = pair.client.root();
  for (const kind of ODDITIES.keys()) {
    const error = await failure(root.callRemote("throw", kind));
    const isRange = kind === "very long";
    assertEquals(error.type, isRange ? "builtins.ValueError" : "builtins.Exception");
  }
  const text = async (kind: string) =>
    (await failed(root.callRemote("throw", kind)) as Error).message;
  assertEquals(await text("nothing"), "undefined");
  assertEquals(await text("text"), "just a text");
  assertEquals(await text("symbol"), "Symbol(sign)");
  assertEquals(await text("surrogate"), "half \ufffd");
  assertEquals(await text("no text"), "");
  const long = await text("very long");
  assertMatch(long, /^begin x+…x+ end$/);
  assert(long.length > 65_000 && long.length <= 65_536);
});

Deno.test("CopyableFailure can be thrown or returned, and unsafeTracebacks decides whether a thrown one sends its stack", async () => {
  class Server extends Root {
    remote_throw(): void {
      throw new CopyableFailure(new AppError("wrapped"), true);
    }
    remote_return(): unknown {
      return [failure2Copyable(new AppError("a value"), true)];
    }
    remote_take(error: unknown): unknown {
      return error instanceof PBError && error instanceof RemoteError && error.remoteType;
    }
  }
  await using pair = await testPair(new Server());
  const root = pair.client.root();
  const thrown = await assertRejects(() => root.callRemote("throw"), PBError, "wrapped");
  assertInstanceOf(thrown, RemoteError);
  assertEquals(thrown.remoteTraceback, "Traceback unavailable\n");
  const [value] = await root.callRemote("return") as [unknown];
  assertInstanceOf(value, PBError);
  assertInstanceOf(value, RemoteError);
  assertStringIncludes(value.remoteTraceback, "failure_test.ts");
  assertEquals(await root.callRemote("take", new CopyableFailure(value)), "app.AppError");
  assertEquals(pair.serverLog, []);
});

Deno.test("callRemote() refuses an Error as an argument", async () => {
  await using pair = await testPair(new Failing());
  await assertRejects(() => pair.client.root().callRemote("call", new Error("x")), JellyError);
});

Deno.test("Broker logs a failed call without an answer unless the error is a PBError", async () => {
  await using pair = await testPair(new Failing());
  const root = pair.client.root();
  for (const method of ["exception", "error"]) {
    await root.callRemote(method, callOptions({ answer: false }));
    await root.callRemote("later", method, callOptions({ answer: false }));
  }
  await failed(root.callRemote("error"));
  await failed(root.callRemote("later", "error"));
  assertEquals(pair.serverLog.length, 2);
  assertEquals(pair.client.counts.callsOut, 0);
});

// Bytes on the wire.

/** Returns the failures in a recorded conversation, as they were sent. */
function recorded(name: string): Sexp[][] {
  return conversation(name).messages.flatMap((message) => {
    const { sexp } = message as { sexp?: Sexp[] };
    const [word, , value] = sexp ?? [];
    const isError = word instanceof Uint8Array && new TextDecoder().decode(word) === "error";
    return isError ? [value as Sexp[]] : [];
  });
}

/** Returns a failure as it is sent, with the count that Twisted gives to failures. */
function written(error: unknown, count: number, unsafeTracebacks = false): Sexp {
  const sexp = jelly(new CopyableFailure(error, unsafeTracebacks)) as Sexp[][];
  (sexp[1]![1] as Sexp[])[1] = count;
  return sexp;
}

Deno.test("CopyableFailure is written like Twisted's, field by field", () => {
  class ProgramError extends PBError {
    static override readonly jellyName = "scenarios.AppError";
  }
  assertEquals(recorded("errors"), [
    written(new PBError("known"), 1),
    written(new ProgramError("of the program"), 2),
    written(new RangeError("wrong value"), 3),
    written(new RangeError("héllo 😀"), 5),
    written(new RangeError(""), 7),
  ]);
  assertEquals(recorded("no_such_object")[0], written(new PBError("Invalid Object ID"), 1));
  assertEquals(
    recorded("no_such_method")[0],
    written(new NoSuchMethod("No such method: remote_missing"), 1),
  );
  const stack = "Traceback (most recent call last): recorded";
  const error = Object.assign(new ProgramError("of the program"), { stack });
  assertEquals(recorded("error_with_traceback")[0], written(error, 1, true));
});

for (const name of ["error_of_its_own_class", "errors_later"]) {
  Deno.test(`callRemote() rejects with the errors that Twisted's server sent in conversation ${name}`, async () => {
    class JellyError extends CopyableError {
      reason = "";
    }
    const registry = new JellyRegistry();
    registry.setUnjellyableForClass("scenarios.JellyError", JellyError);
    await using pair = await rawServer({ hello: false, registry });
    const played = play(name, "server", pair.peer);
    const root = pair.broker.root();
    const errors = name === "errors_later"
      ? ["error", "value", "jelly"].map((kind) => root.callRemote("failLater", kind))
      : [root.callRemote("fail", "jelly")];
    const seen = await Promise.all(errors.map(failed));
    const own = seen.pop();
    assertInstanceOf(own, JellyError);
    assertEquals(own.reason, "travels");
    const [known, value] = seen;
    if (known !== undefined) assertInstanceOf(known, PBError);
    if (value !== undefined) assertEquals((value as CopiedFailure).type, "builtins.ValueError");
    await played;
  });
}

Deno.test("CopyableError is written like a Jellyable error of Twisted", () => {
  class Own extends CopyableError {
    static override readonly jellyName = "scenarios.JellyError";
    override getStateToCopy(): unknown {
      return { reason: "travels" };
    }
  }
  assertEquals(recorded("error_of_its_own_class"), [jelly(new Own()) as Sexp[]]);
});

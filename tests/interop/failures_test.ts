// Failures between us and real Twisted, in both directions.

import {
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  type BrokerOptions,
  connect,
  CopyableError,
  failure2Copyable,
  type LogEntry,
  NoSuchMethod,
  PBError,
  Referenceable,
  RemoteError,
  type RemoteReference,
  Root,
  serve,
} from "@perspective/broker/broker";
import { JellyRegistry } from "@perspective/broker/jelly";
import { startPython, twistedTest } from "./peer.ts";

class AppError extends PBError {
  static override readonly jellyName = "app.AppError";
}

class OutOfStock extends CopyableError {
  static override readonly jellyName = "interop.OutOfStock";
  left = 0;
}

function registry(): JellyRegistry {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(OutOfStock, OutOfStock);
  return registry;
}

class Server extends Root {
  remote_error(): void {
    throw new AppError("on purpose: é 😀");
  }
  async remote_exception(): Promise<void> {
    await undefined;
    throw new TypeError("by accident");
  }
  remote_copyable(): void {
    throw Object.assign(new OutOfStock("sold"), { left: 2 });
  }
  remote_value(): unknown {
    return failure2Copyable(new AppError("a value"));
  }
  remote_resend(reference: RemoteReference, ...args: unknown[]): Promise<unknown> {
    return reference.callRemote("fail", ...args);
  }
}

/** Starts our server, and a Twisted client that calls it. */
async function twistedClient(options: BrokerOptions = {}) {
  const log: LogEntry[] = [];
  const server = serve(new Server(), {
    hostname: "127.0.0.1",
    port: 0,
    registry: registry(),
    log: (entry) => log.push(entry),
    ...options,
  });
  const { port } = new URL(server.url);
  const python = await startPython("console.py", ["--port", port]);
  return {
    log,
    /** Evaluates an expression with the failure `f` of a call in Python, and returns its repr. */
    failure: async (method: string, expression: string, args = "") => {
      const call = `root.callRemote("${method}"${args}).addErrback(lambda f: ${expression})`;
      const { repr, error, message } = await python.ask(call);
      return repr ?? `${error}: ${message}`;
    },
    ask: async (expression: string) => {
      const { repr, error, message } = await python.ask(expression);
      return repr ?? `${error}: ${message}`;
    },
    async [Symbol.asyncDispose]() {
      await python.close();
      await server.close();
    },
  };
}

/** What a Twisted program does with a failure of ours, and the result, as for a failure of Twisted. */
const SEEN = [
  ["error", "f.type", "b'app.AppError'"],
  ["error", "f.value", "'on purpose: é 😀'"],
  ["error", "f.getErrorMessage()", "'on purpose: é 😀'"],
  ["error", "f.check(pb.Error).__name__", "'Error'"],
  ["error", "f.trap(KeyError, 'app.AppError')", "'app.AppError'"],
  [
    "error",
    "f.parents",
    "['app.AppError', 'twisted.spread.pb.Error', 'builtins.Exception', " +
    "'builtins.BaseException', 'builtins.object']",
  ],
  ["error", "type(f).__name__", "'CopiedFailure'"],
  ["error", "f.traceback", "'Traceback unavailable\\n'"],
  [
    "exception",
    "f.getBriefTraceback()",
    "'Traceback from remote host -- builtins.TypeError: by accident\\n'",
  ],
  [
    "exception",
    "f.getTraceback(detail='verbose')",
    "'Traceback from remote host -- builtins.TypeError: by accident\\n'",
  ],
  ["exception", "f.check(KeyError, TypeError).__name__", "'TypeError'"],
  ["exception", "f.check(pb.Error)", "None"],
  ["exception", "f.cleanFailure() or f.getErrorMessage()", "'by accident'"],
  ["exception", "pb.failure2Copyable(f).getErrorMessage()", "'by accident'"],
  ["nothing", "f.check(pb.NoSuchMethod).__name__", "'NoSuchMethod'"],
  ["nothing", "f.check(AttributeError).__name__", "'AttributeError'"],
  ["nothing", "f.getErrorMessage()", "'No such method: remote_nothing'"],
] as const;

twistedTest(
  "[Failures printTracebackIncludesValue] a Twisted client sees our failures as it sees its own",
  async () => {
    await using client = await twistedClient();
    for (const [method, expression, expected] of SEEN) {
      assertEquals(await client.failure(method, expression), expected, expression);
    }
  },
);

twistedTest(
  "[Failures throwExceptionIntoGenerator] our failures are thrown into a Twisted coroutine as RemoteError",
  async () => {
    await using client = await twistedClient();
    assertEquals(
      await client.ask('root.callRemote("exception")'),
      "builtins.TypeError: by accident",
    );
    const generator = 'pb.defer.inlineCallbacks(lambda: (yield root.callRemote("error")))()';
    const thrown =
      `${generator}.addErrback(lambda f: (f.type.__name__, f.value.remoteType, f.value.args))`;
    assertEquals(
      await client.ask(thrown),
      "('RemoteError', b'app.AppError', ('on purpose: é 😀',))",
    );
  },
);

twistedTest("a Twisted client receives our stack if unsafeTracebacks is set", async () => {
  await using client = await twistedClient({ unsafeTracebacks: true });
  assertStringIncludes(
    await client.failure("exception", "f.traceback") as string,
    "failures_test.ts",
  );
  assertStringIncludes(await client.failure("exception", "f.getTraceback()") as string, "accident");
});

twistedTest("a Twisted client receives a CopyableError as an object of its own class", async () => {
  await using client = await twistedClient();
  assertEquals(
    await client.failure("copyable", "(f.type is objects.OutOfStock, f.value.left, str(f.value))"),
    "(True, 2, '2 left')",
  );
  assertEquals(client.log, []);
});

twistedTest("a Twisted client receives a failure that a call returns as its result", async () => {
  await using client = await twistedClient();
  assertEquals(
    await client.ask('root.callRemote("value").addCallback(lambda v: v)'),
    "app.AppError: a value",
  );
});

twistedTest(
  "a failure of a Twisted client's object returns to it through us unchanged",
  async () => {
    await using client = await twistedClient();
    await client.ask("keep(c=Counter())");
    assertEquals(
      await client.failure("resend", "(f.type, f.value, f.check(pb.Error).__name__)", ', c, "far"'),
      "(b'interop.AppError', 'far', 'Error')",
    );
    assertEquals(await client.failure("resend", "f.type", ", c"), "b'builtins.TypeError'");
    assertEquals(client.log.length, 1);
  },
);

twistedTest(
  "callRemote() rejects with the known error class for a failure of a Twisted server",
  async () => {
    await using server = await startPython("echo_server.py");
    await using broker = await connect(`pb://127.0.0.1:${server.port}`, { registry: registry() });
    const root = broker.root();
    for (const method of ["fail", "failLater"]) {
      const known = await assertRejects(() => root.callRemote(method, "error"), PBError);
      assertInstanceOf(known, RemoteError);
      assertEquals([known.name, known.message], ["PBError", "a known error"]);
      const sub = await assertRejects(() => root.callRemote(method, "subclass"), PBError);
      assertInstanceOf(sub, RemoteError);
      assertEquals(sub.remoteType, "interop.AppError");
      const value = await assertRejects(() => root.callRemote(method, "unicode"), RemoteError);
      assertEquals([value.remoteType, value.message], ["builtins.ValueError", "héllo 😀"]);
      assertEquals(value.check(RangeError), RangeError);
      assertFalse(value instanceof PBError);
      const stock = await assertRejects(() => root.callRemote(method, "copyable"), OutOfStock);
      assertEquals(stock.left, 2);
      // Not a subclass of Exception, so Twisted sends its base classes themselves.
      const cancelled = await assertRejects(
        () => root.callRemote(method, "cancelled"),
        RemoteError,
      );
      assertEquals(
        [cancelled.remoteType, cancelled.message],
        ["asyncio.exceptions.CancelledError", "given up"],
      );
      assertEquals(cancelled.check("asyncio.exceptions.CancelledError"), cancelled.remoteType);
    }
    await assertRejects(() => root.callRemote("nothing"), NoSuchMethod);
  },
);

twistedTest(
  "callRemote() appends the traceback that a Twisted server sends to our own stack",
  async () => {
    await using server = await startPython("echo_server.py", ["--tracebacks"]);
    await using broker = await connect(`pb://127.0.0.1:${server.port}`);
    async function waiting(): Promise<void> {
      await broker.root().callRemote("fail", "value");
    }
    const { stack, remoteTraceback } = await assertRejects(waiting, RemoteError);
    assertStringIncludes(remoteTraceback, "in remote_fail");
    assertStringIncludes(stack!, "at async waiting");
    assertStringIncludes(stack!, "\nRemote traceback:\nTraceback (most recent call last):");
  },
);

twistedTest(
  "a failure of our object returns to us through a Twisted server unchanged",
  async () => {
    class Failing extends Referenceable {
      remote_called(): void {
        throw new AppError("far");
      }
    }
    await using server = await startPython("echo_server.py");
    const log: LogEntry[] = [];
    await using broker = await connect(`pb://127.0.0.1:${server.port}`, {
      log: (entry) => log.push(entry),
    });
    const call = () => broker.root().callRemote("callMe", new Failing());
    const error = await assertRejects(call, PBError, "far");
    assertInstanceOf(error, RemoteError);
    assertEquals(error.trap(AppError), AppError);
    assertEquals(log, []);
  },
);

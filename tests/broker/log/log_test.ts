import { assert, assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { format } from "node:util";
import {
  type LogEntry,
  NoSuchMethod,
  PBConnectionLost,
  PBServerFactory,
  ProtocolError,
  type RemoteReference,
  Root,
} from "@perspective/broker/broker";
import { LogRate, safeLog } from "../../../broker/log/log.ts";
import { clientSettings } from "../../../broker/connection/options.ts";
import { CONNECTIONS } from "../../../broker/endpoints/server_connections.ts";
import { settle } from "../pair.ts";
import { rawClient, rawServer, type Said } from "../raw_peer.ts";

/** Runs something, and returns the lines that it would print on the console. */
async function printed(run: () => void | Promise<void>): Promise<string[]> {
  const lines: string[] = [];
  const { error, warn } = console;
  const note = (...args: unknown[]) => void lines.push(format(...args));
  Object.assign(console, { error: note, warn: note });
  try {
    await run();
  } finally {
    Object.assign(console, { error, warn });
  }
  return lines;
}

const FORGED = 'no\r\nLogin of "root" succeeded\x1b[2J\u2028';

Deno.test("safeLog() on the console escapes text of errors, which cannot forge entries or control the terminal", async () => {
  class Faulty extends Error {
    readonly detail = FORGED;
    override readonly name = FORGED;
    constructor() {
      super(FORGED, { cause: new TypeError(FORGED, { cause: FORGED }) });
    }
  }
  const [entry] = await printed(() =>
    safeLog()({ event: "callFailed", level: "error", message: "m", error: new Faulty() })
  );
  assert(!/(?!\n)[\p{Cc}\p{Zl}\p{Zp}]/u.test(entry!), JSON.stringify(entry));
  const [first, ...others] = entry!.split("\n");
  assertStringIncludes(first!, "m no\\u{d}");
  assertEquals(others.filter((line) => !/^( {2}|})/.test(line)), []);
});

for (const level of ["error", "warning"] as const) {
  Deno.test(`safeLog() on the console does not use the message of an entry of level ${level} as a format`, async () => {
    const log = safeLog();
    const message = 'Call of "100%%, %s %d %i %f %o %O %j %c" failed';
    const [failed, thrown] = await printed(() => {
      log({ event: "callFailed", level, message, error: new TypeError("no till") });
      log({ event: "callFailed", level, message, error: "%s %c" });
    });
    assertEquals(failed!.split("\n")[0], `${message} TypeError: no till`);
    assertStringIncludes(failed!, "log_test.ts");
    assertEquals(thrown, `${message} %s %c`);
  });
}

Deno.test("safeLog() on the console shows the fields of an error, and shortens it", async () => {
  const error = Object.assign(new Error("x".repeat(50_000)), {
    limit: 5,
    also: new Error(FORGED),
  });
  error.cause = error;
  const [entry] = await printed(() =>
    safeLog()({ event: "callFailed", level: "warning", message: "m", error })
  );
  assertStringIncludes(entry!, "limit: 5");
  assert(!entry!.includes("\x1b"));
  assert(entry!.length < 150_000, String(entry!.length));
});

Deno.test("safeLog() on the console shortens a large error value of a peer", async () => {
  class Asking extends Root {
    remote_ask(client: RemoteReference): Promise<unknown> {
      return client.callRemote("answer");
    }
  }
  await using pair = await rawClient(new Asking());
  const [, id] = await pair.peer.ask(call("ask", ["tuple", ["remote", 1]])) as [string, number];
  const pairs = Array.from({ length: 80_000 }, (_, i) => [`key${i}`, i]);
  const [word] = await pair.peer.ask(["error", id, ["dictionary", ...pairs]]) as [string];
  assertEquals([word, pair.log.length], ["error", 1]);
  const [line] = await printed(() => safeLog()(pair.log[0]!));
  assertStringIncludes(line!, 'Call of "ask" failed; the peer is told');
  assert(line!.split("\n").length < 100, line);
});

Deno.test("safeLog() on the console shows thrown values that are not errors", async () => {
  const log = safeLog();
  const lines = await printed(() => {
    for (const error of [FORGED, 7, null, { text: FORGED }, undefined]) {
      log({ event: "callFailed", level: "warning", message: "m", error });
    }
  });
  assertEquals(lines.slice(1, 3), ["m 7", "m null"]);
  assertEquals(lines[4], "m");
  assert(lines.every((line) => !/\p{Cc}/u.test(line)), JSON.stringify(lines));
});

Deno.test("safeLog() passes the error itself to the program's log, and prints the entry if that log fails", async () => {
  const got: LogEntry[] = [];
  const error = new Error(FORGED);
  safeLog((entry) => void got.push(entry))({
    event: "callFailed",
    level: "error",
    message: FORGED,
    error,
  });
  assert(got[0]!.error === error);
  assertEquals(got[0]!.message, 'no\\u{d}\\u{a}Login of "root" succeeded\\u{1b}[2J\\u{2028}');
  const fail = () => {
    throw new Error("disk full");
  };
  for (const log of [fail, () => Promise.reject(new Error("disk full"))]) {
    const lines = await printed(async () => {
      safeLog(log)({ event: "callFailed", level: "warning", message: "m" });
      await Promise.resolve();
    });
    assertStringIncludes(lines[0]!, "Cannot log Error: disk full");
    assertEquals(lines[1], "m");
  }
});

Deno.test("LogRate admits many entries at once, then one a second, and counts the others", () => {
  const rate = new LogRate();
  const admitted = Array.from({ length: 1000 }, () => rate.admit(5000)).filter((remark) =>
    remark !== undefined
  );
  assertEquals(admitted.length, 100);
  assertEquals(admitted.slice(0, 99), Array(99).fill(""));
  assertEquals(admitted[99], "; of what follows, one a second is logged");
  assertEquals(rate.admit(5999), undefined);
  assertEquals(
    rate.admit(6000),
    ", as did 901 before it; of what follows, one a second is logged",
  );
  assertEquals(rate.admit(16_000), "");
});

/** Replaces performance.now() with a clock that a test sets, until the end of the block. */
function clock(): Disposable & { show(time: number): void } {
  const { now } = performance;
  return {
    show: (time) => void Object.assign(performance, { now: () => time }),
    [Symbol.dispose]: () => void Object.assign(performance, { now }),
  };
}

Deno.test("safeLog() on the console limits the rate of failed connections per server, and of nothing else", async () => {
  const factory = new PBServerFactory(new Service());
  const other = new PBServerFactory(new Service());
  const fail = (times: number) => {
    for (let i = 0; i < times; i++) {
      factory[CONNECTIONS].failed(new Error("It looks like an HTTP client"));
    }
  };
  using time = clock();
  const lines = await printed(() => {
    time.show(5000);
    fail(5000);
    factory.settings.log({ event: "connectionFailed", level: "error", message: "no root" });
    factory.settings.log({ event: "loginRefused", level: "warning", message: "a guess" });
    other[CONNECTIONS].failed(new Error("of another server"));
    time.show(6000);
    fail(10);
    time.show(26_000);
    fail(1);
  });
  const said = "It looks like an HTTP client";
  const kind = 'warning "connectionFailed"';
  const rest = `; of ${kind}, one a second is shown`;
  assertEquals(lines.slice(0, 99), Array(99).fill(said));
  assertEquals(lines.slice(99), [
    `${said}${rest}`,
    "no root",
    "a guess",
    "of another server",
    `${said}; 4900 more of ${kind} were left out${rest}`,
    `${said}; 9 more of ${kind} were left out`,
  ]);
});

Deno.test("safeLog() on the console limits the rate of errors and warnings separately", async () => {
  const lines = await printed(() => {
    const log = safeLog();
    for (const level of ["warning", "error"] as const) {
      for (let i = 0; i < 1000; i++) log({ event: "callFailed", level, message: level });
    }
  });
  for (const level of ["warning", "error"]) {
    const count = lines.filter((line) => line.startsWith(level)).length;
    assert(count >= 100 && count < 200, `${count} of level ${level}`);
  }
});

Deno.test("safeLog() on the console limits the rate of each client separately", async () => {
  const clients = [clientSettings({}), clientSettings({})];
  const lines = await printed(() => {
    for (const { log } of clients) {
      for (let i = 0; i < 100; i++) log({ event: "callFailed", level: "warning", message: "m" });
    }
  });
  assertEquals(lines.length, 200);
  assertStrictEquals(clients[0]!.tools, clients[1]!.tools);
});

Deno.test("safeLog() passes every entry to the program's log, without a rate limit", () => {
  const entries: LogEntry[] = [];
  const factory = new PBServerFactory(new Service(), { log: (entry) => void entries.push(entry) });
  for (let i = 0; i < 5000; i++) {
    factory[CONNECTIONS].failed(new Error("It looks like an HTTP client"));
  }
  assertEquals(entries.length, 5000);
  assertEquals(new Set(entries.map(({ message }) => message)).size, 1);
});

class Service extends Root {
  remote_fail(): never {
    throw new Error("by accident");
  }
  remote_later(): Promise<never> {
    return Promise.reject(new NoSuchMethod("of something else"));
  }
  remote_lost(): never {
    throw new PBConnectionLost("to a third program");
  }
}

function call(method: string, args: Said = ["tuple"]): Said {
  return ["message", 1, "root", method, 1, args, ["dictionary"]];
}

Deno.test("Broker logs invalid calls as warnings, and unexpected errors of handlers as errors", async () => {
  await using pair = await rawClient(new Service());
  const calls = [call("missing"), call("fail", 5), call("fail"), call("later"), call("lost")];
  for (const said of calls) await pair.peer.ask(said);
  assertEquals(pair.log.map(({ level }) => level), [
    ...["warning", "warning"],
    ...["error", "error", "error"],
  ]);
});

Deno.test("Broker logs no errors of handlers that only wanted to call over the lost connection", async () => {
  const gate = Promise.withResolvers<void>();
  class Calling extends Root {
    async remote_early(client: RemoteReference): Promise<void> {
      await client.callRemote("wait");
    }
    async remote_late(client: RemoteReference): Promise<void> {
      await gate.promise;
      await client.callRemote("wait");
    }
    async remote_fail(): Promise<void> {
      await gate.promise;
      throw new Error("by accident");
    }
  }
  await using pair = await rawClient(new Calling());
  for (const method of ["early", "late", "fail"]) {
    await pair.peer.say(call(method, ["tuple", ["remote", 7]]));
  }
  await settle();
  pair.peer.close();
  await pair.broker.closed;
  gate.resolve();
  await settle();
  assertEquals(pair.log.map(({ message }) => message), ['Call of "fail" failed']);
});

Deno.test("Broker limits the log entries that one peer can cause", async () => {
  await using pair = await rawClient(new Service());
  for (const said of [call("missing"), call("fail"), call("fail", 5), ["didNotUnderstand", "x"]]) {
    for (let i = 0; i < 500; i++) await pair.peer.say(said);
  }
  for (let i = 0; i < 1500; i++) await pair.peer.hear();
  // The messages without an answer come last.
  await settle();
  const failed = pair.log.filter(({ message }) => message.startsWith("Call of "));
  assert(failed.length < 150, String(failed.length));
  const other = pair.log.filter((entry) => !failed.includes(entry)).map(({ message }) => message);
  assertEquals(other, ["The peer did not understand a message, nor perhaps others"]);
});

Deno.test("Broker logs the error that closes its connection, unless Broker.ready rejects with it", async () => {
  for (const hello of [false, true]) {
    await using pair = await rawServer({ hello });
    const { ready } = pair.broker;
    await pair.peer.say(5);
    const reason = await pair.broker.closed;
    assert(reason instanceof ProtocolError);
    assertEquals(await ready.catch((error) => error), hello ? undefined : reason);
    const { address } = pair.broker.peer;
    const message = `Connection to ${address} closed: ${reason.message}`;
    assertEquals(
      pair.log.map(({ event, level, message }) => ({ event, level, message })),
      hello ? [{ event: "connectionClosed", level: "warning", message }] : [],
    );
  }
});

Deno.test("Broker keeps the connection open when the program's log throws", async () => {
  const fail = () => {
    throw new Error("disk full");
  };
  const lines = await printed(async () => {
    await using pair = await rawClient(new Service(), { log: fail });
    for (const method of ["missing", "fail", "later"]) {
      const [word] = await pair.peer.ask(call(method)) as unknown[];
      assertEquals(word, "error");
    }
  });
  assertEquals(lines.filter((line) => line.startsWith("Cannot log")).length, 3);
});

Deno.test("Broker logs the event, level, method and peer of each entry, and the console shows them", async () => {
  class Shop extends Root {
    remote_buy(): never {
      throw new TypeError("no till");
    }
  }
  const entries: LogEntry[] = [];
  await using pair = await rawClient(new Shop(), { log: (entry) => entries.push(entry) });
  for (const [id, method] of ["buy", "steal"].entries()) {
    await pair.peer.ask(["message", id + 1, "root", method, 1, ["tuple"], ["dictionary"]]);
  }
  await pair.peer.say(["nonsense"]);
  await pair.peer.hear();
  const { peer } = pair.broker;
  assertEquals(
    entries.map(({ event, level, message, method, peer }) => ({
      event,
      level,
      message,
      method,
      peer,
    })),
    [
      {
        event: "callFailed",
        level: "error",
        message: 'Call of "buy" failed; the peer is told',
        method: "buy",
        peer,
      },
      {
        event: "callFailed",
        level: "warning",
        message: 'Call of "steal" failed: No such method: remote_steal; the peer is told',
        method: "steal",
        peer,
      },
      {
        event: "notUnderstood",
        level: "warning",
        message: 'Cannot understand message "nonsense", nor perhaps others',
        method: undefined,
        peer,
      },
    ],
  );
  const [line] = await printed(() => safeLog()(entries[1]!));
  assertEquals(line, `${entries[1]!.message} [${peer.address}]`);
});

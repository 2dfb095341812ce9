import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  Avatar,
  backoff,
  type Broker,
  connect,
  GoingAwayError,
  IPerspective,
  type LogEntry,
  NotConnectedError,
  openSession,
  PBClientFactory,
  PBConnectionLost,
  PBError,
  PBServerFactory,
  Referenceable,
  type RemoteReference,
  Root,
  serve,
  type ServerRoot,
  type Session,
  type SessionOptions,
  type SessionState,
} from "@perspective/broker/broker";
import {
  type AvatarGrant,
  type AvatarId,
  InMemoryUsernamePasswordDatabaseDontUse,
  type IRealm,
  LoginDenied,
  Portal,
  UnauthorizedLogin,
  UsernamePassword,
} from "@perspective/broker/cred";
import { JellyRegistry } from "@perspective/broker/jelly";
import { ConnectError, memoryPair } from "@perspective/broker/transport";
import { breakable } from "../faults.ts";
import { collectGarbage } from "../gc.ts";

class Counter extends Root {
  calls = 0;
  remote_count(): number {
    return ++this.calls;
  }
  readonly #finished = Promise.withResolvers<void>();
  remote_wait(): Promise<void> {
    this.calls++;
    return this.#finished.promise;
  }
  finish(): void {
    this.#finished.resolve();
  }
  remote_again(): Counter {
    return this;
  }
}

/** A server in memory that can be down, under fake time. */
class Site implements AsyncDisposable {
  readonly time = new FakeTime();
  readonly states: SessionState[] = [];
  readonly dialed: string[] = [];
  readonly log: LogEntry[] = [];
  readonly down = new Set<string>();
  readonly #root: ServerRoot;
  factory: PBServerFactory;

  constructor(root: ServerRoot) {
    this.#root = root;
    this.factory = new PBServerFactory(root, { log: () => {} });
  }

  get kinds(): string[] {
    return this.states.map(({ kind }) => kind);
  }

  get connected(): Broker {
    const state = this.states.findLast(({ kind }) => kind === "connected");
    assert(state?.kind === "connected");
    return state.broker;
  }

  get logged(): string[] {
    return this.log.map(({ event, level, message }) => `${event} ${level} ${message}`);
  }

  readonly options: SessionOptions = {
    log: (entry) => this.log.push(entry),
    onState: (state) => this.states.push(state),
    backoff: backoff({ random: () => 0 }),
    connect: async (url, options) => {
      this.dialed.push(url);
      await undefined;
      if (this.down.has(url) || this.down.has("all")) throw new ConnectError(url, "it is down");
      const [here, there] = memoryPair();
      this.factory.buildBroker(there);
      const broker = new PBClientFactory(options).buildBroker(here);
      await broker.ready;
      return broker;
    },
  };

  /** Closes all connections, as a server that restarts does. */
  async restart(): Promise<void> {
    await this.factory.close();
    this.factory = new PBServerFactory(this.#root, { log: () => {} });
    await this.time.runMicrotasks();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.factory.close();
    this.time.restore();
  }
}

Deno.test("Session reconnects and runs its recipe again when the connection is lost", async () => {
  await using site = new Site(new Counter());
  let derived = 0;
  await using session = openSession("pb://a.example", {
    ...site.options,
    recipe: async (root: RemoteReference<Counter>) => {
      derived++;
      return await root.callRemote("again");
    },
  });
  assertEquals(session.state, { kind: "connecting", failures: 0 });
  const first = await session.ready();
  assertEquals(await session.use((counter) => counter.callRemote("count")), 1);
  await site.restart();
  assertEquals(site.kinds, ["connecting", "connected", "waiting"]);
  const waiting = site.states[2]!;
  assert(waiting.kind === "waiting");
  assertEquals([waiting.failures, waiting.delay], [1, 1000]);
  assertStringIncludes(waiting.reason.message, "server is closing");
  await site.time.tickAsync(1000);
  const second = await session.ready();
  assert(first !== second);
  assertEquals(derived, 2);
  assertEquals(await session.use((counter) => counter.callRemote("count")), 2);
});

Deno.test("Session waits longer after each failure, and starts over after a stable connection", async () => {
  await using site = new Site(new Counter());
  site.down.add("all");
  await using session = openSession("pb://a.example", site.options);
  const { time, states } = site;
  for (const delay of [1000, 2000, 4000, 8000]) {
    await time.runMicrotasks();
    const state = states.at(-1)!;
    assert(state.kind === "waiting");
    assertEquals(state.delay, delay);
    assert(state.reason instanceof ConnectError);
    await time.tickAsync(delay - 1);
    assertEquals(session.state.kind, "waiting");
    if (delay === 8000) site.down.clear();
    await time.tickAsync(1);
  }
  await session.ready();
  await time.tickAsync(9_999);
  await site.restart();
  // Lost too soon to count as stable.
  assertEquals(states.at(-1), { ...states.at(-1)!, kind: "waiting", failures: 5 } as never);
  await time.tickAsync(16_000);
  await session.ready();
  await time.tickAsync(10_000);
  await site.restart();
  assertEquals(states.at(-1), { ...states.at(-1)!, kind: "waiting", failures: 1 } as never);
});

Deno.test("Session waits as backoff() says unless it is given another backoff", async () => {
  await using site = new Site(new Counter());
  site.down.add("all");
  const { backoff: _, ...options } = site.options;
  await using session = openSession("pb://a.example", options);
  await using other = openSession("pb://a.example", { ...options, backoff: { initial: 50 } });
  await site.time.runMicrotasks();
  const { state } = session;
  assert(state.kind === "waiting" && state.delay >= 500 && state.delay <= 1000);
  assert(other.state.kind === "waiting" && other.state.delay >= 25 && other.state.delay <= 50);
});

const SUBJECT = 'Session with "pb://a.example:8787"';

Deno.test("Session logs why attempts fail, once for each reason in a row", async () => {
  await using site = new Site(new Counter());
  let fault: unknown = new PBError("not yet");
  await using session = openSession("pb://a.example", {
    ...site.options,
    recipe: (root: RemoteReference<Counter>) => {
      if (fault !== undefined) throw fault;
      return root;
    },
  });
  const next = async (delay: number) => {
    await site.time.tickAsync(delay);
    await site.time.runMicrotasks();
  };
  await next(0);
  await next(1000);
  site.down.add("all");
  await next(2000);
  await next(4000);
  site.down.clear();
  await next(8000);
  const down = 'ConnectError: Cannot connect to "pb://a.example": it is down';
  const entries = [
    `sessionFailed warning ${SUBJECT} failed, next attempt in 1000 ms: PBError: not yet`,
    `sessionFailed warning ${SUBJECT} failed, next attempt in 4000 ms: ${down}`,
    `sessionFailed warning ${SUBJECT} failed, next attempt in 16000 ms: PBError: not yet`,
  ];
  assertEquals(site.logged, entries);
  fault = undefined;
  await next(16_000);
  await session.ready();
  // A lost connection alone is not a failed attempt, but begins a new row.
  await site.time.tickAsync(10_000);
  await site.restart();
  assertEquals(site.logged, entries);
  fault = new PBError("not yet");
  await next(1000);
  assertEquals(site.logged.slice(3), [entries[0]!.replace("1000", "2000")]);
});

Deno.test("Session logs a mistake in its recipe as an error of this program, and goes on", async () => {
  await using site = new Site(new Counter());
  const nothing = undefined as unknown as { field: number };
  let runs = 0;
  const recipe = () => {
    runs++;
    return nothing.field;
  };
  await using session = openSession("pb://a.example", { ...site.options, recipe });
  await using two = openSession(["pb://a.example", "pb://b.example"], { ...site.options, recipe });
  await site.time.runMicrotasks();
  await site.time.tickAsync(1000);
  await site.time.runMicrotasks();
  assertEquals([session.state.kind, two.state.kind, runs], ["waiting", "waiting", 6]);
  const message = `${SUBJECT} failed, next attempt in 1000 ms: this program seems to be at fault`;
  assertEquals(site.logged, Array(2).fill(`sessionFailed error ${message}`));
  for (const { error } of site.log) assert(error instanceof TypeError);
});

Deno.test("Session does not take an error of the other end for a mistake in this program", async () => {
  class Faulty extends Root {
    remote_fail(): never {
      throw new TypeError("of the server");
    }
  }
  const registry = new JellyRegistry();
  registry.register("builtins.TypeError", TypeError);
  await using site = new Site(new Faulty());
  await using session = openSession("pb://a.example", {
    ...site.options,
    registry,
    recipe: (root: RemoteReference<Faulty>) => root.callRemote("fail"),
  });
  await site.time.runMicrotasks();
  const { state } = session;
  assert(state.kind === "waiting" && state.reason instanceof TypeError);
  assertEquals(site.logged, [
    `sessionFailed warning ${SUBJECT} failed, next attempt in 1000 ms: TypeError: of the server`,
  ]);
});

Deno.test("Session logs why it ended, unless it was closed on purpose", async () => {
  await using site = new Site(new Counter());
  site.down.add("pb://b.example");
  const options = { ...site.options, giveUp: () => true };
  const down = openSession("pb://b.example", options);
  await down.closed;
  const lost = openSession("pb://a.example", options);
  await lost.ready();
  await site.restart();
  await lost.closed;
  const controller = new AbortController();
  const closed = openSession("pb://a.example", { ...options, signal: controller.signal });
  await closed.ready();
  controller.abort();
  await closed.closed;
  const early = openSession("pb://b.example", options);
  await early.close();
  const wait = () => (void late.close(), 1);
  const late = openSession("pb://b.example", { ...site.options, backoff: wait });
  await late.closed;
  assertEquals(site.log.map(({ event, level }) => [event, level]), [
    ["sessionFailed", "warning"],
    ["sessionFailed", "warning"],
  ]);
  const ended = 'Session with "pb://b.example:8787" ended: ConnectError: Cannot connect';
  assertStringIncludes(site.log[0]!.message, ended);
  assertStringIncludes(site.log[1]!.message, `${SUBJECT} ended: `);
});

Deno.test("Session says that the other end closed the connection if that gave no reason", async () => {
  await using site = new Site(new Counter());
  await using session = openSession("pb://a.example", site.options);
  await session.ready();
  for (const broker of site.factory.brokers) void broker.close();
  await site.time.runMicrotasks();
  const { state } = session;
  assert(state.kind === "waiting" && state.reason instanceof PBConnectionLost);
  assertStringIncludes(state.reason.message, "the other end closed the connection");
});

Deno.test("Session.retry() connects at once when the session waits, and does nothing otherwise", async () => {
  await using site = new Site(new Counter());
  site.down.add("all");
  await using session = openSession("pb://a.example", site.options);
  session.retry();
  await site.time.runMicrotasks();
  assertEquals(site.kinds, ["connecting", "waiting"]);
  site.down.clear();
  session.retry();
  await session.ready();
  session.retry();
  assertEquals(session.state.kind, "connected");
  assertEquals(site.time.now, site.time.start);
});

Deno.test("Session tries its URLs in order at each attempt", async () => {
  await using site = new Site(new Counter());
  site.down.add("pb://a.example").add("pb://b.example");
  await using session = openSession(["pb://a.example", "pb://b.example"], site.options);
  await site.time.runMicrotasks();
  const state = session.state;
  assert(state.kind === "waiting" && state.reason instanceof AggregateError);
  assertStringIncludes(state.reason.message, "any of 2 URLs");
  site.down.delete("pb://b.example");
  await site.time.tickAsync(state.delay);
  await session.ready();
  assertEquals(site.dialed.map((url) => url.at(5)), ["a", "b", "a", "b"]);
  const { state: now } = session;
  assert(now.kind === "connected");
  assertEquals(now.url, "pb://b.example:8787");
});

Deno.test("a session tries no other URL once it is closed, or where giveUp says so", async () => {
  for (const isClosed of [true, false]) {
    await using site = new Site(new Counter());
    site.down.add("all");
    const session: Session = openSession(["pb://a.example", "pb://b.example"], {
      ...site.options,
      giveUp: () => !isClosed,
      connect: (url, options) => {
        if (isClosed) void session.close();
        return site.options.connect!(url, options);
      },
    });
    const reason = await session.closed;
    assertEquals(reason instanceof ConnectError, !isClosed);
    assertEquals(site.dialed, ["pb://a.example"]);
  }
});

Deno.test("Session.use() waits for a connection as long as `wait` and its signal allow", async () => {
  await using site = new Site(new Counter());
  site.down.add("all");
  await using session = openSession<Counter>("pb://a.example", { ...site.options, wait: 5000 });
  await site.time.runMicrotasks();
  const count = (wait?: number) => session.use((root) => root.callRemote("count"), { wait });
  await assertRejects(
    () => count(0),
    NotConnectedError,
    'Cannot use session with "pb://a.example:8787": not connected: ' +
      'Cannot connect to "pb://a.example": it is down',
  );
  const short = assertRejects(() => count(500), NotConnectedError, "not connected within 500 ms");
  const long = count();
  await site.time.tickAsync(500);
  await short;
  site.down.clear();
  await site.time.tickAsync(500);
  assertEquals(await long, 1);
  const controller = new AbortController();
  await site.restart();
  const given = session.use(() => 1, { signal: controller.signal });
  controller.abort(new Error("changed my mind"));
  await assertRejects(() => given, Error, "changed my mind");
  await assertRejects(() => session.ready({ wait: -1 }), RangeError, "0 or a positive integer");
});

Deno.test("Session.ready() and use() with `wait` Infinity wait until connected or aborted", async () => {
  await using site = new Site(new Counter());
  site.down.add("all");
  const options = { ...site.options, wait: Infinity, attemptTimeout: Infinity };
  await using session = openSession<Counter>("pb://a.example", options);
  const controller = new AbortController();
  const given = session.ready({ signal: controller.signal });
  const counted = session.use((counter) => counter.callRemote("count"));
  await site.time.tickAsync(3_600_000);
  controller.abort(new Error("changed my mind"));
  await assertRejects(() => given, Error, "changed my mind");
  site.down.clear();
  await site.time.tickAsync(3_600_000);
  assertEquals(await counted, 1);
});

Deno.test("Session.use() does not repeat a call that was lost with its connection", async () => {
  const counter = new Counter();
  await using site = new Site(counter);
  await using session = openSession<Counter>("pb://a.example", site.options);
  const call = session.use((root) => root.callRemote("wait"));
  await session.ready();
  await site.time.runMicrotasks();
  const lost = assertRejects(() => call, PBConnectionLost);
  await site.restart();
  await lost;
  await site.time.tickAsync(1000);
  await session.ready();
  assertEquals(counter.calls, 1);
});

Deno.test("Session.states() yields the current state, then each new one until the session closes", async () => {
  await using site = new Site(new Counter());
  const session = openSession("pb://a.example", site.options);
  const seen: string[] = [];
  const followed = (async () => {
    for await (const { kind } of session.states()) seen.push(kind);
  })();
  await session.ready();
  await site.restart();
  await site.time.tickAsync(1000);
  await session.ready();
  await session.close();
  await followed;
  assertEquals(seen, ["connecting", "connected", "waiting", "connecting", "connected", "closed"]);
  assertEquals(site.kinds, seen);
  for await (const { kind } of session.states()) assertEquals(kind, "closed");
});

for (const moment of ["connecting", "connected", "waiting"] as const) {
  Deno.test(`Session.close() closes a session that is ${moment}`, async () => {
    await using site = new Site(new Counter());
    if (moment === "waiting") site.down.add("all");
    const session = openSession("pb://a.example", site.options);
    const unready = moment === "connected"
      ? session.ready()
      : assertRejects(() => session.ready(), NotConnectedError, "it is closed");
    if (moment === "connected") await unready;
    if (moment === "waiting") await site.time.runMicrotasks();
    assertEquals(session.state.kind, moment);
    const closed = session.close();
    await session.close();
    await closed;
    assertEquals(session.state, { kind: "closed", reason: undefined });
    assertEquals(await session.closed, undefined);
    await unready;
    await assertRejects(() => session.use(() => 1), NotConnectedError, "it is closed");
    assertEquals(site.factory.brokers.size, 0);
  });
}

Deno.test("Session closes with the reason of its signal when that is aborted", async () => {
  await using site = new Site(new Counter());
  const controller = new AbortController();
  const { signal } = controller;
  const session = openSession("pb://a.example", { ...site.options, signal });
  await session.ready();
  controller.abort(new Error("no more"));
  await session.close();
  assertEquals((await session.closed)?.message, "no more");
  const aborted = openSession("pb://a.example", { ...site.options, signal });
  assertEquals((await aborted.closed)?.message, "no more");
  assertEquals(site.dialed.length, 1);
});

Deno.test("Session lets onState close it, and logs an onState that throws", async () => {
  await using site = new Site(new Counter());
  const log: unknown[] = [];
  const session: Session = openSession("pb://a.example", {
    ...site.options,
    log: (entry) => log.push(entry.message),
    onState: ({ kind }) => {
      if (kind === "connected") void session.close();
      throw new Error("a bad callback");
    },
  });
  assertEquals(await session.closed, undefined);
  assertEquals(log, Array(3).fill("A callback failed"));
});

for (const callback of ["giveUp", "backoff"] as const) {
  Deno.test(`Session closes at once when its ${callback} closes it`, async () => {
    await using site = new Site(new Counter());
    const session: Session = openSession("pb://a.example", {
      ...site.options,
      giveUp: () => {
        if (callback === "giveUp") void session.close();
        return false;
      },
      backoff: () => {
        if (callback === "backoff") void session.close();
        return 1000;
      },
    });
    await session.ready();
    await site.restart();
    assertEquals(await session.closed, undefined);
    assertEquals(site.kinds, ["connecting", "connected", "closed"]);
  });
}

const BAD_CALLBACKS: { name: string; options: SessionOptions; error: RegExp }[] = [
  {
    name: "giveUp throws",
    options: {
      giveUp: () => {
        throw new Error("a bad callback");
      },
    },
    error: /^a bad callback$/,
  },
  {
    name: "backoff throws",
    options: {
      backoff: () => {
        throw new Error("a bad callback");
      },
    },
    error: /^a bad callback$/,
  },
  {
    name: "backoff returns NaN",
    options: { backoff: () => NaN },
    error: /^Cannot set backoff to "NaN"/,
  },
];

for (const { name, options, error } of BAD_CALLBACKS) {
  Deno.test(`Session closes with an error and logs it when its ${name}`, async () => {
    await using site = new Site(new Counter());
    site.down.add("pb://a.example");
    const log: unknown[] = [];
    const session = openSession("pb://a.example", {
      ...site.options,
      ...options,
      log: (entry) => log.push(entry.message),
    });
    const using = assertRejects(() => session.ready(), NotConnectedError);
    assertMatch((await session.closed)!.message, error);
    assertEquals(log, ["A callback failed"]);
    assertEquals(site.kinds.at(-1), "closed");
    await using;
    await session.close();
  });
}

Deno.test("Session limits an attempt, including its recipe, to attemptTimeout", async () => {
  await using site = new Site(new Counter());
  await using session = openSession("pb://a.example", {
    ...site.options,
    attemptTimeout: 5000,
    recipe: async (root: RemoteReference<Counter>) => {
      await root.callRemote("wait");
    },
  });
  await site.time.runMicrotasks();
  await site.time.tickAsync(5000);
  await site.time.runMicrotasks();
  const { state } = session;
  assert(state.kind === "waiting");
  assertEquals(
    state.reason.message,
    'Cannot open session with "pb://a.example:8787": it was not ready within 5000 ms',
  );
  assertEquals(site.factory.brokers.size, 0);
});

Deno.test("Session ends an attempt at attemptTimeout, and closes a connection that is established later", async () => {
  await using site = new Site(new Counter());
  const { connect } = site.options;
  const late: (() => void)[] = [];
  const session = openSession("pb://a.example", {
    ...site.options,
    attemptTimeout: 300,
    connect: async (url, options) => {
      await new Promise<void>((resolve) => late.push(resolve));
      return await connect!(url, { ...options, signal: undefined });
    },
  });
  await site.time.runMicrotasks();
  await site.time.tickAsync(300);
  await site.time.runMicrotasks();
  assertEquals(session.state.kind, "waiting");
  await site.time.tickAsync(1000);
  await site.time.runMicrotasks();
  assertEquals([session.state.kind, late.length], ["connecting", 2]);
  await session.close();
  for (const come of late) come();
  await site.time.runMicrotasks();
  await site.time.tickAsync(1);
  assertEquals([site.dialed.length, site.factory.brokers.size], [2, 0]);
});

Deno.test("Session.use() waits for the next connection after a write failed", async () => {
  await using site = new Site(new Counter());
  const { connect } = site.options;
  const [here, there] = memoryPair();
  const { dialed, fault } = breakable(here);
  await using session = openSession<Counter>("pb://a.example", {
    ...site.options,
    connect: async (url, options) => {
      if (site.dialed.length > 0) return await connect!(url, options);
      site.dialed.push(url);
      site.factory.buildBroker(there);
      const broker = new PBClientFactory(options).buildBroker(dialed);
      await broker.ready;
      return broker;
    },
  });
  await session.use((counter) => counter.callRemote("count"));
  fault.isBroken = true;
  const lost = assertRejects(
    () => session.use((counter) => counter.callRemote("count")),
    PBConnectionLost,
  );
  await site.time.runMicrotasks();
  const counted = session.use((counter) => counter.callRemote("count"));
  await site.time.tickAsync(1000);
  await lost;
  await site.time.tickAsync(1000);
  assertEquals(await counted, 2);
});

Deno.test("Session reconnects when the server refuses calls with GoingAwayError, and lets open calls finish", async () => {
  const counter = new Counter();
  await using site = new Site(counter);
  await using session = openSession<Counter>(["pb://a.example", "pb://b.example"], {
    ...site.options,
    stableAfter: 1000,
  });
  const old = await session.ready();
  const { connected } = site;
  await site.time.tickAsync(1000);
  const waiting = old.callRemote("wait");
  await site.time.runMicrotasks();
  const [server] = site.factory.brokers;
  void server!.close({ graceful: 60_000 });
  await assertRejects(() => session.use((counter) => counter.callRemote("count")), GoingAwayError);
  // The refused call was not started, so the program can repeat it over a new connection at once.
  const again = await session.ready();
  assertEquals(await again.callRemote("count"), 2);
  assertEquals([site.dialed.length, connected.isClosed], [2, false]);
  assertEquals([connected.isPeerGoingAway, again.broker.isPeerGoingAway], [true, false]);
  counter.finish();
  await waiting;
  await connected.closed;
  assertEquals(await session.use((counter) => counter.callRemote("count")), 3);
});

Deno.test("Session keeps its connection when work fails, also if another one goes away", async () => {
  await using site = new Site(new Counter());
  await using session = openSession("pb://a.example", site.options);
  await session.ready();
  const late = Promise.withResolvers<void>();
  const over = session.use(() => late.promise);
  await site.restart();
  await site.time.tickAsync(1000);
  await session.ready();
  const { state } = session;
  await assertRejects(() => session.use(() => Promise.reject(new Error("my fault"))), Error, "my");
  // The work may have called another server.
  const elsewhere = () => Promise.reject(new GoingAwayError("another server"));
  await assertRejects(() => session.use(elsewhere), GoingAwayError, "another");
  late.reject(new GoingAwayError("the first one"));
  await assertRejects(() => over, GoingAwayError, "the first one");
  await site.time.runMicrotasks();
  assertEquals(session.state, state);
});

Deno.test("a session waits before it connects again where the server goes away at once", async () => {
  class Leaving extends Root {
    remote_leave(): void {
      throw new GoingAwayError();
    }
  }
  await using site = new Site(new Leaving());
  await using session = openSession<Leaving>("pb://a.example", site.options);
  await assertRejects(() => session.use((root) => root.callRemote("leave")), GoingAwayError);
  await site.time.runMicrotasks();
  const { state } = session;
  assert(state.kind === "waiting");
  assertEquals([state.failures, state.delay, site.dialed.length], [1, 1000, 1]);
});

Deno.test("Session.close() also closes a connection that the session has left", async () => {
  await using site = new Site(new Counter());
  const session = openSession<Counter>("pb://a.example", { ...site.options, stableAfter: 1000 });
  const old = await session.ready();
  const { connected } = site;
  await site.time.tickAsync(1000);
  const waiting = assertRejects(() => old.callRemote("wait"), PBConnectionLost);
  await site.time.runMicrotasks();
  const [server] = site.factory.brokers;
  const closing = server!.close({ graceful: 60_000 });
  await assertRejects(() => session.use((counter) => counter.callRemote("count")), GoingAwayError);
  await session.ready();
  await session.close();
  assertEquals(connected.isClosed, true);
  await waiting;
  await closing;
});

Deno.test("Session.close() with graceful limits the time of a connection that the session has left", async () => {
  await using site = new Site(new Counter());
  const session = openSession<Counter>("pb://a.example", { ...site.options, stableAfter: 1000 });
  const old = await session.ready();
  const { connected } = site;
  await site.time.tickAsync(1000);
  const waiting = assertRejects(() => old.callRemote("wait"), PBConnectionLost);
  await site.time.runMicrotasks();
  const [server] = site.factory.brokers;
  const leaving = server!.close({ graceful: Infinity });
  await assertRejects(() => session.use((counter) => counter.callRemote("count")), GoingAwayError);
  await session.ready();
  const closed = session.close({ graceful: 500 });
  await site.time.tickAsync(499);
  await site.time.runMicrotasks();
  assertEquals(connected.isClosed, false);
  await site.time.tickAsync(1);
  await closed;
  await waiting;
  await leaving;
});

Deno.test("Session keeps at most eight connections that it has left", async () => {
  class Fickle extends Counter {
    remote_leave(): void {
      throw new GoingAwayError();
    }
  }
  await using site = new Site(new Fickle());
  await using session = openSession<Fickle>("pb://a.example", {
    ...site.options,
    stableAfter: 1000,
  });
  const lost: string[] = [];
  for (let i = 0; i < 10; i++) {
    const fickle = await session.ready();
    await site.time.tickAsync(1000);
    fickle.callRemote("wait").catch((error) => lost.push(error.name));
    await assertRejects(() => session.use((fickle) => fickle.callRemote("leave")), GoingAwayError);
    await session.ready();
  }
  await site.time.runMicrotasks();
  assertEquals(lost, ["PBConnectionLost", "PBConnectionLost"]);
  assertEquals([site.dialed.length, site.factory.brokers.size], [11, 9]);
});

Deno.test("a session that gives up is closed at once, while calls are finished over a connection that it has left", async () => {
  const counter = new Counter();
  await using site = new Site(counter);
  const session = openSession<Counter>("pb://a.example", {
    ...site.options,
    stableAfter: 1000,
    giveUp: (reason) => reason instanceof ConnectError,
  });
  const old = await session.ready();
  await site.time.tickAsync(1000);
  const waiting = old.callRemote("wait");
  await site.time.runMicrotasks();
  const [server] = site.factory.brokers;
  const leaving = server!.close({ graceful: Infinity });
  site.down.add("all");
  await assertRejects(() => session.use((counter) => counter.callRemote("count")), GoingAwayError);
  const reason = 'it is closed: Cannot connect to "pb://a.example": it is down';
  await assertRejects(() => session.ready({ wait: Infinity }), NotConnectedError, reason);
  assertEquals(site.connected.isClosed, false);
  counter.finish();
  await waiting;
  await site.time.tickAsync(200);
  await leaving;
  assertMatch((await session.closed)!.message, /it is down/);
  await session.close();
  await assertRejects(() => session.ready(), NotConnectedError, reason);
});

class Member extends Avatar {
  perspective_mind(): unknown {
    return this.mind;
  }
  constructor(readonly id: AvatarId, readonly mind: unknown) {
    super();
  }
}

class Realm implements IRealm {
  readonly logins: AvatarId[] = [];
  logouts = 0;
  isFull = false;
  requestAvatar(id: AvatarId, mind: unknown): AvatarGrant<IPerspective> {
    if (this.isFull) throw new LoginDenied("full");
    this.logins.push(id);
    return [IPerspective, new Member(id, mind), () => void this.logouts++];
  }
}

function portal(realm: Realm): Portal {
  return new Portal(realm, [new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" })]);
}

Deno.test("Session logs in again as the user in its URL, with its mind", async () => {
  const realm = new Realm();
  await using site = new Site(portal(realm));
  const mind = new Referenceable();
  await using session = openSession<Member>("pb://alice:secret@a.example", {
    ...site.options,
    mind,
  });
  assert(await session.use((avatar) => avatar.callRemote("mind")) === mind);
  await site.restart();
  assertEquals(realm.logouts, 1);
  await site.time.tickAsync(1000);
  assert(await session.use((avatar) => avatar.callRemote("mind")) === mind);
  assertEquals(realm.logins, ["alice", "alice"]);
  const { state } = session;
  assert(state.kind === "connected");
  assertEquals(state.url, "pb://a.example:8787");
});

Deno.test("Session keeps the user logged in even if its recipe drops the avatar", async () => {
  const realm = new Realm();
  await using server = serve(portal(realm), { hostname: "127.0.0.1", port: 0, log: () => {} });
  await using session = openSession(server.url, {
    credentials: new UsernamePassword("alice", "secret"),
    recipe: (_avatar: RemoteReference<Member>, broker: Broker) => broker,
  });
  const broker = await session.ready();
  await collectGarbage();
  // This call arrives after any release of the avatar.
  await assertRejects(() => broker.root().callRemote("nothing"));
  assertEquals(realm.logouts, 0);
});

Deno.test("Session closes on wrong credentials or giveUp, and tries again when the login is denied", async () => {
  const realm = new Realm();
  await using site = new Site(portal(realm));
  const wrong = openSession("pb://alice:wrong@a.example", site.options);
  assert(await wrong.closed instanceof UnauthorizedLogin);
  await assertRejects(() => wrong.ready(), NotConnectedError, "it is closed");
  realm.isFull = true;
  const credentials = new UsernamePassword("alice", "secret");
  await using session = openSession("pb://a.example", { ...site.options, credentials });
  while (session.state.kind !== "waiting") await site.time.runMicrotasks();
  assert(session.state.reason instanceof LoginDenied);
  realm.isFull = false;
  await site.time.tickAsync(1000);
  await session.ready();
  const stubborn = openSession("pb://a.example", {
    ...site.options,
    giveUp: ({ message }) => message.includes("down"),
  });
  site.down.add("all");
  assert(await stubborn.closed instanceof ConnectError);
});

Deno.test("Session asks giveUp once about each error", async () => {
  await using site = new Site(new Counter());
  const asked: string[] = [];
  const options: SessionOptions = {
    ...site.options,
    giveUp: ({ message }) => asked.push(message) === 5,
  };
  site.down.add("all");
  await using session = openSession("pb://a.example", options);
  await site.time.runMicrotasks();
  assertEquals([asked.length, session.state.kind], [1, "waiting"]);
  await using other = openSession(["pb://a.example", "pb://b.example"], options);
  await site.time.runMicrotasks();
  assertEquals([asked.length, other.state.kind], [4, "waiting"]);
  assertStringIncludes(asked[3]!, "any of 2 URLs");
  session.retry();
  await site.time.runMicrotasks();
  assertEquals([asked.length, session.state.kind], [5, "closed"]);
});

Deno.test("openSession() refuses invalid URLs and options", () => {
  assertThrows(() => openSession([]), TypeError, "there is no URL");
  assertThrows(() => openSession("http://a.example"), TypeError, "scheme");
  for (
    const options of [
      { wait: -1 },
      { attemptTimeout: 0 },
      { stableAfter: 0.5 },
      { backoff: { factor: 0 } },
    ]
  ) {
    assertThrows(() => openSession("pb://a.example", options), RangeError);
  }
});

Deno.test("backoff() grows to its limit, reduced by jitter, and refuses invalid options", () => {
  const waits = (random: number) =>
    [1, 2, 3, 10].map(
      backoff({ initial: 10, factor: 3, max: 100, jitter: 0.2, random: () => random }),
    );
  assertEquals(waits(0), [10, 30, 90, 100]);
  assertEquals(waits(1), [8, 24, 72, 80]);
  for (
    const wrong of [{ initial: 0 }, { factor: 0.5 }, { max: 1 }, { jitter: 2 }, { factor: NaN }]
  ) {
    assertThrows(() => backoff(wrong), RangeError, Object.keys(wrong)[0]);
  }
  assertThrows(
    () => backoff({ initial: 90_000 }),
    RangeError,
    'Cannot set max to "60000": it is not a finite number of at least 90000 (initial)',
  );
});

Deno.test("Session over TCP reconnects to a server that is restarted on its port", async () => {
  const first = serve(new Counter(), { hostname: "127.0.0.1", port: 0 });
  await using session = openSession<Counter>(first.url, { backoff: () => 1 });
  assertEquals(await session.use((root) => root.callRemote("count")), 1);
  await first.close();
  for await (const { kind } of session.states()) if (kind !== "connected") break;
  await using _second = serve(new Counter(), { url: first.url });
  assertEquals(await session.use((root) => root.callRemote("count")), 1);
});

Deno.test("connect() uses the user and the object name in its URL", async () => {
  class Named extends Root {
    override rootObject(broker: Broker): Root {
      broker.setNameForLocal("counter", new Counter());
      return this;
    }
  }
  const realm = new Realm();
  await using server = serve(portal(realm), { url: "pb://127.0.0.1:0" });
  await using broker = await connect(server.url.replace("//", "//alice:secret@"));
  const avatar = await broker.login<Member>();
  assertEquals(await avatar.callRemote("mind"), null);
  assertEquals(realm.logins, ["alice"]);
  await using other = serve(new Named(), { url: "pb://127.0.0.1:0" });
  await using named = await connect(`${other.url}/counter`);
  assertEquals(await named.root<Counter>().callRemote("count"), 1);
  await assertRejects(() => named.login(), TypeError, "Cannot log in: neither");
});

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  connect,
  connectPair,
  openSession,
  PBClientFactory,
  Root,
  serve,
} from "@perspective/broker/broker";
import { dial, fromMessagePort, listen, upgradeWebSocket } from "@perspective/broker/transport";
import {
  deadline,
  duration,
  milliseconds,
  millisecondsOrNone,
  positiveInteger,
} from "../../../transport/base/checks.ts";

const CHECKS = { positiveInteger, milliseconds, millisecondsOrNone, deadline, duration };
const EDGES: { value: number; good: (keyof typeof CHECKS)[] }[] = [
  { value: NaN, good: [] },
  { value: -1, good: [] },
  { value: 0, good: ["millisecondsOrNone", "duration"] },
  { value: 0.5, good: ["duration"] },
  {
    value: 1,
    good: ["positiveInteger", "milliseconds", "millisecondsOrNone", "deadline", "duration"],
  },
  {
    value: 2 ** 31 - 1,
    good: ["positiveInteger", "milliseconds", "millisecondsOrNone", "deadline", "duration"],
  },
  { value: 2 ** 31, good: ["positiveInteger", "duration"] },
  { value: Infinity, good: ["deadline", "duration"] },
];

for (const { value, good } of EDGES) {
  Deno.test(`checks of options accept or refuse ${value} as documented`, () => {
    for (const name of Object.keys(CHECKS) as (keyof typeof CHECKS)[]) {
      if (good.includes(name)) assertEquals(CHECKS[name]("some", value), value);
      else assertThrows(() => CHECKS[name]("some", value), RangeError, `some to "${value}"`);
    }
  });
}

const UPGRADE = new Request("http://localhost/", {
  headers: {
    "host": "localhost",
    "upgrade": "websocket",
    "connection": "upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  },
});

for (const url of ["pb://127.0.0.1:0", "ws://127.0.0.1:0"]) {
  for (
    const bad of ["handshakeTimeout", "maxHandshakes", "window", "maxUnread", "maxMessageSize"]
  ) {
    Deno.test(`listen() at ${url} refuses a ${bad} of NaN`, () => {
      assertThrows(() => listen({ url, [bad]: NaN }), RangeError, `Cannot set ${bad} to "NaN"`);
    });
  }
}

Deno.test("dial(), upgradeWebSocket() and fromMessagePort() refuse numbers out of range", async () => {
  for (const bad of ["timeout", "window", "maxUnread", "maxMessageSize", "highWaterMark"]) {
    await assertRejects(() => dial("pb://127.0.0.1:1", { [bad]: 0 }), RangeError, bad);
  }
  for (const bad of ["window", "idleTimeout"]) {
    assertThrows(() => upgradeWebSocket(UPGRADE, { [bad]: NaN }), RangeError, bad);
  }
  const { port1, port2 } = new MessageChannel();
  assertThrows(() => fromMessagePort(port1, { window: NaN }), RangeError, "window");
  port1.close();
  port2.close();
});

Deno.test("openSession() and PBClientFactory refuse numbers out of range before they connect", () => {
  for (const bad of ["timeout", "window", "maxUnread", "maxMessageSize", "highWaterMark"]) {
    const options = { [bad]: NaN };
    assertThrows(() => openSession("pb://127.0.0.1:1", options), RangeError, bad);
    assertThrows(() => new PBClientFactory(options), RangeError, bad);
  }
});

Deno.test("connect() rejects, and does not throw, when a limit is out of range", async () => {
  const call = connect("pb://127.0.0.1:1", { limits: { maxCallsIn: -1 } });
  await assertRejects(() => call, RangeError, "maxCallsIn");
});

Deno.test("close() of Broker, Session, PBServer and PBServerFactory rejects an invalid time, and closes nothing", async () => {
  await using pair = await connectPair(new Root());
  const closing = pair.client.close({ graceful: NaN });
  await assertRejects(() => closing, RangeError, "graceful");
  assertEquals(pair.client.isClosed, false);
  await using server = serve(new Root(), { url: "pb://127.0.0.1:0" });
  await using session = openSession(server.url);
  await session.ready();
  await assertRejects(() => session.close({ graceful: NaN }), RangeError, "graceful");
  assertEquals(session.state.kind, "connected");
  await assertRejects(() => server.close({ graceful: -1 }), RangeError, "graceful");
  await assertRejects(() => server.factory.close({ graceful: NaN }), RangeError, "graceful");
  assertEquals(server.factory.isFull, false);
});

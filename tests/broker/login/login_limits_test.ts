import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  AllowAnonymousAccess,
  Anonymous,
  BearerToken,
  BearerTokenChecker,
  type Broker,
  callOptions,
  Copyable,
  DeadReferenceError,
  type ICredentials,
  type ICredentialsChecker,
  IUsernamePassword,
  JellyRegistry,
  LoginDenied,
  type LoginFacts,
  LoginFailed,
  type LoginLimiter,
  LoginLimitError,
  LoginThrottle,
  memoryPair,
  NoSuchMethod,
  PBConnectionLost,
  PBServerFactory,
  type Peer,
  Referenceable,
  RemoteCopy,
  type RemoteReference,
  respond,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "@perspective/broker";
import { isWanted } from "../../../cred/watched.ts";
import { Member, testPortal, users } from "./login_realm.ts";
import { flavorRegistry } from "../flavor_classes.ts";
import { settle, testPair } from "../pair.ts";
import { failureIn, rawClient } from "../raw_peer.ts";

const alice = new UsernamePassword("alice", "secret");
const guess = new UsernamePassword("alice", "guess");
const MD5 = { mechanisms: ["MD5"] } as const;
const SCRAM_FIRST = new TextEncoder().encode("n,,n=alice,r=abc");

/** Gets a challenge without answering it. */
async function challenged(client: Broker): Promise<[Uint8Array, RemoteReference]> {
  return await client.root().callRemote("login", "alice") as [Uint8Array, RemoteReference];
}

async function scramChallenged(
  client: Broker,
  mind: unknown = null,
): Promise<[Uint8Array, RemoteReference]> {
  return await client.root().callRemote("loginScram", SCRAM_FIRST, mind) as [
    Uint8Array,
    RemoteReference,
  ];
}

/** Waits until a broker has closed, and returns the login limit that closed it. */
async function limitOf(broker: Broker): Promise<string> {
  const reason = await broker.closed;
  assertInstanceOf(reason, LoginLimitError);
  return reason.limit;
}

// Clients that have gone.

Deno.test("isWanted() tells a checker that the client has gone", async () => {
  const credentials: ICredentials[] = [];
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<never>();
  const checker: ICredentialsChecker = {
    credentialInterfaces: [IUsernamePassword],
    requestAvatarId(given) {
      credentials.push(given);
      asked.resolve();
      return answered.promise;
    },
  };
  const { root } = testPortal({ checkers: [checker] });
  await using pair = await testPair(root);
  const lost = assertRejects(() => pair.client.login(alice), PBConnectionLost);
  await asked.promise;
  assertEquals(credentials.map(isWanted), [true]);
  await pair.client.close();
  await lost;
  await pair.server.closed;
  assertEquals(credentials.map(isWanted), [false]);
  answered.reject(new UnauthorizedLogin());
});

// One challenge, one response.

Deno.test("PortalRoot accepts one response to a challenge, whether right or wrong", async () => {
  const { realm, root } = testPortal();
  await using pair = await testPair(root);
  const [first, responder] = await challenged(pair.client);
  const [second, other] = await challenged(pair.client);
  assertEquals([first.length, second.length], [16, 16]);
  assert(first.join() !== second.join());

  const avatar = await responder.callRemote("respond", respond(first, "secret"), null);
  assertEquals(await (avatar as RemoteReference).callRemote("whoami"), "alice");
  await assertRejects(
    () => responder.callRemote("respond", respond(first, "secret"), null),
    UnauthorizedLogin,
  );
  const wrong = respond(second, "guess");
  await assertRejects(() => other.callRemote("respond", wrong, null), UnauthorizedLogin);
  const right = respond(second, "secret");
  await assertRejects(() => other.callRemote("respond", right, null), UnauthorizedLogin);
  assertEquals(realm.events, ["login alice"]);
});

Deno.test("PortalRoot refuses a response to another challenge", async () => {
  const { root } = testPortal();
  await using pair = await testPair(root);
  const [first] = await challenged(pair.client);
  const [, responder] = await challenged(pair.client);
  await assertRejects(
    () => responder.callRemote("respond", respond(first, "secret"), null),
    UnauthorizedLogin,
  );
});

Deno.test("challengeTimeout ends challenges of MD5 and SCRAM", async () => {
  using time = new FakeTime();
  const { realm, root } = testPortal({ challengeTimeout: 1000, loginTimeout: Infinity });
  const pair = await testPair(root);
  for (const challenge of [challenged, scramChallenged]) {
    const answer = challenge(pair.client);
    let offer: [Uint8Array, RemoteReference] | undefined;
    answer.then((value) => offer = value);
    while (offer === undefined) await time.tickAsync(0);
    await time.tickAsync(999);
    assertEquals(pair.serverLog.length, challenge === challenged ? 0 : 1);
    await time.tickAsync(1);
    // SCRAM computes a while before it says so.
    while (challenge !== challenged && pair.serverLog.length < 2) await time.tickAsync(0);
    const late = offer[1].callRemote("respond", respond(offer[0], "secret"), null);
    const refused = assertRejects(() => late, UnauthorizedLogin);
    await time.tickAsync(0);
    await refused;
  }
  assertEquals(pair.serverLog.map(({ message }) => message), [
    "Login from memory:first refused: Cannot log in: credentials not accepted",
    'Login of "alice" from memory:first refused: Cannot log in: no response within 1000 ms',
    "Login from memory:first refused: Cannot log in: credentials not accepted",
  ]);
  assertEquals(realm.events, []);
  const closed = pair[Symbol.asyncDispose]();
  await time.tickAsync(0);
  await closed;
});

Deno.test("PortalRoot keeps nothing of challenges of MD5 and SCRAM that the client releases", async () => {
  const { root } = testPortal({ maxPendingLogins: 1 });
  await using pair = await testPair(root);
  await settle();
  const before = pair.server.counts;
  for (const challenge of [challenged, scramChallenged]) {
    for (let i = 0; i < 3; i++) {
      const [, responder] = await challenge(pair.client);
      responder.release();
      await settle();
      assertEquals(pair.server.counts, before);
    }
  }
});

Deno.test("PortalRoot keeps no timers and logins of open challenges when the connection closes", async () => {
  const { realm, root } = testPortal();
  const pair = await testPair(root);
  await challenged(pair.client);
  await scramChallenged(pair.client);
  await pair[Symbol.asyncDispose]();
  await settle();
  assertEquals(realm.events, []);
  assertEquals(pair.serverLog, []);
});

// Numbers of logins.

Deno.test("maxPendingLogins refuses unanswered challenges from the 65th on by default", async () => {
  const { root } = testPortal();
  await using pair = await testPair(root);
  const offers = await Promise.allSettled(
    Array.from({ length: 3000 }, () => challenged(pair.client)),
  );
  const given = offers.filter(({ status }) => status === "fulfilled");
  assertEquals(given.length, 64);
  for (const offer of offers) {
    if (offer.status === "rejected") assertInstanceOf(offer.reason, LoginDenied);
  }
  assertEquals(pair.server.counts.localObjects, 65);
  assertEquals(pair.serverLog, []);
});

Deno.test("maxStrangerBytes limits the minds of all logins that wait for a response together", async () => {
  const { root } = testPortal({ maxStrangerBytes: 10_000 });
  await using pair = await testPair(root);
  const mind = { big: "m".repeat(6000) };
  const [, responder] = await scramChallenged(pair.client, mind);
  await assertRejects(() => scramChallenged(pair.client, mind), LoginDenied, "too many logins");
  const [, small] = await scramChallenged(pair.client);
  responder.release();
  await settle();
  const [, next] = await scramChallenged(pair.client, mind);
  for (const one of [small, next]) one.release();
  await settle();
});

Deno.test("maxStrangerBytes does not limit the mind of one further login by a logged-in client", async () => {
  const { root } = testPortal({ maxStrangerBytes: 10_000 });
  await using pair = await testPair(root);
  await pair.client.login(alice, null, MD5);
  const mind = { big: "m".repeat(20_000) };
  const [, responder] = await scramChallenged(pair.client, mind);
  await assertRejects(() => scramChallenged(pair.client), LoginDenied, "too many logins");
  responder.release();
  await settle();
});

Deno.test("maxPendingLogins counts logins that wait for the realm", async () => {
  const work = Promise.withResolvers<void>();
  const { root } = testPortal({
    maxPendingLogins: 2,
    avatarFor: async (name) => {
      await work.promise;
      return new Member(name);
    },
  });
  await using pair = await testPair(root);
  const slow = [alice, alice].map((one) => pair.client.login(one, null, MD5));
  await settle();
  await settle();
  await assertRejects(() => pair.client.login(alice, null, MD5), LoginDenied);
  work.resolve();
  await Promise.all(slow);
  await pair.client.login(alice, null, MD5);
});

for (const mechanism of ["MD5", "PLAIN", "SCRAM-SHA-256"] as const) {
  Deno.test(`maxLogins refuses further logins by ${mechanism} until one is logged out`, async () => {
    const { realm, root } = testPortal({ maxLogins: 2, maxFailedLogins: 2 });
    await using pair = await testPair(root);
    const login = () => pair.client.login<Member>(alice, null, { mechanisms: [mechanism] });
    const first = await login();
    const second = await login();
    const fact = "Cannot log in: there may be 2 logins over this connection at once";
    for (let i = 0; i < 5; i++) await assertRejects(login, LoginDenied, fact);
    assertEquals(realm.events, ["login alice", "login alice"]);
    assertEquals(
      pair.serverLog,
      Array(5).fill({
        event: "loginRefused",
        level: "warning",
        message: `Login of "alice" from memory:first refused: ${fact}`,
        peer: pair.server.peer,
      }),
    );
    first.release();
    await settle();
    await login();
    await assertRejects(login, LoginDenied);
    assertEquals(await second.callRemote("whoami"), "alice");
  });
}

Deno.test("maxLogins counts logins whose avatar is a copy until the connection closes", async () => {
  class Profile extends Copyable {
    static readonly jellyName = "login.Profile";
  }
  class RemoteProfile extends RemoteCopy {}
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(Profile, RemoteProfile);
  const profile = new Profile();
  const { realm, root } = testPortal({ maxLogins: 10, avatarFor: () => profile });
  const options = { mechanisms: ["PLAIN"], avatar: RemoteProfile } as const;
  for (let round = 0; round < 2; round++) {
    await using pair = await testPair(root, { client: { registry } });
    const logins = Array.from({ length: 20 }, () => pair.client.login(alice, null, options));
    const outcomes = await Promise.allSettled(logins);
    assertEquals(outcomes.filter(({ status }) => status === "fulfilled").length, 10);
  }
  for (const what of ["login alice", "logout alice"]) {
    assertEquals(realm.events.filter((event) => event === what).length, 20);
  }
});

Deno.test("maxLogins counts pending logins, but not failed ones", async () => {
  const work = Promise.withResolvers<void>();
  const { root } = testPortal({
    maxLogins: 1,
    avatarFor: async (name) => {
      await work.promise;
      return new Member(name);
    },
  });
  await using pair = await testPair(root);
  const login = () => pair.client.login(alice, null, MD5);
  const [, responder] = await challenged(pair.client);
  await assertRejects(login, LoginDenied);
  responder.release();
  await settle();
  await assertRejects(() => pair.client.login(guess, null, MD5), UnauthorizedLogin);
  const slow = login();
  await settle();
  await assertRejects(login, LoginDenied);
  work.resolve();
  await slow;
});

Deno.test("maxLogins does not count a login whose avatar cannot be sent", async () => {
  class Unsendable extends Copyable {
    override getStateToCopy(): never {
      throw new TypeError("no state");
    }
  }
  const avatars: unknown[] = [new Unsendable(), new Unsendable(), new Member("alice")];
  const { root } = testPortal({ maxLogins: 1, avatarFor: () => avatars.shift() });
  await using pair = await testPair(root);
  for (let i = 0; i < 2; i++) await assertRejects(() => pair.client.login(alice, null, MD5));
  const avatar = await pair.client.login<Member>(alice, null, MD5);
  assertEquals(await avatar.callRemote("whoami"), "alice");
});

for (const mechanism of ["MD5", "PLAIN", "SCRAM-SHA-256"] as const) {
  Deno.test(`maxFailedLogins answers the last failed login by ${mechanism}, then closes the connection`, async () => {
    const { realm, root } = testPortal({ maxFailedLogins: 3 });
    await using pair = await testPair(root);
    const options = { mechanisms: [mechanism] };
    for (let i = 0; i < 3; i++) {
      await assertRejects(() => pair.client.login(guess, null, options), UnauthorizedLogin);
    }
    assertEquals(await limitOf(pair.server), "maxFailedLogins");
    await pair.client.closed;
    assertEquals(realm.events, []);
    assertEquals(
      pair.serverLog.at(-1)!.message,
      "Connection to memory:first closed: Cannot keep connection: 3 logins have failed (maxFailedLogins)",
    );
  });
}

Deno.test("maxFailedLogins counts failed logins of every kind, with and without an answer", async () => {
  const checkers = [users(), new BearerTokenChecker(() => null)];
  const { root } = testPortal({ maxFailedLogins: 5, checkers });
  await using pair = await testPair(root);
  const open = pair.client.root();
  await assertRejects(() => pair.client.login(new Anonymous()), UnhandledCredentials);
  await assertRejects(() => pair.client.login(new BearerToken("t")), UnauthorizedLogin);
  await assertRejects(() => open.callRemote("login", 7), UnauthorizedLogin);
  await assertRejects(() => open.callRemote("loginScram", new Uint8Array(1)), LoginFailed);
  assert(!pair.server.isClosed);
  await open.callRemote("loginPlain", "alice", "guess", null, callOptions({ answer: false }));
  assertEquals(await limitOf(pair.server), "maxFailedLogins");
});

/** Counts how many logins are checked. */
function counted(checker = users()): { checker: typeof checker; count: () => number } {
  const { requestAvatarId } = checker;
  let count = 0;
  checker.requestAvatarId = (credentials) => {
    count++;
    return requestAvatarId.call(checker, credentials);
  };
  return { checker, count: () => count };
}

const RUSHES: { name: string; login: (client: Broker, password: string) => Promise<unknown> }[] = [
  {
    name: "PLAIN",
    login: (client, password) => client.root().callRemote("loginPlain", "alice", password),
  },
  ...(["MD5", "SCRAM-SHA-256"] as const).map((name) => ({
    name,
    login: (client: Broker, password: string) =>
      client.login(new UsernamePassword("alice", password), null, { mechanisms: [name] }),
  })),
];
for (const { name, login } of RUSHES) {
  Deno.test(`maxFailedLogins limits how many simultaneous guesses by ${name} are checked`, async () => {
    const { checker, count } = counted();
    const { root } = testPortal({ checkers: [checker], maxFailedLogins: 3 });
    await using pair = await testPair(root);
    const guesses = await Promise.allSettled(
      Array.from({ length: 500 }, () => login(pair.client, "x")),
    );
    assert(guesses.every(({ status }) => status === "rejected"));
    assertEquals(await limitOf(pair.server), "maxFailedLogins");
    assertEquals([count(), pair.serverLog.length], [3, 4]);
  });

  Deno.test(`maxFailedLogins does not limit simultaneous right logins by ${name}`, async () => {
    const { root } = testPortal({ maxFailedLogins: 3 });
    await using pair = await testPair(root);
    await Promise.all(Array.from({ length: 50 }, () => login(pair.client, "secret")));
    assert(!pair.server.isClosed);
  });
}

Deno.test("PortalRoot does not check waiting logins when the connection closes", async () => {
  const { checker, count } = counted();
  const { realm, root } = testPortal({ checkers: [checker], maxFailedLogins: 2 });
  const pair = await testPair(root);
  for (let i = 0; i < 2; i++) await scramChallenged(pair.client);
  const waiting = RUSHES[0]!.login(pair.client, "secret");
  const lost = assertRejects(() => waiting, Error, "connection lost");
  await settle();
  await pair[Symbol.asyncDispose]();
  await lost;
  await settle();
  assertEquals([count(), realm.events, pair.serverLog], [2, [], []]);
});

// The limiter.

Deno.test("limiter gets the address and user of each login, and its outcome", async () => {
  const heard: unknown[] = [];
  const note = (what: string) => (facts: LoginFacts) => void heard.push([what, { ...facts }]);
  const limiter: LoginLimiter = {
    check: note("check"),
    failed: note("failed"),
    succeeded: note("succeeded"),
  };
  const addresses: [Peer["kind"], string, string | undefined][] = [
    ["tcp", "192.0.2.1:5000", "192.0.2.1"],
    ["tls", "[2001:db8::1]:5000", "2001:db8::1"],
    ["websocket", "192.0.2.1:5000", "192.0.2.1"],
    ["websocket", "", undefined],
    ["unix", "/run/pb.sock", undefined],
    ["memory", "memory:first", undefined],
    ["port", "port", undefined],
  ];
  for (const [kind, address, known] of addresses) {
    const { root } = testPortal({
      limiter,
      checkers: [users(), new AllowAnonymousAccess()],
      secure: true,
    });
    await using pair = await rawClient(
      Object.assign(Object.create(root), {
        rootObject: (broker: Broker) => {
          Object.defineProperty(broker, "peer", { value: { kind, address, secure: false } });
          return root.rootObject(broker);
        },
      }),
    );
    const facts = known === undefined ? {} : { address: known };
    await pair.peer.ask(
      ["message", 1, "root", "loginPlain", 1, ["tuple", "alice", "secret"], ["dictionary"]],
    );
    await pair.peer.ask(
      ["message", 2, "root", "loginPlain", 1, ["tuple", "bob", "secret"], ["dictionary"]],
    );
    await pair.peer.ask(
      ["message", 3, "root", "loginAnonymous", 1, ["tuple", ["None"]], ["dictionary"]],
    );
    assertEquals(heard.splice(0), [
      ["check", { ...facts, username: "alice" }],
      ["succeeded", { ...facts, username: "alice" }],
      ["check", { ...facts, username: "bob" }],
      ["failed", { ...facts, username: "bob" }],
      ["check", facts],
      ["succeeded", facts],
    ]);
  }
});

Deno.test("LoginThrottle as limiter denies guesses across connections", async () => {
  const { root } = testPortal({
    limiter: new LoginThrottle({ allowances: { pair: 2 } }),
    addressOf: () => "192.0.2.1",
  });
  for (const expected of [UnauthorizedLogin, UnauthorizedLogin, LoginDenied, LoginDenied]) {
    await using pair = await testPair(root);
    await assertRejects(() => pair.client.login(guess, null, MD5), expected);
  }
  await using pair = await testPair(root);
  const jürgen = new UsernamePassword("jürgen", "gehëim");
  await pair.client.login(jürgen, null, MD5);
});

Deno.test("limiter that throws fails the login without details for the client", async () => {
  const fail = () => {
    throw new TypeError("no store");
  };
  const limiter = { check: fail, failed: fail, succeeded: fail };
  const { realm, root } = testPortal({ limiter });
  await using pair = await testPair(root);
  await assertRejects(() => pair.client.login(alice, null, MD5), LoginFailed, "server has failed");
  assertEquals(realm.events, []);
});

Deno.test("limiter is asked only when a challenge is answered, so that open challenges delay nobody", async () => {
  const limiter = new LoginThrottle({ allowances: { pair: 2, address: 2, user: 2 } });
  const { root } = testPortal({ limiter, addressOf: () => "192.0.2.1", scramIterations: 4096 });
  await using idler = await testPair(root);
  for (let i = 0; i < 5; i++) await scramChallenged(idler.client);
  await using pair = await testPair(root);
  await pair.client.login(alice);
  // The limiter is asked on the response, which may then be denied.
  const [, responder] = await scramChallenged(idler.client);
  for (let i = 0; i < 2; i++) limiter.failed({ address: "192.0.2.1", username: "alice" });
  const proof = new TextEncoder().encode("c=biws,r=abc,p=AAAA");
  await assertRejects(() => responder.callRemote("respond", proof), LoginDenied);
});

Deno.test("limiter.enter() gets a signal that aborts when the connection closes", async () => {
  const held: AbortSignal[] = [];
  let checks = 0;
  const limiter: LoginLimiter = {
    check: () => void checks++,
    failed: () => {},
    succeeded: () => {},
    enter: (_facts, signal) =>
      new Promise((_, reject) => {
        held.push(signal!);
        signal!.addEventListener("abort", () => reject(signal!.reason), { once: true });
      }),
  };
  const { root } = testPortal({ limiter });
  const pair = await testPair(root);
  const logins = [pair.client.login(alice, null, MD5), pair.client.login(alice)];
  const outcomes = Promise.allSettled(logins);
  while (held.length < 2) await settle();
  await pair.client.close();
  await outcomes;
  await settle();
  assertEquals(held.map(({ aborted }) => aborted), [true, true]);
  assertEquals(checks, 0);
  await pair[Symbol.asyncDispose]();
});

// Strangers: connections without a login.

Deno.test("loginTimeout closes a connection without a login, and keeps one with a login", async () => {
  using time = new FakeTime();
  const { root } = testPortal({ loginTimeout: 1000 });
  const [stranger, known] = [await testPair(root), await testPair(root)];
  assertEquals(root.strangers, 2);
  let isIn = false;
  known.client.login(alice, null, MD5).then(() => isIn = true);
  while (!isIn) await time.tickAsync(0);
  assertEquals(root.strangers, 1);
  await time.tickAsync(999);
  assert(!stranger.server.isClosed);
  await time.tickAsync(1);
  await time.tickAsync(0);
  assertEquals(await limitOf(stranger.server), "loginTimeout");
  assertEquals(root.strangers, 0);
  assert(!known.server.isClosed);
  await time.tickAsync(5000);
  assert(!known.server.isClosed);
  for (const pair of [stranger, known]) {
    const closed = pair[Symbol.asyncDispose]();
    await time.tickAsync(0);
    await closed;
  }
});

Deno.test("maxStrangers closes the oldest connection without a login", async () => {
  const { root } = testPortal({ maxStrangers: 2 });
  await using known = await testPair(root);
  await known.client.login(alice, null, MD5);
  await using first = await testPair(root);
  await using second = await testPair(root);
  await using third = await testPair(root);
  assertEquals(await limitOf(first.server), "maxStrangers");
  assertEquals(root.strangers, 2);
  assert([known, second, third].every(({ server }) => !server.isClosed));
});

Deno.test("maxStrangers closes the oldest connection from the place that most come from", async () => {
  const places = ["192.0.2.1", "192.0.2.2", "192.0.2.2", undefined, "192.0.2.1"];
  const { root } = testPortal({ maxStrangers: 4, addressOf: () => places.shift() });
  await using first = await testPair(root);
  await using second = await testPair(root);
  await using third = await testPair(root);
  await using fourth = await testPair(root);
  await using fifth = await testPair(root);
  assertEquals(await limitOf(second.server), "maxStrangers");
  assert([first, third, fourth, fifth].every(({ server }) => !server.isClosed));
});

Deno.test("loginTimeout, but not maxStrangers, applies while the realm decides", async () => {
  using time = new FakeTime();
  const avatarFor = () => new Promise(() => {});
  const { root } = testPortal({ maxStrangers: 1, loginTimeout: 1000, avatarFor });
  const known = await testPair(root);
  const outcome = known.client.login(alice, null, MD5).catch(() => {});
  while (root.strangers !== 0) await time.tickAsync(0);
  const stranger = await testPair(root);
  assert(!known.server.isClosed);
  await time.tickAsync(1000);
  await time.tickAsync(0);
  assertEquals(await limitOf(known.server), "loginTimeout");
  await outcome;
  for (const pair of [stranger, known]) {
    const closed = pair[Symbol.asyncDispose]();
    await time.tickAsync(0);
    await closed;
  }
});

Deno.test("maxStrangers sends the reason for closing to the peer", async () => {
  const { root } = testPortal({ maxStrangers: 1 });
  await using first = await rawClient(root);
  await using _second = await rawClient(root);
  assertEquals(await first.peer.hear(), undefined);
  assertEquals(first.peer.closeReason, {
    kind: "policyViolation",
    message: "Cannot keep connection: there are 1 connections without a login",
  });
});

Deno.test("maxStrangerBytes closes a stranger that sends a long message, but not a logged-in client", async () => {
  const { root } = testPortal({ checkers: [users(), new AllowAnonymousAccess()] });
  const size = 300_000;
  // A call with one long argument.
  const call = [
    "message",
    1,
    "root",
    "loginAnonymous",
    1,
    ["tuple", "x".repeat(size)],
    ["dictionary"],
  ];
  await using stranger = await rawClient(root);
  const sent = stranger.peer.say(call).catch(() => {});
  assertEquals(await stranger.peer.hear(), undefined);
  await sent;
  const reason = await stranger.broker.closed;
  assertInstanceOf(reason, LoginLimitError);
  assertEquals(reason.limit, "maxStrangerBytes");

  await using known = await testPair(root);
  const avatar = await known.client.login<Member>(new Anonymous());
  assertEquals(await avatar.callRemote("echo", "x".repeat(size)), "x".repeat(size));
});

/** Makes objects that are sent by reference. */
function things(count: number): Referenceable[] {
  return Array.from({ length: count }, () => new Referenceable());
}

Deno.test("maxStrangerReferences allows a stranger to send the same objects again and again", async () => {
  const { root } = testPortal({ maxStrangerReferences: 3, maxFailedLogins: Infinity });
  await using pair = await testPair(root);
  const open = pair.client.root();
  const minds = things(3);
  // However often they are sent.
  for (let i = 0; i < 5; i++) {
    await assertRejects(() => open.callRemote("loginPlain", "alice", "x", minds));
  }
  assert(!pair.server.isClosed);
});

for (const mechanism of ["MD5", "PLAIN", "SCRAM-SHA-256"] as const) {
  Deno.test(`maxStrangerReferences allows 64 simultaneous logins by ${mechanism} with a mind each`, async () => {
    const { root } = testPortal({ avatarFor: (name, mind) => new Member(name, mind) });
    await using pair = await testPair(root);
    class Mind extends Referenceable {
      remote_called(): string {
        return "here";
      }
    }
    const options = { mechanisms: [mechanism] };
    const avatars = await Promise.all(
      Array.from({ length: 64 }, () => pair.client.login<Member>(alice, new Mind(), options)),
    );
    const called = avatars.map((avatar) => avatar.callRemote("callMind"));
    assertEquals(await Promise.all(called), Array(64).fill("here"));
    // A logged-in client may have more.
    await avatars[0]!.callRemote("echo", things(500));
    assertEquals(pair.serverLog, []);
  });
}

/** Ways in which a stranger sends more objects than it may. */
const HOARDS: { name: string; send: (root: RemoteReference) => Promise<unknown>[] }[] = [
  {
    name: "in one message",
    send: (root) => [root.callRemote("loginAnonymous", things(500))],
  },
  {
    name: "in separate messages",
    send: (root) => things(500).map((one) => root.callRemote("nonsense", one)),
  },
  {
    name: "as minds of pending logins",
    send: (root) =>
      things(500).map((mind) => root.callRemote("loginPlain", "alice", "secret", mind)),
  },
];
for (const { name, send } of HOARDS) {
  Deno.test(`maxStrangerReferences closes a stranger that sends too many objects ${name}`, async () => {
    const { credentialInterfaces } = users();
    const busy = { credentialInterfaces, requestAvatarId: () => new Promise<never>(() => {}) };
    const { root } = testPortal({ checkers: [busy] });
    await using pair = await testPair(root);
    const outcomes = Promise.allSettled(send(pair.client.root()));
    assertEquals(await limitOf(pair.server), "maxStrangerReferences");
    assertEquals([pair.server.counts.remoteObjects, root.strangers], [0, 0]);
    assertEquals((await outcomes).at(-1)!.status, "rejected");
    const fact = "more than 64 are held, and nobody has logged in";
    assertEquals(pair.serverLog.filter(({ event }) => event !== "callFailed"), [{
      event: "connectionClosed",
      level: "warning",
      message:
        `Connection to memory:first closed: Cannot take reference: ${fact} (maxStrangerReferences)`,
      peer: pair.server.peer,
    }]);
  });
}

/** A mind that gives a large answer when the realm calls it. */
class Loaded extends Referenceable {
  remote_called(): unknown {
    return [things(500), "x".repeat(300_000)];
  }
}
const askMind = async (name: string, mind: unknown): Promise<Member> => {
  await (mind as RemoteReference).callRemote("called");
  return new Member(name, mind);
};

for (const mechanism of ["MD5", "PLAIN", "SCRAM-SHA-256"] as const) {
  Deno.test(`the limits for strangers do not apply to a mind's answer to the realm in a login by ${mechanism}`, async () => {
    const { root } = testPortal({ avatarFor: askMind });
    await using pair = await testPair(root);
    const avatar = await pair.client.login<Member>(alice, new Loaded(), {
      mechanisms: [mechanism],
    });
    assertEquals(await avatar.callRemote("whoami"), "alice");
    assertEquals(pair.serverLog, []);
  });
}

Deno.test("the limits for strangers apply to a mind's answer to the realm in an anonymous login", async () => {
  const { root } = testPortal({ checkers: [new AllowAnonymousAccess()], avatarFor: askMind });
  await using pair = await testPair(root);
  const outcome = pair.client.login(new Anonymous(), new Loaded()).catch(() => {});
  assertEquals(await limitOf(pair.server), "maxStrangerBytes");
  await outcome;
});

Deno.test("maxStrangerReferences gives no further objects to a rule that catches the error and reads on", async () => {
  const faults: unknown[] = [];
  const registry = new JellyRegistry();
  registry.setRule("example.Hoard", (_unjellier, list) => {
    while (list.length !== 0) {
      try {
        list.next();
      } catch (error) {
        faults.push(error);
      }
    }
  });
  const { root } = testPortal({ maxStrangerReferences: 2 });
  const pair = await rawClient(root, { registry });
  const hoard = ["example.Hoard", ...[1, 2, 3, 4, 5].map((luid) => ["remote", luid])];
  await pair.peer.say(["message", 1, "root", "x", 1, ["tuple", hoard], ["dictionary"]]);
  assertEquals(await limitOf(pair.broker), "maxStrangerReferences");
  const [first, ...others] = faults;
  assertInstanceOf(first, LoginLimitError);
  assertEquals(others.map((error) => error instanceof DeadReferenceError), [true, true]);
  assertEquals(pair.log.map(({ event }) => event), ["connectionClosed"]);
  await pair[Symbol.asyncDispose]();
});

Deno.test("maxStrangerReferences and maxStrangerBytes limit the results kept until somebody logs in", async () => {
  const { root } = testPortal({
    checkers: [new AllowAnonymousAccess()],
    maxStrangerReferences: 3,
    maxStrangerBytes: 3000,
  });
  await using pair = await rawClient(root, { hello: false });
  const { peer } = pair;
  await peer.hear();
  assertEquals(await peer.ask("perspective-1", ["version", 6]), ["version", 6]);
  const ask = async (id: number, name: string): Promise<string> => {
    const failure = await peer.ask(["message", id, "root", name, 2, ["tuple"], ["dictionary"]]);
    return String(failureIn(failure).value).slice(0, 50);
  };
  const kept: string[] = [];
  for (let id = 1; id <= 4; id++) kept.push(await ask(id, "short"));
  const missing = "No such method: remote_short; log in first";
  assertEquals(kept, [
    ...Array(3).fill(missing),
    "Cannot keep the result for other calls: 3 are kept",
  ]);
  for (let id = 1; id <= 3; id++) await peer.say(["decref", -id]);
  const long = "x".repeat(1000);
  for (let id = 5; id <= 6; id++) assert((await ask(id, long)).startsWith("No such method"));
  const refused = await ask(7, "short");
  assert(/^Cannot keep the result for other calls: 5\d\d\d byt/.test(refused), refused);
  await peer.say(["decref", -5]);
  // Somebody who is known may have more.
  const login = await peer.ask([
    "message",
    8,
    "root",
    "loginAnonymous",
    1,
    ["tuple", ["None"]],
    ["dictionary"],
  ]) as unknown[];
  assertEquals(login[0], "answer");
  for (let id = 9; id <= 20; id++) assertEquals(await ask(id, "short"), missing);
});

Deno.test("PortalRoot with Infinity for every limit has no limits, and leaves no timers", async () => {
  const { root } = testPortal({
    challengeTimeout: Infinity,
    loginTimeout: Infinity,
    maxFailedLogins: Infinity,
    maxPendingLogins: Infinity,
    maxLogins: Infinity,
    maxStrangers: Infinity,
    maxStrangerBytes: Infinity,
    maxStrangerReferences: Infinity,
  });
  await using pair = await testPair(root);
  await Promise.all(Array.from({ length: 200 }, () => challenged(pair.client)));
  for (let i = 0; i < 20; i++) {
    await assertRejects(
      () => pair.client.login(guess, null, { mechanisms: ["PLAIN"] }),
      UnauthorizedLogin,
    );
  }
  assert(!pair.server.isClosed);
});

// Malformed login calls.

const JUNK: unknown[] = [
  null,
  7,
  "text",
  new Uint8Array([0xff]),
  new Uint8Array(2000),
  "x".repeat(2000),
  [],
  {},
];
for (const junk of JUNK) {
  const shown = String(JSON.stringify(junk)).slice(0, 20);
  Deno.test(`PortalRoot refuses logins with ${shown} for every argument, and keeps working`, async () => {
    const checkers = [users(), new BearerTokenChecker(() => null)];
    const { realm, root } = testPortal({ checkers, maxFailedLogins: Infinity });
    await using pair = await testPair(root);
    const open = pair.client.root();
    const [, responder] = await challenged(pair.client);
    const [, scramResponder] = await scramChallenged(pair.client);
    for (
      const call of [
        () =>
          open.callRemote("login", junk).then((offer) => {
            const [, challenger] = offer as [unknown, RemoteReference];
            return challenger.callRemote("respond", junk, junk);
          }),
        () => open.callRemote("loginAnonymous", junk),
        () => open.callRemote("loginPlain", junk, junk, junk),
        () => open.callRemote("loginPlain", "alice", junk, junk),
        () => open.callRemote("loginBearer", junk, junk),
        () => open.callRemote("loginScram", junk, junk),
        () => responder.callRemote("respond", junk, junk),
        () => scramResponder.callRemote("respond", junk, junk),
      ]
    ) await assertRejects(call, LoginFailed);
    assertEquals(realm.events, []);
    const avatar = await pair.client.login<Member>(alice, junk, MD5);
    assertEquals(await avatar.callRemote("whoami"), "alice");
    assertEquals(await open.callRemote("loginMechanisms").then(Array.isArray), true);
  });
}

Deno.test("a name of up to 1024 characters is looked up, and no longer one", async () => {
  const asked: number[] = [];
  const checker: ICredentialsChecker = {
    credentialInterfaces: [IUsernamePassword],
    requestAvatarId({ username }: UsernamePassword) {
      asked.push(username.length);
      throw new UnauthorizedLogin();
    },
  };
  const { root } = testPortal({ checkers: [checker] });
  await using pair = await testPair(root);
  for (const length of [1024, 1025]) {
    const long = new UsernamePassword("n".repeat(length), "secret");
    await assertRejects(
      () => pair.client.login(long, null, { mechanisms: ["PLAIN"] }),
      UnauthorizedLogin,
    );
  }
  assertEquals(asked, [1024]);
});

Deno.test("PortalRoot refuses logins without arguments, and accepts a response without a mind", async () => {
  const { root } = testPortal();
  await using pair = await testPair(root);
  const open = pair.client.root();
  for (const method of ["login", "loginPlain", "loginBearer", "loginScram"]) {
    await assertRejects(() => open.callRemote(method), LoginFailed);
  }
  const [challenge, responder] = await challenged(pair.client);
  assert(await responder.callRemote("respond", respond(challenge, "secret")));
});

Deno.test("PortalRoot logs a user name escaped, on one line, and shortened", async () => {
  const { root } = testPortal();
  await using pair = await testPair(root);
  const name = `eve\n2026-01-01 login of root succeeded${"!".repeat(500)}`;
  await assertRejects(
    () => pair.client.login(new UsernamePassword(name, "x"), null, MD5),
    UnauthorizedLogin,
  );
  const { message } = pair.serverLog[0]!;
  assert(message.startsWith('Login of "eve\\n2026-01-01 login of root succeeded!!'));
  assert(message.length < 200 && !message.includes("\n"));
});

Deno.test("PortalRoot sends the class, base classes and message of a refused login, and no traceback", async () => {
  const { root } = testPortal();
  await using pair = await rawClient(root);
  await pair.peer.ask(
    ["message", 1, "root", "login", 1, ["tuple", "alice"], ["dictionary"]],
  );
  const error = await pair.peer.ask(
    ["message", 2, 1, "respond", 1, ["tuple", "x", ["None"]], ["dictionary"]],
  );
  const { type, value, parents, frames, stack, traceback } = failureIn(error);
  assertEquals({ type, value, parents, frames, stack, traceback }, {
    type: "twisted.cred.error.UnauthorizedLogin",
    value: "Cannot log in: credentials not accepted",
    parents: [
      "twisted.cred.error.UnauthorizedLogin",
      "twisted.cred.error.LoginFailed",
      "twisted.cred.error.Unauthorized",
      "builtins.Exception",
      "builtins.BaseException",
      "builtins.object",
    ],
    frames: [],
    stack: [],
    traceback: "Traceback unavailable\n",
  });
});

Deno.test("the responder of a challenge has no methods except respond()", async () => {
  const { root } = testPortal();
  await using pair = await testPair(root);
  const [, responder] = await challenged(pair.client);
  for (const method of ["whoami", "checkPassword", "login", "constructor", "__proto__"]) {
    await assertRejects(() => responder.callRemote(method), NoSuchMethod, "No such method");
  }
  class Mind extends Referenceable {}
  await assertRejects(() => responder.callRemote("respond", new Mind(), null), UnauthorizedLogin);
});

Deno.test("PortalRoot ends the check of a SCRAM login with LoginDenied when the client closes", async () => {
  const ended: unknown[] = [];
  const noting = users();
  const { requestAvatarId } = noting;
  noting.requestAvatarId = async (credentials) => {
    try {
      return await requestAvatarId.call(noting, credentials);
    } catch (error) {
      ended.push(error);
      throw error;
    }
  };
  const { root } = testPortal({ checkers: [noting] });
  const pair = await testPair(root);
  await scramChallenged(pair.client);
  await pair[Symbol.asyncDispose]();
  await settle();
  assertEquals(ended.map(String), ["LoginDenied: Cannot log in: the client has given up"]);
  assertEquals(pair.serverLog, []);
});

Deno.test("PortalRoot.strangers does not count a client that closes at once", async () => {
  const [here, there] = memoryPair();
  const { root } = testPortal();
  const server = new PBServerFactory(root, { log: () => {} }).buildBroker(there);
  assertEquals(root.strangers, 1);
  here.transport.close();
  await server.closed;
  assertEquals(root.strangers, 0);
});

Deno.test("maxStrangerReferences limits the caches of the client's objects, too", async () => {
  const { root } = testPortal({ maxStrangerReferences: 2 });
  const pair = await rawClient(root, { registry: flavorRegistry() });
  const ledger = (luid: number) => ["interop.Ledger", luid, ["dictionary"]];
  const say = (id: number, ...ledgers: unknown[]) =>
    pair.peer.say(["message", id, "root", "login", 0, ["tuple", ...ledgers], ["dictionary"]]);
  await say(1, ledger(1), ledger(2));
  await settle();
  assertEquals([pair.broker.counts.caches, pair.broker.isClosed], [2, false]);
  await say(2, ledger(3));
  assertEquals(await limitOf(pair.broker), "maxStrangerReferences");
  await pair[Symbol.asyncDispose]();
});

Deno.test("a wrong password is logged although its client has left", async () => {
  const checked = Promise.withResolvers<never>();
  const checker: ICredentialsChecker = {
    credentialInterfaces: [IUsernamePassword],
    requestAvatarId: () => checked.promise,
  };
  const { root } = testPortal({ checkers: [checker] });
  const pair = await testPair(root);
  const plain = { mechanisms: ["PLAIN"] } as const;
  const lost = assertRejects(() => pair.client.login(guess, null, plain), PBConnectionLost);
  await settle();
  await pair.client.close();
  await lost;
  checked.reject(new UnauthorizedLogin());
  await settle();
  const message =
    'Login of "alice" from memory:first refused: Cannot log in: credentials not accepted';
  assertEquals(pair.serverLog.map((entry) => entry.message), [message]);
  await pair[Symbol.asyncDispose]();
});

Deno.test("a challenge that nobody waits for takes no place", async () => {
  const { root } = testPortal({ maxPendingLogins: 2 });
  await using pair = await testPair(root);
  const unanswered = callOptions({ answer: false });
  for (let i = 0; i < 5; i++) await pair.client.root().callRemote("login", "alice", unanswered);
  await pair.client.root().callRemote("loginScram", SCRAM_FIRST, unanswered);
  while (pair.serverLog.length < 1) await settle();
  const [challenge, responder] = await challenged(pair.client);
  const [, other] = await scramChallenged(pair.client);
  await responder.callRemote("respond", respond(challenge, "secret"), null);
  other.release();
  while (pair.serverLog.length < 2) await settle();
  assertEquals(pair.serverLog.map(({ message }) => message.replace(/.*refused: /, "")), [
    "Cannot log in: the client does not wait for a challenge",
    "Cannot log in: the client has given up",
  ]);
});

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { generateKeyPair, jwtVerify, SignJWT } from "npm:jose@^6.0.0";
import {
  Anonymous,
  type AvatarId,
  BearerToken,
  BearerTokenChecker,
  type Dialed,
  FilePasswordDB,
  type ICredentialsChecker,
  IScramCredentials,
  type LoginMechanism,
  makeScramVerifier,
  memoryPair,
  PBClientFactory,
  PBServerFactory,
  type Peer,
  PortalRoot,
  type RemoteReference,
  ScramChecker,
  ScramError,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "@perspective/broker";
import { SqlitePasswordDB } from "@perspective/broker/cred/sqlite";
import { allowedMechanisms, isServed } from "../../../broker/login/mechanisms.ts";
import { Member, testPortal, users } from "./login_realm.ts";
import { settle, type TestPair, testPair } from "../pair.ts";

const alice = new UsernamePassword("alice", "secret");

const peer = (kind: Peer["kind"], secure = false): Peer => ({ kind, address: "x", secure });

// Which mechanisms are allowed.

const ALLOWED: [name: string, Peer, object, LoginMechanism[]][] = [
  ["any over TLS", peer("tls", true), {}, ["SCRAM-SHA-256", "BEARER", "PLAIN", "MD5", "ANONYMOUS"]],
  ["no plain ones over TCP", peer("tcp"), {}, ["SCRAM-SHA-256", "MD5", "ANONYMOUS"]],
  [
    "any over a Unix socket",
    peer("unix"),
    {},
    ["SCRAM-SHA-256", "BEARER", "PLAIN", "MD5", "ANONYMOUS"],
  ],
  [
    "any if option secure is true",
    peer("websocket"),
    { secure: true },
    ["SCRAM-SHA-256", "BEARER", "PLAIN", "MD5", "ANONYMOUS"],
  ],
  [
    "no plain ones if option secure is false",
    peer("tls", true),
    { secure: false },
    ["SCRAM-SHA-256", "MD5", "ANONYMOUS"],
  ],
  [
    "no weak ones with weakMechanisms: never",
    peer("tls", true),
    { weakMechanisms: "never" },
    ["SCRAM-SHA-256", "BEARER", "ANONYMOUS"],
  ],
  [
    "no weak ones over TCP with weakMechanisms: secure",
    peer("tcp"),
    { weakMechanisms: "secure" },
    ["SCRAM-SHA-256", "ANONYMOUS"],
  ],
  [
    "weak ones over TLS with weakMechanisms: secure",
    peer("tls", true),
    { weakMechanisms: "secure" },
    ["SCRAM-SHA-256", "BEARER", "PLAIN", "MD5", "ANONYMOUS"],
  ],
  ["only those that are named", peer("tls", true), { mechanisms: ["MD5", "BEARER"] }, [
    "BEARER",
    "MD5",
  ]],
  ["none if only PLAIN is named over TCP", peer("tcp"), { mechanisms: ["PLAIN"] }, []],
];
for (const [name, peer, options, expected] of ALLOWED) {
  Deno.test(`allowedMechanisms() allows ${name}`, () => {
    assertEquals(allowedMechanisms(peer, options), expected);
  });
}

Deno.test("isServed() is true of the mechanisms that the checkers can check", () => {
  const served = (checker: ICredentialsChecker) =>
    allowedMechanisms(peer("tls", true), {}).filter((mechanism) =>
      isServed(mechanism, checker.credentialInterfaces)
    );
  assertEquals(served(users()), ["SCRAM-SHA-256", "PLAIN", "MD5"]);
  assertEquals(served(new FilePasswordDB("none", { hash: (_name, password) => password })), [
    "PLAIN",
  ]);
  assertEquals(served(new BearerTokenChecker(() => null)), ["BEARER"]);
  using lean = new SqlitePasswordDB(":memory:");
  assertEquals(served(lean), ["SCRAM-SHA-256", "PLAIN"]);
  using full = new SqlitePasswordDB(":memory:", { storeMD5: true });
  assertEquals(served(full), ["SCRAM-SHA-256", "PLAIN", "MD5"]);
});

Deno.test("PortalRoot() and Broker.login() refuse unknown mechanisms", async () => {
  const options = { mechanisms: ["SCRAM-SHA-1" as LoginMechanism] };
  const { portal } = testPortal();
  assertThrows(() => new PortalRoot(portal, options), TypeError, '"SCRAM-SHA-1"');
  await using pair = await testPair(portal);
  await assertRejects(() => pair.client.login(alice, null, options), TypeError, '"SCRAM-SHA-1"');
});

// What client and server choose.

/** Records which remote methods of the root are called. */
function watched(root: PortalRoot): { root: PortalRoot; calls: string[] } {
  const calls: string[] = [];
  const rootObject = root.rootObject.bind(root);
  root.rootObject = (broker) => {
    const object = rootObject(broker);
    return {
      remoteMessageReceived(broker, message, args, kw) {
        calls.push(message);
        return object.remoteMessageReceived(broker, message, args, kw);
      },
    };
  };
  return { root, calls };
}

Deno.test("Broker.login() uses the strongest mechanism that both ends allow", async () => {
  for (
    const [server, client, method] of [
      [{}, {}, "loginScram"],
      [{ mechanisms: ["PLAIN", "MD5"] }, {}, "loginPlain"],
      [{}, { mechanisms: ["MD5", "PLAIN"] }, "loginPlain"],
      [{ mechanisms: ["MD5"] }, {}, "login"],
      [{ weakMechanisms: "never" }, {}, "loginScram"],
      [{ secure: false, mechanisms: ["MD5", "PLAIN"] }, {}, "login"],
    ] as const
  ) {
    const { root, calls } = watched(testPortal(server).root);
    await using pair = await testPair(root);
    const avatar = await pair.client.login<Member>(alice, null, client);
    assertEquals(await avatar.callRemote("whoami"), "alice");
    assertEquals(calls, ["loginMechanisms", method]);
  }
});

Deno.test("Broker.login() does not ask for the mechanisms if only one is possible", async () => {
  const { root, calls } = watched(testPortal().root);
  await using pair = await testPair(root);
  await pair.client.login(alice, null, { weakMechanisms: "never" });
  await assertRejects(() => pair.client.login(new Anonymous()), UnhandledCredentials);
  await assertRejects(() => pair.client.login(new BearerToken("x")), UnhandledCredentials);
  assertEquals(calls, ["loginScram", "loginAnonymous", "loginBearer"]);
});

Deno.test("Broker.login() rejects with the reason when no mechanism is possible", async () => {
  const { root } = testPortal({ mechanisms: ["PLAIN"] });
  await using pair = await testPair(root);
  const cases = [
    [alice, { weakMechanisms: "never", mechanisms: ["MD5"] }, [
      "Cannot log in: the options do not allow SCRAM-SHA-256, PLAIN, MD5 over this connection",
    ]],
    [alice, { mechanisms: ["MD5", "SCRAM-SHA-256"] }, [
      "Cannot log in: the server accepts PLAIN, and this client offers SCRAM-SHA-256, MD5",
    ]],
    [{ provides: [] }, {}, ["Cannot log in: no mechanism takes "]],
  ] as const;
  for (const [credentials, options, [message]] of cases) {
    await assertRejects(
      () => pair.client.login(credentials, null, options),
      UnhandledCredentials,
      message,
    );
  }
  assertEquals(pair.serverLog, []);
});

Deno.test("Broker.login() rejects with a hint at https when WebCrypto is missing for SCRAM", async () => {
  await using pair = await testPair(testPortal().root);
  Object.defineProperty(crypto, "subtle", { value: undefined, configurable: true });
  try {
    await assertRejects(() => pair.client.login(alice), UnhandledCredentials, "over https");
    const avatar = await pair.client.login<Member>(alice, null, { mechanisms: ["MD5"] });
    assertEquals(await avatar.callRemote("whoami"), "alice");
  } finally {
    Reflect.deleteProperty(crypto, "subtle");
  }
});

Deno.test("PortalRoot refuses calls of mechanisms that it does not allow", async () => {
  const { realm, root } = testPortal({ weakMechanisms: "never", secure: false });
  await using pair = await testPair(root);
  const calls: [method: string, ...args: unknown[]][] = [
    ["login", "alice"],
    ["loginPlain", "alice", "secret", null],
    ["loginBearer", "token", null],
  ];
  for (const [method, ...args] of calls) {
    await assertRejects(
      () => pair.client.root().callRemote(method, ...args),
      UnhandledCredentials,
      "is not allowed here",
    );
  }
  assertEquals(realm.events, []);
  assertEquals(pair.serverLog.length, 3);
});

/** Connects a pair over a connection that counts as TCP without TLS. */
async function openPair(root: PortalRoot): Promise<TestPair> {
  const [here, there] = memoryPair();
  const open = (end: Dialed): Dialed => ({ ...end, peer: peer("tcp") });
  const server = new PBServerFactory(root, { log: () => {} }).buildBroker(open(there));
  const client = new PBClientFactory().buildBroker(open(here));
  await client.ready;
  return {
    client,
    server,
    serverLog: [],
    clientLog: [],
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.closed;
    },
  };
}

Deno.test("Broker.login() sends no passwords and tokens over an insecure connection", async () => {
  const checkers = [new BearerTokenChecker(() => "alice"), users()];
  const { root, calls } = watched(testPortal({ checkers }).root);
  await using pair = await openPair(root);
  await assertRejects(
    () => pair.client.login(new BearerToken("t")),
    UnhandledCredentials,
    "Cannot log in: BEARER may be used over a secure connection only (pbs:, wss:,",
  );
  await assertRejects(
    () => pair.client.login(alice, null, { mechanisms: ["PLAIN"] }),
    UnhandledCredentials,
  );
  assertEquals(calls, []);
  assertEquals(await pair.client.root().callRemote("loginMechanisms"), ["SCRAM-SHA-256", "MD5"]);
});

Deno.test("Broker.login() sends a token behind a TLS proxy if both ends set option secure", async () => {
  const checkers = [new BearerTokenChecker(() => "alice")];
  const { root } = testPortal({ checkers, secure: true });
  await using pair = await openPair(root);
  const avatar = await pair.client.login<Member>(new BearerToken("t"), null, { secure: true });
  assertEquals(await avatar.callRemote("whoami"), "alice");
});

// Each checker, by each mechanism.

const FAST = { scrypt: { cost: 1024 }, scramIterations: 4096 };

/** Checkers that know alice, whose password is secret. */
const CHECKERS: Record<
  string,
  (stack: AsyncDisposableStack) => ICredentialsChecker | Promise<ICredentialsChecker>
> = {
  InMemoryUsernamePasswordDatabaseDontUse: users,
  async FilePasswordDB(stack) {
    return new FilePasswordDB(await passwordFile(stack, "secret"));
  },
  async "FilePasswordDB with hash"(stack) {
    const hash = (_name: string | Uint8Array, password: string | Uint8Array) =>
      btoa(typeof password === "string" ? password : new TextDecoder().decode(password));
    return new FilePasswordDB(await passwordFile(stack, btoa("secret")), { hash });
  },
  async SqlitePasswordDB(stack) {
    const database = stack.use(new SqlitePasswordDB(":memory:", FAST));
    await database.addUser("alice", "secret");
    return database;
  },
  async "SqlitePasswordDB with storeMD5"(stack) {
    const database = stack.use(new SqlitePasswordDB(":memory:", { ...FAST, storeMD5: true }));
    await database.addUser("alice", "secret");
    return database;
  },
  async ScramChecker() {
    const verifier = await makeScramVerifier("secret", { iterations: 4096 });
    return new ScramChecker(
      { scramVerifier: (name) => name === "alice" ? verifier : undefined },
      { decoyKey: new Uint8Array(32).fill(7), iterations: 4096 },
    );
  },
};

async function passwordFile(stack: AsyncDisposableStack, password: string): Promise<string> {
  const file = await Deno.makeTempFile();
  stack.defer(() => Deno.remove(file));
  await Deno.writeTextFile(file, `alice:${password}\n`);
  return file;
}

for (const [name, make] of Object.entries(CHECKERS)) {
  Deno.test(`${name} accepts the right password by every mechanism that it serves, and no wrong one`, async () => {
    await using stack = new AsyncDisposableStack();
    const { realm, root } = testPortal({ checkers: [await make(stack)] });
    const pair = stack.use(await testPair(root));
    const offered = await pair.client.root().callRemote("loginMechanisms") as LoginMechanism[];
    assert(offered.length > 0);
    for (const mechanism of offered) {
      const options = { mechanisms: [mechanism] };
      for (const password of ["secret", new TextEncoder().encode("secret")]) {
        const right = new UsernamePassword("alice", password);
        using avatar = await pair.client.login<Member>(right, null, options);
        assertEquals(await avatar.callRemote("whoami"), "alice");
      }
      for (const [user, password] of [["alice", "guess"], ["nobody", "secret"]] as const) {
        const wrong = new UsernamePassword(user, password);
        const failure = await assertRejects(
          () => pair.client.login(wrong, null, options),
          UnauthorizedLogin,
        );
        assertEquals(failure.message, "Cannot log in: credentials not accepted");
      }
    }
    await settle();
    assertEquals(
      realm.events.filter((event) => event === "logout alice").length,
      2 * offered.length,
    );
  });
}

Deno.test("BearerTokenChecker accepts a JSON Web Token of jose, and refuses an expired one", async () => {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA");
  const checker = new BearerTokenChecker(async (token) => {
    const { payload } = await jwtVerify(token, publicKey, {
      algorithms: ["EdDSA"],
      audience: "pb://app.example",
      requiredClaims: ["exp", "sub"],
    });
    return payload.sub;
  });
  const token = (expires: string) =>
    new SignJWT().setProtectedHeader({ alg: "EdDSA" }).setSubject("alice")
      .setAudience("pb://app.example").setExpirationTime(expires).sign(privateKey);
  const { root } = testPortal({ checkers: [checker] });
  await using pair = await testPair(root);
  const avatar = await pair.client.login<Member>(new BearerToken(await token("1m")));
  assertEquals(await avatar.callRemote("whoami"), "alice");
  const late = new BearerToken(await token("-1s"));
  const failure = await assertRejects(() => pair.client.login(late), UnauthorizedLogin);
  assertEquals(failure.message, "Cannot log in: credentials not accepted");
  assertEquals(pair.serverLog.length, 1);
  assertInstanceOf(pair.serverLog[0]!.error, Error); // jose's own error stays on the server
});

// SCRAM.

Deno.test("PortalRoot fails a SCRAM login and logs out when the checker accepts it without a proof", async () => {
  const careless: ICredentialsChecker = {
    credentialInterfaces: [IScramCredentials],
    requestAvatarId: (): AvatarId => "alice",
  };
  const { realm, root } = testPortal({ checkers: [careless] });
  await using pair = await testPair(root);
  const failure = await assertRejects(() =>
    pair.client.login(alice, null, { weakMechanisms: "never" })
  );
  assertEquals((failure as Error).message, "Cannot log in: the server has failed");
  assertEquals(realm.events, ["login alice", "logout alice"]);
});

Deno.test("PortalRoot completes the SCRAM exchange even if the checker refuses the user at once", async () => {
  const hasty: ICredentialsChecker = {
    credentialInterfaces: [IScramCredentials],
    requestAvatarId: () => Promise.reject(new UnauthorizedLogin()),
  };
  const { root } = testPortal({ checkers: [hasty] });
  await using pair = await testPair(root);
  const first = new TextEncoder().encode("n,,n=nobody,r=abc");
  const offer = await pair.client.root().callRemote("loginScram", first, null);
  const [serverFirst, responder] = offer as [Uint8Array, RemoteReference];
  assert(new TextDecoder().decode(serverFirst).startsWith("r=abc"));
  await assertRejects(() => responder.callRemote("respond", first), UnauthorizedLogin);
});

Deno.test("PortalRoot refuses a SCRAM login without a challenge if no checker can check it", async () => {
  const { root } = testPortal({ checkers: [new BearerTokenChecker(() => null)] });
  await using pair = await testPair(root);
  const first = new TextEncoder().encode("n,,n=alice,r=abc");
  const open = pair.client.root();
  await assertRejects(() => open.callRemote("loginScram", first, null), UnhandledCredentials);
});

Deno.test("Broker.login() by SCRAM rejects when the iterations are out of the client's bounds", async () => {
  const { realm, root } = testPortal({ scramIterations: 5000 });
  await using pair = await testPair(root);
  const exactly = { minIterations: 5000, maxIterations: 5000 };
  using _avatar = await pair.client.login(alice, null, { scram: exactly });
  for (const scram of [{ minIterations: 5001 }, { maxIterations: 4999 }]) {
    await assertRejects(() => pair.client.login(alice, null, { scram }), ScramError);
  }
  await settle();
  assertEquals(realm.events, ["login alice"]);
  // The unanswered challenges were released.
  assertEquals(pair.server.counts.callsIn, 0);
  assertEquals(pair.server.counts.localObjects, 2);
});

Deno.test("Broker.login() rejects when its signal is aborted, and the user is logged out", async () => {
  const work = Promise.withResolvers<void>();
  const { realm, root } = testPortal({
    avatarFor: async (name) => {
      await work.promise;
      return new Member(name);
    },
  });
  await using pair = await testPair(root);
  const controller = new AbortController();
  const { signal } = controller;
  const login = pair.client.login(alice, null, { signal });
  login.catch(() => {});
  while (realm.events.length === 0) await settle();
  controller.abort(new Error("changed my mind"));
  await assertRejects(() => login, Error, "changed my mind");
  await assertRejects(() => pair.client.login(alice, null, { signal }), Error, "changed my mind");
  work.resolve();
  while (realm.events.length < 2) await settle();
  assertEquals(realm.events, ["login alice", "logout alice"]);
});

Deno.test("PortalRoot() refuses invalid options", () => {
  const { portal } = testPortal();
  const wrong = [
    { loginTimeout: 0 },
    { loginTimeout: 2 ** 31 },
    { challengeTimeout: -1 },
    { maxFailedLogins: 1.5 },
    { maxPendingLogins: NaN },
    { maxLogins: 0 },
    { maxStrangers: 0 },
    { maxStrangerBytes: -1 },
    { maxStrangerReferences: 0 },
    { scramIterations: 4095 },
    { scramIterations: Infinity },
  ];
  for (const options of wrong) {
    assertThrows(() => new PortalRoot(portal, options), RangeError, Object.keys(options)[0]!);
  }
  assertThrows(
    () => new PBServerFactory(new PortalRoot(portal), { login: {} }),
    TypeError,
    "Cannot use options for logins: the root is not a Portal",
  );
});

// What a server says about its logins before it is asked.

import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  Anonymous,
  BearerToken,
  BearerTokenChecker,
  type LoginMechanism,
  type LoginOptions,
  ProtocolError,
  respond,
  Root,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "@perspective/broker";
import type { Sexp } from "@perspective/broker/jelly";
import { encode } from "@perspective/broker/jelly/banana";
import { failureIn, rawClient, type RawPair, rawServer, type Said } from "../raw_peer.ts";
import { testPair } from "../pair.ts";
import { type Member, testPortal, users } from "./login_realm.ts";

const alice = new UsernamePassword("alice", "secret");
const OWN = "perspective-1";
const ALICE = new TextEncoder().encode("alice");
const NONE = [new TextEncoder().encode("None")];

/** Options of a server that records the methods that are called, but for those of avatars. */
function recording(): { calls: string[]; server: object } {
  const calls: string[] = [];
  const aroundCall = ({ method }: { method: string }, next: () => unknown) => {
    if (method !== "whoami") calls.push(method);
    return next();
  };
  return { calls, server: { aroundCall } };
}

const LOGINS: [
  mechanism: LoginMechanism,
  options: LoginOptions,
  first: string[],
  next: string[],
][] = [
  ["SCRAM-SHA-256", {}, ["loginScram", "respond"], ["loginMechanisms", "loginScram", "respond"]],
  ["PLAIN", { mechanisms: ["PLAIN", "MD5"] }, ["loginPlain"], ["loginMechanisms", "loginPlain"]],
  ["MD5", { mechanisms: ["MD5"] }, ["loginMD5"], ["login", "respond"]],
];
for (const [mechanism, options, first, next] of LOGINS) {
  Deno.test(`Broker.login() by ${mechanism} asks the server nothing that it has said, once`, async () => {
    const { calls, server } = recording();
    await using pair = await testPair(testPortal().root, { server });
    for (const expected of [first, next, next]) {
      const avatar = await pair.client.login<Member>(alice, null, options);
      assertEquals(await avatar.callRemote("whoami"), "alice");
      assertEquals(calls.splice(0), expected);
    }
  });
}

Deno.test("Broker.login() by MD5 passes on the mind, and a name and a password of any characters", async () => {
  const { realm, root } = testPortal();
  await using pair = await testPair(root);
  const mind = new Root();
  const name = new UsernamePassword("jürgen", "gehëim");
  const avatar = await pair.client.login<Member>(name, mind, { mechanisms: ["MD5"] });
  assertEquals(await avatar.callRemote("whoami"), "jürgen");
  assertEquals(realm.events, ["login jürgen"]);
  assertEquals(pair.client.counts.localObjects, 1);
});

Deno.test("Broker.login() by MD5 counts a wrong password, and the next login is challenged anew", async () => {
  const { calls, server } = recording();
  await using pair = await testPair(testPortal().root, { server });
  const options = { mechanisms: ["MD5"] } as const;
  const guess = new UsernamePassword("alice", "guess");
  await assertRejects(() => pair.client.login(guess, null, options), UnauthorizedLogin);
  const avatar = await pair.client.login<Member>(alice, null, options);
  assertEquals(await avatar.callRemote("whoami"), "alice");
  assertEquals(calls, ["loginMD5", "login", "respond"]);
  assertStringIncludes(pair.serverLog[0]!.message, 'Login of "alice" from');
});

Deno.test("Broker.login() uses what the server has said for one of two simultaneous logins", async () => {
  const { calls, server } = recording();
  await using pair = await testPair(testPortal().root, { server });
  const options = { mechanisms: ["MD5"] } as const;
  const avatars = await Promise.all(
    [1, 2].map(() => pair.client.login<Member>(alice, null, options)),
  );
  for (const avatar of avatars) assertEquals(await avatar.callRemote("whoami"), "alice");
  assertEquals(calls.toSorted(), ["login", "loginMD5", "respond"]);
});

Deno.test("Broker.login() asks when it logs in at another object than the root", async () => {
  const { calls, server } = recording();
  const { root } = testPortal();
  await using pair = await testPair(new Root(), { server });
  pair.server.setNameForLocal("door", root.rootObject(pair.server));
  const door = pair.client.remoteForName("door");
  assertEquals(await door.callRemote("loginMechanisms"), ["SCRAM-SHA-256", "PLAIN", "MD5"]);
  await assertRejects(
    () => door.callRemote("loginMD5", "alice", new Uint8Array(16)),
    UnauthorizedLogin,
  );
  assertEquals(calls, ["loginMechanisms", "loginMD5"]);
});

// What the server says.

/** Returns the last item of a server's offer, and what comes before it. */
async function offerOf(pair: RawPair): Promise<{ dialects: string[]; logins: string }> {
  const offer = await pair.peer.hear() as string[];
  return { dialects: offer.slice(0, -1), logins: offer.at(-1)! };
}

Deno.test("PortalRoot offers the mechanisms after the dialects, and a new challenge each time", async () => {
  const { root } = testPortal();
  const seen = new Set<string>();
  for (let i = 0; i < 3; i++) {
    await using pair = await rawClient(root, { hello: false });
    const { dialects, logins } = await offerOf(pair);
    assertEquals(dialects, [OWN, "pb", "none"]);
    assertMatch(logins, /^login SCRAM-SHA-256 PLAIN MD5=[0-9a-f]{32}$/);
    seen.add(logins);
  }
  assertEquals(seen.size, 3);
});

Deno.test("PortalRoot offers only what it allows and can check", async () => {
  const tokens = new BearerTokenChecker(() => "alice");
  for (
    const [options, expected] of [
      [{ weakMechanisms: "never" }, "login SCRAM-SHA-256"],
      [{ mechanisms: ["PLAIN"] }, "login PLAIN"],
      [{ checkers: [tokens] }, "login BEARER"],
      [{ checkers: [] }, "login "],
    ] as const
  ) {
    await using pair = await rawClient(testPortal(options as object).root, { hello: false });
    assertEquals((await offerOf(pair)).logins, expected);
  }
});

Deno.test("PBServerFactory says nothing of logins if its root is not a portal", async () => {
  await using pair = await rawClient(new Root(), { hello: false });
  assertEquals(await pair.peer.hear(), [OWN, "pb", "none"]);
});

Deno.test("PortalRoot offers MD5 where WebCrypto is not complete, as in a page over http", async () => {
  const missing = ["subtle", "randomUUID"];
  for (const name of missing) {
    Object.defineProperty(crypto, name, { value: undefined, configurable: true });
  }
  try {
    await using pair = await testPair(testPortal().root);
    const avatar = await pair.client.login<Member>(alice, null, { mechanisms: ["MD5"] });
    assertEquals(await avatar.callRemote("whoami"), "alice");
  } finally {
    for (const name of missing) Reflect.deleteProperty(crypto, name);
  }
});

/** Connects a raw client that has chosen our dialect, and returns the challenge it was sent. */
async function challenged(root: RawPair): Promise<Uint8Array> {
  const { logins } = await offerOf(root);
  await root.peer.ask(OWN, ["version", 6]);
  return new TextEncoder().encode(logins.split("MD5=")[1]);
}

/** A call of `loginMD5`, without a mind. */
function loginMD5(request: number, name: Sexp, response: Sexp): Uint8Array {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const args = [bytes("tuple"), name, response, NONE];
  return encode([
    bytes("message"),
    request,
    bytes("root"),
    bytes("loginMD5"),
    1,
    args,
    [bytes("dictionary")],
  ]);
}

Deno.test("PortalRoot takes one response to its challenge, right or wrong", async () => {
  for (const isRight of [true, false]) {
    const { realm, root } = testPortal();
    await using pair = await rawClient(root, { hello: false });
    const challenge = await challenged(pair);
    const right = respond(challenge, "secret");
    const first = isRight ? right : respond(challenge, "guess");
    const answer = await pair.peer.ask(loginMD5(1, ALICE, first)) as unknown[];
    assertEquals(answer[0], isRight ? "answer" : "error");
    const again = await pair.peer.ask(loginMD5(2, ALICE, right));
    assertEquals(failureIn(again).type, "twisted.cred.error.UnauthorizedLogin");
    assertStringIncludes(pair.log.at(-1)!.message, 'Login of "alice" from');
    assertEquals(realm.events, isRight ? ["login alice"] : []);
  }
});

Deno.test("PortalRoot refuses a response that is no bytes, and a name that is no text", async () => {
  const response = new Uint8Array(16);
  for (
    const [name, said] of [[ALICE, 7], [ALICE, NONE], [7, response], [NONE, response]] as const
  ) {
    const { realm, root } = testPortal();
    await using pair = await rawClient(root, { hello: false });
    await challenged(pair);
    const answer = await pair.peer.ask(loginMD5(1, name, said));
    assertEquals(failureIn(answer).type, "twisted.cred.error.UnauthorizedLogin");
    assertEquals(realm.events, []);
  }
});

Deno.test("PortalRoot refuses a response by MD5 where it does not allow that", async () => {
  await using pair = await testPair(testPortal({ weakMechanisms: "never" }).root);
  await assertRejects(
    () => pair.client.root().callRemote("loginMD5", "alice", new Uint8Array(16), null),
    UnhandledCredentials,
    "MD5 is not allowed here",
  );
});

// What the client makes of it.

/** What a client calls first at a server that makes an offer. */
async function firstCall(
  offer: Said,
  credentials: UsernamePassword | Anonymous | BearerToken,
  options: LoginOptions = {},
): Promise<unknown[]> {
  await using pair = await rawServer({ hello: false });
  const login = pair.broker.login(credentials, null, options);
  login.catch(() => {});
  await pair.peer.say(offer, ["version", 6]);
  assertNotEquals(await pair.peer.hear(), undefined);
  assertEquals(await pair.peer.hear(), ["version", 6]);
  return await pair.peer.hear() as unknown[];
}

const OFFERS: [name: string, said: unknown[], method: string][] = [
  ["two mechanisms", ["login PLAIN MD5=c"], "loginPlain"],
  ["unknown mechanisms first", ["login KERBEROS PLAIN=x MD5=c"], "loginMD5"],
  ["MD5 without a challenge", ["login MD5"], "login"],
  ["an empty challenge", ["login MD5="], "loginMD5"],
  ["two offers", ["login PLAIN", "login MD5=c"], "loginPlain"],
  [
    "items of other kinds first",
    [["x", ["PLAIN"]], 7, -1.5, "klingon", "login MD5=c"],
    "loginMD5",
  ],
  ["too many spaces", ["login   MD5=c  "], "loginMD5"],
  ["no offer", [], "loginMechanisms"],
  ["an offer by another name", ["logins MD5=c"], "loginMechanisms"],
];
for (const [name, said, method] of OFFERS) {
  Deno.test(`Broker.login() calls ${method} when the server sends ${name}`, async () => {
    assertEquals((await firstCall([OWN, ...said], alice))[3], method);
  });
}

Deno.test("Broker.login() takes no notice of an offer before the dialect, or with another dialect", async () => {
  assertEquals((await firstCall(["login MD5=c", OWN], alice))[3], "loginMechanisms");
  assertEquals((await firstCall(["pb", "login PLAIN", OWN], alice))[3], "login");
});

Deno.test("Broker.login() skips items of an offer that are not UTF-8", async () => {
  const offer = Uint8Array.of(3, 0x80, 2, 0x82, 0xff, 0xff, 13, 0x82);
  const rest = new TextEncoder().encode(OWN);
  const last = Uint8Array.of(11, 0x82, ...new TextEncoder().encode("login MD5=c"));
  const said = Uint8Array.of(...offer, ...rest, ...last);
  assertEquals((await firstCall(said, alice))[3], "loginMD5");
});

Deno.test("Broker.login() sends the name, the response to the challenge, and the mind", async () => {
  const call = await firstCall([OWN, "login MD5=0123456789"], alice);
  const challenge = new TextEncoder().encode("0123456789");
  assertEquals(call, [
    "message",
    1,
    "root",
    "loginMD5",
    1,
    [
      "tuple",
      "alice",
      new TextDecoder().decode(respond(challenge, "secret")),
      ["None"],
    ],
    ["dictionary"],
  ]);
});

Deno.test("Broker.login() calls the only mechanism that it may use even if it is not offered", async () => {
  assertEquals((await firstCall([OWN, "login MD5=c"], new Anonymous()))[3], "loginAnonymous");
  assertEquals((await firstCall([OWN, "login MD5=c"], new BearerToken("t")))[3], "loginBearer");
});

Deno.test("Broker.login() asks, as the offer may be old, if it has nothing that may be used", async () => {
  for (const said of ["login ", "login BEARER", "login __proto__ constructor"]) {
    assertEquals((await firstCall([OWN, said], alice))[3], "loginMechanisms");
  }
});

Deno.test("Broker.login() uses a checker that the server has got since the connection was made", async () => {
  const { portal, root } = testPortal({ checkers: [] });
  await using pair = await testPair(root);
  await assertRejects(
    () => pair.client.login(alice),
    UnhandledCredentials,
    "the server accepts none, and this client offers SCRAM",
  );
  await using other = await testPair(root);
  portal.registerChecker(users());
  const avatar = await other.client.login<Member>(alice);
  assertEquals(await avatar.callRemote("whoami"), "alice");
});

Deno.test("Broker of a client refuses an offer that has logins only", async () => {
  await using pair = await rawServer({ hello: false });
  await pair.peer.say(["login MD5=c"]);
  await assertRejects(() => pair.broker.ready, ProtocolError, "none that is known");
});

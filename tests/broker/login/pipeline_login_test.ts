// Calls of an avatar before the login is answered.

import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  AllowAnonymousAccess,
  Anonymous,
  BearerToken,
  BearerTokenChecker,
  type ICredentials,
  type LoginOptions,
  NoSuchMethod,
  ProtocolError,
  RemotePromise,
  RemoteReference,
  Root,
  UnauthorizedLogin,
  UsernamePassword,
} from "@perspective/broker";
import { rawServer } from "../raw_peer.ts";
import { settle, testPair } from "../pair.ts";
import { Member, testPortal, users } from "./login_realm.ts";

const alice = new UsernamePassword("alice", "secret");
const guess = new UsernamePassword("alice", "guess");
const MD5 = { mechanisms: ["MD5"] } as const;

/** A portal of every mechanism, whose realm grants avatars once it is open. */
function slowPortal() {
  const open = Promise.withResolvers<void>();
  const checkers = [users(), new BearerTokenChecker(() => "robot"), new AllowAnonymousAccess()];
  const avatarFor = async (name: string, mind: unknown) => {
    await open.promise;
    return new Member(name, mind);
  };
  return { open, ...testPortal({ checkers, avatarFor }) };
}

const AT_ONCE: [name: string, ICredentials, LoginOptions, user: string][] = [
  ["MD5", alice, MD5, "alice"],
  ["PLAIN", alice, { mechanisms: ["PLAIN"] }, "alice"],
  ["BEARER", new BearerToken("t"), {}, "robot"],
  ["ANONYMOUS", new Anonymous(), {}, "anonymous"],
];
for (const [name, credentials, options, user] of AT_ONCE) {
  Deno.test(`Broker.pipelineLogin() by ${name} sends calls of the avatar before the login is answered`, async () => {
    const { open, root, realm } = slowPortal();
    await using pair = await testPair(root);
    for (let time = 1; time <= 2; time++) {
      const avatar = pair.client.pipelineLogin<Member>(credentials, null, options);
      assertInstanceOf(avatar, RemotePromise);
      const calls = [avatar.callRemote("whoami"), avatar.remote.echo("x")];
      if (time === 1) {
        await settle();
        // The server has all of them, although nothing was answered.
        assertEquals(pair.server.counts.callsIn, 3);
        open.resolve();
      }
      assertEquals(await Promise.all(calls), [user, "x"]);
      assertInstanceOf(await avatar, RemoteReference);
      avatar.release();
      await settle();
      assertEquals(realm.events.at(-1), `logout ${user}`);
      assertEquals(pair.server.counts.promisedResults, 0);
    }
  });
}

Deno.test("Broker.pipelineLogin() by SCRAM sends calls of the avatar once it has arrived", async () => {
  const { open, root } = slowPortal();
  open.resolve();
  await using pair = await testPair(root);
  using avatar = pair.client.pipelineLogin<Member>(alice);
  assertEquals(await avatar.callRemote("whoami"), "alice");
});

for (const options of [MD5, {}]) {
  Deno.test(`Broker.pipelineLogin() fails, and so do calls of the avatar, by ${JSON.stringify(options)}`, async () => {
    const { open, root, realm } = slowPortal();
    open.resolve();
    await using pair = await testPair(root);
    const avatar = pair.client.pipelineLogin<Member>(guess, null, options);
    await assertRejects(() => avatar.callRemote("whoami"), UnauthorizedLogin);
    await assertRejects(() => avatar, UnauthorizedLogin);
    await assertRejects(() => avatar.callRemote("whoami"), UnauthorizedLogin);
    // One that nobody waits for does not end the program.
    const unheeded = pair.client.pipelineLogin(guess, null, options);
    for (let i = 0; i < 20; i++) await settle();
    await unheeded.catch(() => {});
    assertEquals(realm.events, []);
  });
}

Deno.test("Broker.pipelineLogin() uses the credentials of the URL, and fails without any", async () => {
  await using pair = await testPair(testPortal().root);
  const avatar = pair.client.pipelineLogin<Member>();
  await assertRejects(() => avatar.callRemote("whoami"), TypeError, "neither credentials nor");
  await assertRejects(() => avatar, TypeError);
});

Deno.test("Broker.pipelineLogin() that is aborted logs out the user who gets in all the same", async () => {
  const { open, root, realm } = slowPortal();
  await using pair = await testPair(root);
  const stop = new AbortController();
  const avatar = pair.client.pipelineLogin<Member>(alice, null, { ...MD5, signal: stop.signal });
  const call = avatar.callRemote("whoami");
  await settle();
  stop.abort(new Error("stopped"));
  await assertRejects(() => avatar, Error, "stopped");
  open.resolve();
  // It had been sent.
  assertEquals(await call, "alice");
  await settle();
  assertEquals(realm.events, ["login alice", "logout alice"]);
  await assertRejects(() => avatar.callRemote("whoami"), Error, "stopped");
});

Deno.test("Broker.pipelineLogin() rejects when the avatar is no reference, and so do calls of it", async () => {
  class Server extends Root {
    remote_loginAnonymous(): number {
      return 7;
    }
  }
  await using pair = await testPair(new Server());
  const avatar = pair.client.pipelineLogin(new Anonymous());
  await assertRejects(() => avatar.callRemote("whoami"), NoSuchMethod);
  await assertRejects(() => avatar, ProtocolError, "is not of class RemoteReference");
});

Deno.test("Broker.pipelineLogin() waits for the avatar of a server that does not use this library", async () => {
  await using raw = await rawServer(); // offers the dialect pb only
  const avatar = raw.broker.pipelineLogin(new Anonymous());
  const name = avatar.callRemote("whoami");
  const none = ["dictionary"];
  // The call was made first, and has the first number.
  assertEquals(await raw.peer.hear(), [
    "message",
    2,
    "root",
    "loginAnonymous",
    1,
    ["tuple", ["None"]],
    none,
  ]);
  await raw.peer.say(["answer", 2, ["remote", 4]]);
  assertEquals(await raw.peer.hear(), ["message", 1, 4, "whoami", 1, ["tuple"], none]);
  await raw.peer.say(["answer", 1, ["unicode", "me"]]);
  assertEquals(await name, "me");
});

Deno.test("RemotePromise sends the calls that wait for it in order, as soon as the peer is asked to keep it", async () => {
  const { open, root } = slowPortal();
  await using pair = await testPair(root);
  const avatar = pair.client.pipelineLogin<Member>(alice, null, MD5);
  const order: string[] = [];
  const calls = ["a", "b", "c"].map((text) =>
    avatar.callRemote("echo", text).then((echo) => order.push(String(echo)))
  );
  await settle();
  calls.push(avatar.callRemote("echo", "d").then((echo) => order.push(String(echo))));
  open.resolve();
  await Promise.all(calls);
  assertEquals(order, ["a", "b", "c", "d"]);
});

Deno.test("Broker.pipelineLogin() that is aborted stays so, and the server keeps no result for it", async () => {
  const { open, root } = slowPortal();
  await using pair = await testPair(root);
  // The challenge of the offer is used up, so the next login asks for one.
  await assertRejects(() => pair.client.login(guess, null, MD5), UnauthorizedLogin);
  const abort = new AbortController();
  const avatar = pair.client.pipelineLogin<Member>(alice, null, { ...MD5, signal: abort.signal });
  const early = assertRejects(() => avatar.callRemote("whoami"), Error, "enough");
  abort.abort(new Error("enough"));
  await assertRejects(() => avatar, Error, "enough");
  await early;
  await settle();
  await assertRejects(() => avatar.callRemote("whoami"), Error, "enough");
  open.resolve();
  await settle();
  assertEquals([pair.server.counts.promisedResults, pair.server.counts.callsIn], [0, 0]);
});

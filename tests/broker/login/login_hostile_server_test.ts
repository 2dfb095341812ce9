// Servers that send wrong answers to logins.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  Anonymous,
  BearerToken,
  LoginFailed,
  makeScramVerifier,
  NoSuchMethod,
  ProtocolError,
  Referenceable,
  RemoteError,
  Root,
  ScramError,
  ScramServer,
  tuple,
  UnhandledCredentials,
  UsernamePassword,
} from "@perspective/broker";
import { Point } from "../flavor_classes.ts";
import { settle, testPair } from "../pair.ts";

const alice = new UsernamePassword("alice", "secret");
const MD5 = { mechanisms: ["MD5"] } as const;
const SCRAM = { mechanisms: ["SCRAM-SHA-256"] } as const;

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

class Avatar extends Referenceable {}

/** Answers the response to a challenge with any value. */
class Responder extends Referenceable {
  readonly #answer: (response: Uint8Array) => unknown;
  calls = 0;

  constructor(answer: (response: Uint8Array) => unknown = () => new Avatar()) {
    super();
    this.#answer = answer;
  }
  remote_respond(response: Uint8Array): unknown {
    this.calls++;
    return this.#answer(response);
  }
}

/** A server whose login methods a test can replace. */
class Server extends Root {
  remote_loginMechanisms: () => unknown = () => ["SCRAM-SHA-256", "MD5"];
  remote_login: (username: Uint8Array) => unknown = () => null;
  remote_loginScram: (first: Uint8Array) => unknown = () => null;
  remote_loginAnonymous: () => unknown = () => null;
  remote_loginBearer: () => unknown = () => null;
}

function serverWith(methods: Partial<Server>): Server {
  return Object.assign(new Server(), methods);
}

const NO_CHALLENGE: [string, () => unknown][] = [
  ["nothing", () => null],
  ["text", () => "challenge"],
  ["an empty tuple", () => tuple()],
  ["a challenge alone", () => tuple(new Uint8Array(16))],
  ["a challenge that is text", () => tuple("challenge", new Responder())],
  ["a string for a responder", () => tuple(new Uint8Array(16), "responder")],
  ["a responder first", () => tuple(new Responder(), new Uint8Array(16))],
  ["a dictionary", () => ({ 0: new Uint8Array(16), 1: new Responder(), length: 2 })],
];
for (const [name, offer] of NO_CHALLENGE) {
  Deno.test(`Broker.login() rejects when the server's challenge is ${name}`, async () => {
    const server = serverWith({ remote_login: offer, remote_loginScram: offer });
    await using pair = await testPair(server);
    for (const options of [MD5, SCRAM]) {
      await assertRejects(
        () => pair.client.login(alice, null, options),
        ProtocolError,
        "Cannot log in: the server sent no challenge",
      );
    }
    assert(!pair.client.isClosed);
  });
}

Deno.test("Broker.login() answers a challenge of any length once, and releases the responder", async () => {
  for (const length of [0, 1, 16, 100_000]) {
    const responder = new Responder();
    const server = serverWith({ remote_login: () => tuple(new Uint8Array(length), responder) });
    await using pair = await testPair(server);
    using _avatar = await pair.client.login(alice, null, MD5);
    await settle();
    assertEquals(responder.calls, 1);
    assertEquals(pair.server.counts.localObjects, 2);
  }
});

Deno.test("Broker.login() releases the responder right after the response, as Twisted's clients do", async () => {
  for (const options of [MD5, SCRAM]) {
    const answer = Promise.withResolvers<unknown>();
    const responder = new Responder(() => answer.promise);
    const server = serverWith({
      remote_login: () => tuple(new Uint8Array(16), responder),
      remote_loginScram: (message) => {
        const nonce = new TextDecoder().decode(message).split("r=")[1];
        return tuple(encode(`r=${nonce}1,s=QQ==,i=4096`), responder);
      },
    });
    await using pair = await testPair(server);
    const login = pair.client.login(alice, null, options);
    login.catch(() => {});
    while (responder.calls === 0) await settle();
    await settle();
    assertEquals(pair.server.counts.localObjects, 1);
    answer.resolve(null);
    await assertRejects(() => login);
  }
});

for (const avatar of [null, 7, "avatar", [], {}, tuple(new Uint8Array(1), "avatar")]) {
  Deno.test(`Broker.login() rejects when the avatar is ${JSON.stringify(avatar)}`, async () => {
    const give = () => avatar;
    const server = serverWith({
      remote_login: () => tuple(new Uint8Array(16), new Responder(give)),
      remote_loginAnonymous: give,
      remote_loginBearer: give,
    });
    await using pair = await testPair(server);
    for (const credentials of [alice, new Anonymous(), new BearerToken("t")]) {
      await assertRejects(
        () => pair.client.login(credentials, null, credentials === alice ? MD5 : {}),
        ProtocolError,
        "Cannot log in: the avatar that the server sent is not of class RemoteReference",
      );
    }
  });
}

Deno.test("Broker.login() gives back a reference that comes in place of a copied avatar", async () => {
  const server = serverWith({ remote_loginAnonymous: () => new Avatar() });
  await using pair = await testPair(server);
  await assertRejects(
    () => pair.client.login(new Anonymous(), null, { avatar: Point }),
    ProtocolError,
    "Cannot log in: the avatar that the server sent is not of class Point",
  );
  await settle();
  assertEquals(pair.server.counts.localObjects, 1);
});

Deno.test("Broker.login() rejects with the error that the server throws", async () => {
  const server = serverWith({
    remote_login: () => {
      throw new TypeError("x");
    },
  });
  await using pair = await testPair(server);
  const error = await assertRejects(() => pair.client.login(alice, null, MD5), RemoteError);
  assertEquals(error.remoteType, "builtins.TypeError");
});

Deno.test("Broker.login() rejects when the server does not offer a list of mechanisms", async () => {
  for (const offer of [null, "SCRAM-SHA-256", 7, {}]) {
    await using pair = await testPair(serverWith({ remote_loginMechanisms: () => offer }));
    await assertRejects(() => pair.client.login(alice), ProtocolError, "no list of mechanisms");
  }
  for (const offer of [[], [null, 7, { toString: 1 }, "NONE", "__proto__"], tuple("ANONYMOUS")]) {
    await using pair = await testPair(serverWith({ remote_loginMechanisms: () => offer }));
    const { message } = await assertRejects(() => pair.client.login(alice), UnhandledCredentials);
    assertEquals(
      message,
      `Cannot log in: the server accepts ${offer.length === 1 ? "ANONYMOUS" : "none"}, ` +
        "and this client offers SCRAM-SHA-256, PLAIN, MD5",
    );
  }
});

Deno.test("Broker.login() does not fall back to MD5 when SCRAM fails", async () => {
  let asked = 0;
  const server = serverWith({
    remote_login: () => {
      asked++;
      return tuple(new Uint8Array(16), new Responder());
    },
    remote_loginScram: () => {
      throw new LoginFailed("Cannot log in: try something weaker");
    },
  });
  await using pair = await testPair(server);
  await assertRejects(() => pair.client.login(alice), LoginFailed, "try something weaker");
  assertEquals(asked, 0);
});

const BAD_FIRST: [string, (nonce: string) => string][] = [
  ["has absurd iterations", (nonce) => `r=${nonce}x,s=c2FsdA==,i=2000000000`],
  ["has too few iterations", (nonce) => `r=${nonce}x,s=c2FsdA==,i=1`],
  [
    "has iterations beyond the range of numbers",
    (nonce) => `r=${nonce}x,s=c2FsdA==,i=${"9".repeat(400)}`,
  ],
  ["has negative iterations", (nonce) => `r=${nonce}x,s=c2FsdA==,i=-4096`],
  ["has a nonce of another client", () => "r=abcdef,s=c2FsdA==,i=4096"],
  ["adds nothing to the nonce", (nonce) => `r=${nonce},s=c2FsdA==,i=4096`],
  ["has no salt", (nonce) => `r=${nonce}x,i=4096`],
  ["asks for extensions", (nonce) => `m=x,r=${nonce}x,s=c2FsdA==,i=4096`],
  ["is empty", () => ""],
];
for (const [name, serverFirst] of BAD_FIRST) {
  Deno.test(`Broker.login() by SCRAM rejects when the server's first message ${name}`, async () => {
    const responder = new Responder();
    const server = serverWith({
      remote_loginScram: (first) => {
        const nonce = new TextDecoder().decode(first).split("r=")[1]!;
        return tuple(encode(serverFirst(nonce)), responder);
      },
    });
    await using pair = await testPair(server);
    await assertRejects(() => pair.client.login(alice, null, SCRAM), ScramError);
    await settle();
    assertEquals(responder.calls, 0);
    assertEquals(pair.server.counts.localObjects, 1);
  });
}

const verifier = await makeScramVerifier("secret", { iterations: 4096 });
const BAD_FINAL: [string, (right: Uint8Array) => unknown][] = [
  ["the avatar alone", () => new Avatar()],
  ["a wrong signature", () => tuple(encode(`v=${btoa("x".repeat(32))}`), new Avatar())],
  ["a signature that is cut short", (right) => tuple(right.subarray(0, 20), new Avatar())],
  ["no signature", () => tuple(null, new Avatar())],
  ["an error in place of a signature", () => tuple(encode("e=other-error"), new Avatar())],
  [
    "a signature as text",
    (right) => tuple(new TextDecoder().decode(right), new Avatar()),
  ],
];
for (const [name, answer] of BAD_FINAL) {
  Deno.test(`Broker.login() by SCRAM rejects and releases the avatar when the server sends ${name}`, async () => {
    const server = serverWith({
      remote_loginScram: (first) => {
        const scram = new ScramServer(first);
        return tuple(
          scram.serverFirst(verifier),
          new Responder(async (proof) => answer(await scram.serverFinal(proof))),
        );
      },
    });
    await using pair = await testPair(server);
    await assertRejects(() => pair.client.login(alice, null, SCRAM), ScramError);
    await settle();
    assertEquals(pair.server.counts.localObjects, 1);
  });
}

Deno.test("Broker.login() by SCRAM rejects when the server sends its signature without an avatar", async () => {
  const server = serverWith({
    remote_loginScram: (first) => {
      const scram = new ScramServer(first);
      const respond = async (proof: Uint8Array) => tuple(await scram.serverFinal(proof), 7);
      return tuple(scram.serverFirst(verifier), new Responder(respond));
    },
  });
  await using pair = await testPair(server);
  const error = await assertRejects(() => pair.client.login(alice, null, SCRAM), ProtocolError);
  assertInstanceOf(error, ProtocolError);
});

Deno.test("Broker.login() rejects with UnhandledCredentials at a server without logins", async () => {
  for (const mechanisms of [["SCRAM-SHA-256", "MD5"], ["MD5"], ["PLAIN"]] as const) {
    await using pair = await testPair(new Root());
    const error = await assertRejects(
      () => pair.client.login(new UsernamePassword("alice", "secret"), null, { mechanisms }),
      UnhandledCredentials,
      "the server has no logins",
    );
    assertInstanceOf(error.cause, NoSuchMethod);
  }
});

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type AvatarId,
  FilePasswordDB,
  type ICredentialsChecker,
  InMemoryUsernamePasswordDatabaseDontUse,
  IScramCredentials,
  IUsernameHashedPassword,
  makeScramVerifier,
  providedBy,
  ScramChecker,
  ScramClient,
  ScramCredentials,
  ScramError,
  type ScramVerifier,
  UnauthorizedLogin,
} from "../../cred/mod.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const ITERATIONS = 4096;
const KEY = new Uint8Array(32).fill(7);
const OPTIONS = { decoyKey: KEY, iterations: ITERATIONS };

/** What a client saw, and the avatar id it got. */
interface Outcome {
  avatarId?: AvatarId;
  error?: unknown;
  serverFirst?: string;
}

/** Logs in with a checker, and checks that a server that accepts the client proves itself. */
async function login(
  checker: ICredentialsChecker,
  username: string,
  password: string | Uint8Array,
): Promise<Outcome> {
  const client = new ScramClient(username, password);
  const outcome: Outcome = {};
  const exchange = (serverFirst: Uint8Array) => {
    outcome.serverFirst = decode(serverFirst);
    return client.clientFinal(serverFirst);
  };
  const options = { iterations: ITERATIONS };
  const credentials = new ScramCredentials(client.clientFirst(), exchange, options);
  try {
    outcome.avatarId = await checker.requestAvatarId(credentials);
    client.verify(credentials.serverFinal!);
  } catch (error) {
    outcome.error = error;
    assertEquals(credentials.serverFinal, undefined);
  }
  return outcome;
}

async function scramChecker(): Promise<ScramChecker> {
  const alice = await makeScramVerifier("secret", { iterations: ITERATIONS });
  const users = new Map([["alice", alice]]);
  return new ScramChecker({ scramVerifier: (name) => users.get(name) }, OPTIONS);
}

async function fileChecker(stack: AsyncDisposableStack): Promise<FilePasswordDB> {
  const file = await Deno.makeTempFile();
  stack.defer(() => Deno.remove(file));
  await Deno.writeTextFile(file, "alice:secret\n");
  return new FilePasswordDB(file);
}

type MakeChecker = (stack: AsyncDisposableStack) => Promise<ICredentialsChecker>;
const CHECKERS: Record<string, MakeChecker> = {
  "ScramChecker": scramChecker,
  "InMemoryUsernamePasswordDatabaseDontUse": () =>
    Promise.resolve(new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" })),
  "FilePasswordDB": fileChecker,
};
for (const [name, make] of Object.entries(CHECKERS)) {
  Deno.test(`${name} checks SCRAM, and does not reveal which users exist`, async () => {
    await using stack = new AsyncDisposableStack();
    const checker = await make(stack);
    const right = await login(checker, "alice", "secret");
    assertEquals([right.avatarId, right.error], ["alice", undefined]);
    for (const [username, password] of [["alice", "guess"], ["nobody", "secret"]] as const) {
      const wrong = await login(checker, username, password);
      assert(wrong.error instanceof UnauthorizedLogin);
      assertEquals(wrong.error.message, new UnauthorizedLogin().message);
      const [, salt, iterations] = wrong.serverFirst!.split(",");
      assertEquals(salt!.length, "s=W22ZaJ0SNY7soEsUEjb6gQ==".length);
      assertEquals(iterations, `i=${ITERATIONS}`);
    }
  });
}

Deno.test("ScramChecker shows an unknown user the same salt each time", async () => {
  const checker = await scramChecker();
  const salt = async (name: string) =>
    (await login(checker, name, "guess")).serverFirst!.split(",")[1];
  assertEquals(await salt("nobody"), await salt("nobody"));
  assert(await salt("nobody") !== await salt("somebody"));
  assertEquals(await salt("alice"), await salt("alice"));
});

Deno.test("ScramChecker finds users by any spelling that SASLprep makes equal", async () => {
  const verifier = await makeScramVerifier("secret", { iterations: ITERATIONS });
  const asked: string[] = [];
  const store = {
    scramVerifier: (name: string) => {
      asked.push(name);
      return Promise.resolve(verifier);
    },
  };
  const outcome = await login(new ScramChecker(store, OPTIONS), "a\u0308lice", "secret");
  assertEquals([outcome.avatarId, asked], ["älice", ["älice"]]);
});

Deno.test("ScramChecker passes on errors of the store", async () => {
  const fault = new Error("no database");
  const broken = { scramVerifier: () => Promise.reject(fault) };
  const outcome = await login(new ScramChecker(broken, OPTIONS), "alice", "secret");
  assertStrictEquals(outcome.error, fault);
  assertEquals(outcome.serverFirst, undefined);
});

Deno.test("ScramChecker() refuses a short key and too few iterations", () => {
  const store = { scramVerifier: () => undefined };
  assertThrows(() => new ScramChecker(store, { decoyKey: new Uint8Array(15) }), RangeError);
  assertThrows(() => new ScramChecker(store, { decoyKey: KEY, iterations: 1 }), RangeError);
});

Deno.test("ScramChecker refuses a user without a verifier, even if the credentials accept anything", async () => {
  const checker = new ScramChecker({ scramVerifier: () => undefined }, OPTIONS);
  const liar = { provides: [IScramCredentials], username: "eve", checkVerifier: () => true };
  await assertRejects(() => checker.requestAvatarId(liar), UnauthorizedLogin);
});

const FIRST = encode("n,,n=alice,r=abc");
const verifier: ScramVerifier = await makeScramVerifier("secret", { iterations: ITERATIONS });

Deno.test("ScramCredentials provide both interfaces", () => {
  const credentials = new ScramCredentials(FIRST, () => Promise.reject(new Error()));
  assert(providedBy(IScramCredentials, credentials));
  assert(providedBy(IUsernameHashedPassword, credentials));
  assertEquals(credentials.username, "alice");
});

Deno.test("ScramCredentials refuse a first message that is not SCRAM, and a low cost", () => {
  const never = () => Promise.reject(new Error());
  assertThrows(() => new ScramCredentials(encode("x"), never), ScramError);
  assertThrows(() => new ScramCredentials(FIRST, never, { iterations: 1 }), RangeError);
});

Deno.test("ScramCredentials treat a malformed proof as a wrong one", async () => {
  for (const reply of ["", "c=biws", `c=biws,r=abc,p=${"A".repeat(43)}=`]) {
    const credentials = new ScramCredentials(FIRST, () => Promise.resolve(encode(reply)));
    assertEquals(await credentials.checkVerifier(verifier), false);
    assertEquals(credentials.serverFinal, undefined);
  }
});

Deno.test("ScramCredentials pass on the error of the exchange", async () => {
  const lost = new Error("connection lost");
  const credentials = new ScramCredentials(FIRST, () => Promise.reject(lost));
  assertStrictEquals(await assertRejects(() => credentials.checkVerifier(verifier)), lost);
});

Deno.test("ScramCredentials ask the client for its proof only once", async () => {
  const credentials = new ScramCredentials(FIRST, () => Promise.resolve(encode("")), {
    iterations: ITERATIONS,
  });
  await credentials.checkVerifier(verifier);
  await assertRejects(() => credentials.checkVerifier(verifier), TypeError);
  await assertRejects(() => credentials.checkPassword("secret"), TypeError);
});

Deno.test("ScramCredentials.checkPassword() is false for a password that SASLprep refuses", async () => {
  const checker = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "sec\nret" });
  const outcome = await login(checker, "alice", "sec ret");
  assert(outcome.error instanceof UnauthorizedLogin);
  assert(outcome.serverFirst !== undefined);
});

Deno.test("ScramCredentials.checkPassword() accepts a password that is not text", async () => {
  const password = Uint8Array.of(0xff, 0x00, 0xfe);
  const checker = new InMemoryUsernamePasswordDatabaseDontUse({ alice: password });
  assertEquals((await login(checker, "alice", password)).avatarId, "alice");
});

Deno.test("ScramCredentials.pretend() asks the client for its proof unless a checker already did", async () => {
  let asked = 0;
  const exchange = () => Promise.resolve(encode(String(++asked)));
  const hasty = new ScramCredentials(FIRST, exchange, { iterations: ITERATIONS });
  await hasty.pretend();
  assertEquals(asked, 1);

  const client = new ScramClient("alice", "secret");
  const careful = new ScramCredentials(client.clientFirst(), (message) => {
    asked++;
    return client.clientFinal(message);
  });
  assertEquals(await careful.checkVerifier(verifier), true);
  await careful.pretend();
  assertEquals(asked, 2);
  client.verify(careful.serverFinal!);
});

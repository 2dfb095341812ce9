import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { assertSpyCalls, spy } from "@std/testing/mock";
import {
  type CredInterface,
  FilePasswordDB,
  type FilePasswordDBOptions,
  type ICredentials,
  IUsernameHashedPassword,
  IUsernamePassword,
  Portal,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernameHashedPassword,
  UsernamePassword,
} from "../../cred/mod.ts";
import { collectUntil } from "../broker/gc.ts";
import vectors from "../vectors/cred.json" with { type: "json" };

/** Creates a file that is removed at the end of the block. */
async function tempFile(content: string | Uint8Array): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, typeof content === "string" ? encode(content) : content);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path).catch(() => {}) };
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

async function accepts(db: FilePasswordDB, username: string, password: string): Promise<boolean> {
  try {
    await db.requestAvatarId(new UsernamePassword(username, password));
    return true;
  } catch (error) {
    if (error instanceof UnauthorizedLogin) return false;
    throw error;
  }
}

/** The options that the recorder gave to Twisted, by their names in the recording. */
const OPTIONS: Record<string, FilePasswordDBOptions> = {
  "default": {},
  "cached": { cache: true },
  "no cases": { caseSensitive: false },
  "no cases, cached": { caseSensitive: false, cache: true },
  "last and first": { usernameField: 2, passwordField: 0 },
  "swapped": { usernameField: 1, passwordField: 0 },
  "same field": { usernameField: 0, passwordField: 0 },
  "from the end": { usernameField: 0, passwordField: -1 },
  "by spaces": { delimiter: " ", usernameField: 3, passwordField: 0 },
  "by two colons": { delimiter: encode("::") },
  "hashed": { hash: (_username, password) => password.toReversed() },
};

const CONTENTS: Record<string, string> = vectors.files.contents;
for (const { file, options, accepted } of vectors.files.rows) {
  Deno.test(`FilePasswordDB decides as Twisted does: ${file}, ${options}`, async () => {
    await using temp = await tempFile(Uint8Array.fromHex(CONTENTS[file]!));
    const db = new FilePasswordDB(temp.path, OPTIONS[options]);
    const found: string[][] = [];
    for (const [username, password] of vectors.files.attempts as [string, string][]) {
      try {
        const credentials = new UsernamePassword(username, password);
        const avatarId = await db.requestAvatarId(credentials);
        found.push([username, password, String(avatarId)]);
      } catch (error) {
        if (!(error instanceof UnauthorizedLogin)) throw error;
      }
    }
    assertEquals(found, accepted);
  });
}

Deno.test("FilePasswordDB.getUser() returns the name and the stored password, or undefined", async () => {
  await using temp = await tempFile("alice:secret\nBob:hunter2\n");
  const db = new FilePasswordDB(temp.path);
  assertEquals(await db.getUser("alice"), ["alice", encode("secret")]);
  assertEquals(await db.getUser("ALICE"), undefined);
  const folded = new FilePasswordDB(temp.path, { caseSensitive: false });
  assertEquals(await folded.getUser("ALICE"), ["alice", encode("secret")]);
  assertEquals(await folded.getUser("bOB"), ["bob", encode("hunter2")]);
});

Deno.test("FilePasswordDB uses the first of two lines for a user, or the last with cache", async () => {
  await using temp = await tempFile("alice:first\nbob:x\nalice:last\n");
  for (const [cache, password] of [[false, "first"], [true, "last"]] as const) {
    const users = await new FilePasswordDB(temp.path, { cache }).readUsers();
    assertEquals([...users], [["alice", encode(password)], ["bob", encode("x")]]);
  }
});

Deno.test("FilePasswordDB refuses everybody while it cannot read its file, and gives the cause", async () => {
  await using temp = await tempFile("alice:secret\n");
  await Deno.remove(temp.path);
  for (const cache of [false, true]) {
    const db = new FilePasswordDB(temp.path, { cache });
    const attempt = new UsernamePassword("alice", "secret");
    const error = await assertRejects(() => db.requestAvatarId(attempt), UnauthorizedLogin);
    assertEquals(error.cause instanceof Deno.errors.NotFound, true);
    assertEquals(error.message, new UnauthorizedLogin().message);
    await assertRejects(() => db.getUser("alice"), UnauthorizedLogin);
    await Deno.writeTextFile(temp.path, "alice:secret\n");
    assertEquals(await db.requestAvatarId(attempt), "alice");
    await Deno.remove(temp.path);
    await assertRejects(() => db.requestAvatarId(attempt), UnauthorizedLogin);
  }
});

Deno.test("FilePasswordDB without cache sees each change at once", async () => {
  await using temp = await tempFile("alice:one\n");
  const db = new FilePasswordDB(temp.path);
  assertEquals(await accepts(db, "alice", "one"), true);
  await Deno.writeTextFile(temp.path, "alice:two\n");
  assertEquals(await accepts(db, "alice", "one"), false);
  assertEquals(await accepts(db, "alice", "two"), true);
});

Deno.test("FilePasswordDB with cache reads the file again when its modification time changes", async () => {
  await using temp = await tempFile("alice:one\n");
  await Deno.utime(temp.path, 1000, 1000);
  const db = new FilePasswordDB(temp.path, { cache: true });
  assertEquals(await accepts(db, "alice", "one"), true);

  await Deno.writeTextFile(temp.path, "alice:two\n");
  await Deno.utime(temp.path, 1000, 1000);
  assertEquals(await accepts(db, "alice", "one"), true, "neither time nor size differ");

  await Deno.utime(temp.path, 1001, 1001);
  assertEquals(await accepts(db, "alice", "two"), true, "newer");

  await Deno.writeTextFile(temp.path, "alice:old\n");
  await Deno.utime(temp.path, 999, 999);
  assertEquals(await accepts(db, "alice", "old"), true, "older");

  await Deno.writeTextFile(temp.path, "alice:other\n");
  await Deno.utime(temp.path, 999, 999);
  assertEquals(await accepts(db, "alice", "other"), true, "another size");
});

Deno.test("FilePasswordDB checks proofs of a password when the file holds plain passwords", async () => {
  await using temp = await tempFile("alice:secret\n");
  const db = new FilePasswordDB(temp.path);
  assertEquals<readonly CredInterface[]>(db.credentialInterfaces, [
    IUsernamePassword,
    IUsernameHashedPassword,
  ]);
  const good = new UsernameHashedPassword("alice", "secret");
  assertEquals(await db.requestAvatarId(good), "alice");
  const bad = new UsernameHashedPassword("alice", "Secret");
  await assertRejects(() => db.requestAvatarId(bad), UnauthorizedLogin);
});

Deno.test("FilePasswordDB with a hash checks only plain passwords", async () => {
  await using temp = await tempFile("alice:terces\n");
  const hash = (_: string, password: Uint8Array) => password.toReversed();
  const db = new FilePasswordDB(temp.path, { hash });
  assertEquals<readonly CredInterface[]>(db.credentialInterfaces, [IUsernamePassword]);

  const proof = new UsernameHashedPassword("alice", "terces");
  await assertRejects(() => db.requestAvatarId(proof), UnauthorizedLogin);
  const portal = new Portal({ requestAvatar: () => Promise.reject(new Error("asked")) }, [db]);
  await assertRejects(() => portal.login(proof, null), UnhandledCredentials);
});

Deno.test("FilePasswordDB passes the name and password to its hash as the client sent them", async () => {
  await using temp = await tempFile("alice:SALT$secret\n");
  const calls: unknown[] = [];
  const hash = async (username: string, password: Uint8Array, stored: Uint8Array) => {
    calls.push([username, password, stored]);
    await Promise.resolve();
    return `SALT$${new TextDecoder().decode(password)}`;
  };
  const db = new FilePasswordDB(temp.path, { hash, caseSensitive: false });
  assertEquals(await db.requestAvatarId(new UsernamePassword("Alice", "secret")), "alice");
  assertEquals(calls, [["Alice", encode("secret"), encode("SALT$secret")]]);
});

Deno.test("FilePasswordDB does the same work for an unknown user as for a known one", async () => {
  await using temp = await tempFile("alice:secret\nbob:hunter2\n");
  for (const username of ["alice", "nobody"]) {
    let hashed = 0;
    const db = new FilePasswordDB(temp.path, { hash: () => `${++hashed}` });
    assertEquals(await accepts(db, username, "x"), false);
    assertEquals(hashed, 1);

    let checked = 0;
    const proof = {
      provides: [IUsernameHashedPassword],
      username,
      checkPassword: () => ++checked < 0,
    };
    const plain = new FilePasswordDB(temp.path);
    await assertRejects(() => plain.requestAvatarId(proof), UnauthorizedLogin);
    assertEquals(checked, 1);
  }
});

Deno.test("FilePasswordDB refuses an unknown user with the password of another user", async () => {
  await using temp = await tempFile("alice:secret\n");
  const hash = (_: string, __: Uint8Array, stored: Uint8Array) => stored;
  assertEquals(await accepts(new FilePasswordDB(temp.path, { hash }), "nobody", "secret"), false);
  assertEquals(await accepts(new FilePasswordDB(temp.path), "nobody", "secret"), false);
});

Deno.test("FilePasswordDB passes on errors from its hash and from the credentials", async () => {
  await using temp = await tempFile("alice:secret\n");
  const fail = () => Promise.reject(new SyntaxError("no salt"));
  const hashing = new FilePasswordDB(temp.path, { hash: fail });
  const attempt = (username: string) => new UsernamePassword(username, "");
  await assertRejects(() => hashing.requestAvatarId(attempt("alice")), SyntaxError);
  await assertRejects(() => hashing.requestAvatarId(attempt("nobody")), UnauthorizedLogin);

  const proof: ICredentials = { provides: [IUsernameHashedPassword] };
  const broken = Object.assign(proof, { username: "alice", checkPassword: fail });
  await assertRejects(() => new FilePasswordDB(temp.path).requestAvatarId(broken), SyntaxError);
});

Deno.test("FilePasswordDB shares one read of the file among logins that come while it waits", async () => {
  await using temp = await tempFile("alice:secret\n");
  using read = spy(Deno, "readFile");
  const db = new FilePasswordDB(temp.path);
  const many = Array.from({ length: 100 }, () => accepts(db, "alice", "secret"));
  assertEquals(new Set(await Promise.all(many)), new Set([true]));
  assertSpyCalls(read, 1);

  const first = db.readUsers();
  await Promise.resolve(); // the first read has begun, and may have seen an older file
  const later = Array.from({ length: 100 }, () => db.readUsers());
  assertEquals(new Set(await Promise.all(later)).size, 1);
  await first;
  assertSpyCalls(read, 3);

  await Deno.writeTextFile(temp.path, "alice:other\n");
  assertEquals(await accepts(db, "alice", "other"), true);
  await Deno.remove(temp.path);
  assertEquals(await accepts(db, "alice", "other"), false);
  await Deno.writeTextFile(temp.path, "alice:secret\n");
  assertEquals(await accepts(db, "alice", "secret"), true);
});

Deno.test("FilePasswordDB keeps no copy of other users while a login waits for its proof", async () => {
  await using temp = await tempFile("alice:secret\nbob:hunter2\n");
  for (const username of ["alice", "nobody"]) {
    let areKept = true;
    const users = new FinalizationRegistry(() => areKept = false);
    class Watched extends FilePasswordDB {
      override async readUsers(): Promise<ReadonlyMap<string, Uint8Array>> {
        const all = await super.readUsers();
        users.register(all, undefined);
        return all;
      }
    }
    const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<boolean>()];
    const checkPassword = () => {
      asked.resolve();
      return answered.promise;
    };
    const proof = { provides: [IUsernameHashedPassword], username, checkPassword };
    const refused = assertRejects(() => new Watched(temp.path).requestAvatarId(proof));
    await asked.promise;
    assert(await collectUntil(() => !areKept));
    answered.resolve(false);
    await refused;
  }
});

Deno.test("FilePasswordDB counts negative fields from the end, and skips lines with too few fields", async () => {
  await using temp = await tempFile("short\na:b:alice:secret:x\n");
  const db = new FilePasswordDB(temp.path, { usernameField: -3, passwordField: -2 });
  assertEquals(await accepts(db, "alice", "secret"), true);
  assertEquals(await accepts(db, "short", "short"), false);
});

Deno.test("FilePasswordDB() refuses invalid options", () => {
  assertThrows(() => new FilePasswordDB("x", { delimiter: "" }), RangeError);
  assertThrows(() => new FilePasswordDB("x", { delimiter: new Uint8Array() }), RangeError);
  for (const field of [0.5, NaN, Infinity]) {
    assertThrows(() => new FilePasswordDB("x", { usernameField: field }), RangeError);
    assertThrows(() => new FilePasswordDB("x", { passwordField: field }), RangeError);
  }
});

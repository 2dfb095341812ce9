import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import {
  type CredInterface,
  FilePasswordDB,
  type ICredentials,
  IScramCredentials,
  IUsernameMD5Password,
  IUsernamePassword,
  LoginDenied,
  Portal,
  ScramClient,
  ScramCredentials,
  UnauthorizedLogin,
  UnhandledCredentials,
  UserDatabaseError,
  UsernameHashedPassword,
  UsernamePassword,
} from "../../cred/mod.ts";
import { SqlitePasswordDB, type SqlitePasswordDBOptions } from "../../cred/sqlite.ts";
import { digest } from "../../cred/hashes.ts";
import { equalSecrets } from "../../cred/bytes.ts";
import { WATCHER } from "../../cred/watched.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Costs that are low enough for tests. */
const CHEAP: SqlitePasswordDBOptions = {
  scrypt: { cost: 16, blockSize: 1, parallelization: 1 },
  scramIterations: 4096,
};

/** Opens a database, and gives access to its tables. */
function opened(options: SqlitePasswordDBOptions = {}) {
  const database = new DatabaseSync(":memory:");
  const users = new SqlitePasswordDB(database, { ...CHEAP, ...options });
  const row = (name: string) =>
    database.prepare("SELECT * FROM cred_users WHERE name = ?").get(name);
  return { database, users, row, [Symbol.dispose]: () => database.close() };
}

/** A proof of the password like that of stock Twisted clients, but without a challenge. */
class MD5Credentials implements IUsernameMD5Password {
  readonly provides = [IUsernameMD5Password];
  readonly checked: Uint8Array[] = [];
  constructor(readonly username: string, readonly password: string) {}
  checkPassword(password: string | Uint8Array): boolean {
    return this.checkMD5Password(digest("MD5", password));
  }
  checkMD5Password(given: Uint8Array): boolean {
    this.checked.push(given);
    return equalSecrets(digest("MD5", this.password), given);
  }
}

async function scramLogin(users: SqlitePasswordDB, username: string, password: string) {
  const client = new ScramClient(username, password);
  let serverFirst = "";
  const credentials = new ScramCredentials(client.clientFirst(), (message) => {
    serverFirst = new TextDecoder().decode(message);
    return client.clientFinal(message);
  });
  try {
    const avatarId = await users.requestAvatarId(credentials);
    client.verify(credentials.serverFinal!);
    return { avatarId, serverFirst };
  } catch (error) {
    return { error, serverFirst };
  }
}

const plain = (users: SqlitePasswordDB, name: string, password: string | Uint8Array) =>
  users.requestAvatarId(new UsernamePassword(name, password));

Deno.test("SqlitePasswordDB accepts the right password, and refuses wrong names and passwords in the same way", async () => {
  using db = opened();
  await db.users.addUser("alice", "secret");
  assertEquals(await plain(db.users, "alice", "secret"), "alice");
  assertEquals(await plain(db.users, "alice", encode("secret")), "alice");
  const messages = new Set<string>();
  const attempts = [["alice", "Secret"], ["alice", ""], ["nobody", "secret"], ["", "secret"]];
  for (const [name, password] of [...attempts, ["al\u0000ice", "secret"], ["alice", "sec\nret"]]) {
    const error = await assertRejects(() => plain(db.users, name!, password!), UnauthorizedLogin);
    messages.add(error.message);
  }
  assertEquals(messages.size, 1);
});

Deno.test("SqlitePasswordDB works with its default costs", async () => {
  using database = new SqlitePasswordDB(":memory:");
  await database.addUser("alice", "secret");
  assertEquals(await plain(database, "alice", "secret"), "alice");
});

Deno.test("SqlitePasswordDB stores neither the password nor its digest", async () => {
  using db = opened();
  await db.users.addUser("alice", "secret");
  const { scrypt, scram, md5 } = db.row("alice")!;
  assert(String(scrypt).startsWith("$scrypt$ln=4,r=1,p=1$"));
  assert(String(scram).startsWith("SCRAM-SHA-256$4096:"));
  assertEquals(md5, null);
  assert(!JSON.stringify(db.row("alice")).includes("secret"));
});

Deno.test("SqlitePasswordDB checks SCRAM logins", async () => {
  using db = opened();
  await db.users.addUser("alice", "secret");
  assertEquals((await scramLogin(db.users, "alice", "secret")).avatarId, "alice");
  for (const [name, password] of [["alice", "guess"], ["nobody", "secret"]]) {
    const { error, serverFirst } = await scramLogin(db.users, name!, password!);
    assert(error instanceof UnauthorizedLogin);
    assert(serverFirst.endsWith(",i=4096"));
  }
});

Deno.test("SqlitePasswordDB shows an unknown user the same salt, even after a restart", async () => {
  const file = await Deno.makeTempFile();
  const salts: string[] = [];
  for (let i = 0; i < 2; i++) {
    using users = new SqlitePasswordDB(file, CHEAP);
    const { serverFirst } = await scramLogin(users, "nobody", "guess");
    salts.push(serverFirst.split(",")[1]!);
  }
  await Deno.remove(file);
  assertEquals(salts[0], salts[1]);
});

Deno.test("SqlitePasswordDB checks MD5 proofs only if the option to store MD5 is set", async () => {
  using without = opened();
  using db = opened({ storeMD5: true });
  assertEquals<readonly CredInterface[]>(without.users.credentialInterfaces, [
    IUsernamePassword,
    IScramCredentials,
  ]);
  assertEquals<readonly CredInterface[]>(db.users.credentialInterfaces, [
    IUsernamePassword,
    IScramCredentials,
    IUsernameMD5Password,
  ]);
  for (const { users } of [without, db]) await users.addUser("alice", "secret");

  assertEquals(db.row("alice")!.md5, digest("MD5", "secret"));
  const right = new MD5Credentials("alice", "secret");
  assertEquals(await db.users.requestAvatarId(right), "alice");
  await assertRejects(() => without.users.requestAvatarId(right), UnauthorizedLogin);
  const wrong = new MD5Credentials("alice", "guess");
  await assertRejects(() => db.users.requestAvatarId(wrong), UnauthorizedLogin);
  const unknown = new MD5Credentials("nobody", "secret");
  await assertRejects(() => db.users.requestAvatarId(unknown), UnauthorizedLogin);
  assertEquals(unknown.checked.map(({ length }) => length), [16], "the same work");
});

Deno.test("SqlitePasswordDB does not accept credentials whose check needs the plain password", async () => {
  using db = opened({ storeMD5: true });
  const realm = { requestAvatar: () => Promise.reject(new Error("never asked")) };
  const portal = new Portal(realm, [db.users]);
  const proof: ICredentials = new UsernameHashedPassword("alice", "secret");
  await assertRejects(() => portal.login(proof, null), UnhandledCredentials);
});

Deno.test("SqlitePasswordDB recognises names and passwords in every Unicode normal form", async () => {
  using db = opened();
  await db.users.addUser("a\u0308lice", "cafe\u0301");
  assertEquals(db.users.users(), ["älice"]);
  assertEquals(await plain(db.users, "\u00e4lice", "caf\u00e9"), "älice");
  assertEquals(await plain(db.users, "a\u0308lice", encode("cafe\u0301")), "älice");
  assertEquals((await scramLogin(db.users, "a\u0308lice", "caf\u00e9")).avatarId, "älice");
});

Deno.test("SqlitePasswordDB accepts a password that is not text", async () => {
  using db = opened();
  await db.users.addUser("alice", Uint8Array.of(0xff, 0));
  assertEquals(await plain(db.users, "alice", Uint8Array.of(0xff, 0)), "alice");
  await assertRejects(() => plain(db.users, "alice", "\u00ff\0"), UnauthorizedLogin);
});

Deno.test("SqlitePasswordDB ignores the case of names if the option is set", async () => {
  using db = opened({ caseSensitive: false, storeMD5: true });
  await db.users.addUser("Alice", "secret");
  assertEquals(db.users.users(), ["alice"]);
  assertEquals(await plain(db.users, "ALICE", "secret"), "alice");
  assertEquals((await scramLogin(db.users, "aLICE", "secret")).avatarId, "alice");
  const proof = new MD5Credentials("AlIcE", "secret");
  assertEquals(await db.users.requestAvatarId(proof), "alice");
  await assertRejects(() => db.users.addUser("aliCE", "x"), UserDatabaseError);
  const salt = async (name: string) =>
    (await scramLogin(db.users, name, "x")).serverFirst.split(",")[1];
  assertEquals(await salt("nobody"), await salt("NOBODY"));
  assert(db.users.removeUser("ALICE"));
});

Deno.test("SqlitePasswordDB adds, changes, lists and removes users", async () => {
  using db = opened();
  await db.users.addUser("bob", "old");
  await db.users.addUser("alice", "secret");
  assertEquals(db.users.users(), ["alice", "bob"]);
  assertEquals([db.users.hasUser("bob"), db.users.hasUser("carol")], [true, false]);

  await db.users.setPassword("bob", "new");
  assertEquals(await plain(db.users, "bob", "new"), "bob");
  assertEquals((await scramLogin(db.users, "bob", "new")).avatarId, "bob");
  await assertRejects(() => plain(db.users, "bob", "old"), UnauthorizedLogin);

  assertEquals([db.users.removeUser("bob"), db.users.removeUser("bob")], [true, false]);
  assertEquals([db.users.removeUser(""), db.users.hasUser("")], [false, false]);
  await assertRejects(() => plain(db.users, "bob", "new"), UnauthorizedLogin);
});

Deno.test("SqlitePasswordDB names the fault in its errors, without the password", async () => {
  using db = opened();
  await db.users.addUser("alice", "secret");
  const CASES = [
    { run: () => db.users.addUser("alice", "x"), message: 'add user "alice": name is taken' },
    { run: () => db.users.setPassword("bob", "x"), message: 'password of "bob": no such user' },
    { run: () => db.users.addUser("", "x"), message: 'Cannot use name "": it is empty' },
    { run: () => db.users.addUser("a\nb", "x"), message: "control characters" },
    {
      run: () => db.users.addUser("bob", "se\ncret"),
      message: 'password of "bob": it has control',
    },
    { run: () => db.users.setPassword("alice", "\u0000"), message: "control characters" },
    { run: () => db.users.addUser("bob", "x".repeat(1025)), message: "more than 1024 bytes" },
    { run: () => db.users.addUser("bob", "ü".repeat(513)), message: "more than 1024 bytes" },
    { run: () => db.users.addUser("bob", new Uint8Array(1025)), message: "more than 1024 bytes" },
  ];
  for (const { run, message } of CASES) {
    const error = await assertRejects(run, UserDatabaseError, message);
    assert(!error.message.includes("cret"));
  }
  assertEquals(await plain(db.users, "alice", "secret"), "alice");
  await db.users.addUser("bob", "x".repeat(1024));
  await assertRejects(() => plain(db.users, "bob", "x".repeat(1025)), UnauthorizedLogin);
});

Deno.test("SqlitePasswordDB.addUser() rejects the second of two calls that add the same user", async () => {
  using db = opened();
  const both = ["one", "two"].map((password) => db.users.addUser("alice", password));
  const ends = await Promise.allSettled(both);
  assertEquals(ends.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
});

Deno.test("SqlitePasswordDB rehashes a password at login when costs were raised", async () => {
  using db = opened();
  await db.users.addUser("alice", "secret");
  const before = db.row("alice")!;
  const raised = new SqlitePasswordDB(db.database, {
    scrypt: { cost: 32, blockSize: 1, parallelization: 2 },
    scramIterations: 5000,
    storeMD5: true,
  });
  await assertRejects(() => plain(raised, "alice", "guess"), UnauthorizedLogin);
  assertEquals((await scramLogin(raised, "alice", "secret")).avatarId, "alice");
  assertEquals(db.row("alice"), before, "the password was not at hand");

  assertEquals(await plain(raised, "alice", "secret"), "alice");
  const after = db.row("alice")!;
  assert(String(after.scrypt).startsWith("$scrypt$ln=5,r=1,p=2$"));
  assert(String(after.scram).startsWith("SCRAM-SHA-256$5000:"));
  assertEquals(after.md5, digest("MD5", "secret"));
  assertEquals(await plain(raised, "alice", "secret"), "alice");
  assertEquals(db.row("alice"), after, "once is enough");
  assertEquals((await scramLogin(raised, "alice", "secret")).avatarId, "alice");

  assertEquals(await plain(db.users, "alice", "secret"), "alice");
  assertEquals(db.row("alice")!.md5, null, "not stored where it should not be");
});

Deno.test("SqlitePasswordDB accepts a login even if the new hash cannot be written", async () => {
  const file = await Deno.makeTempFile();
  {
    using users = new SqlitePasswordDB(file, CHEAP);
    await users.addUser("alice", "secret");
  }
  const database = new DatabaseSync(file, { readOnly: true });
  const users = new SqlitePasswordDB(database, { ...CHEAP, scramIterations: 5000 });
  assertEquals(await plain(users, "alice", "secret"), "alice");
  database.close();
  await Deno.remove(file);
});

Deno.test("SqlitePasswordDB denies logins when too many wait, and checks the others", async () => {
  using db = opened({ maxHashes: 1, maxWaiting: 2 });
  await db.users.addUser("alice", "secret");
  const logins = Array.from({ length: 5 }, () => plain(db.users, "alice", "secret"));
  const ends = await Promise.allSettled(logins);
  const refused = ends.filter((end) => end.status === "rejected");
  assertEquals(refused.length, 2);
  for (const { reason } of refused) assert(reason instanceof LoginDenied);
  assertEquals(await plain(db.users, "alice", "secret"), "alice");
});

Deno.test("SqlitePasswordDB hashes no password for a client that is gone before its turn", async () => {
  using db = opened({ maxHashes: 1, maxWaiting: 1 });
  await db.users.addUser("alice", "secret");
  const first = plain(db.users, "alice", "secret");
  const watcher = { isWaiting: true, accepted() {} };
  const gone = Object.assign(new UsernamePassword("alice", "secret"), { [WATCHER]: watcher });
  const refused = assertRejects(
    () => db.users.requestAvatarId(gone),
    LoginDenied,
    "nobody is waiting",
  );
  await Promise.resolve();
  watcher.isWaiting = false;
  assertEquals(await plain(db.users, "alice", "secret"), "alice");
  assertEquals(await first, "alice");
  await refused;
});

Deno.test("SqlitePasswordDB.importFrom() imports a password file of Twisted", async () => {
  const file = await Deno.makeTempFile();
  const lines = ["alice:secret", "bob:hunter2", "carol:has\ttab", "bob:other", ":empty", "short"];
  await Deno.writeTextFile(file, lines.join("\n"));
  using db = opened();
  await db.users.addUser("alice", "newer");
  const report = await db.users.importFrom(new FilePasswordDB(file));
  await Deno.remove(file);

  assertEquals(report.added, ["bob"]);
  assertEquals([...report.skipped.keys()], ["alice", "carol", ""]);
  assertEquals(report.skipped.get("alice"), 'Cannot add user "alice": name is taken');
  assertEquals(await plain(db.users, "bob", "hunter2"), "bob");
  assertEquals(await plain(db.users, "alice", "newer"), "alice");
});

Deno.test("SqlitePasswordDB.importFrom() refuses hashed and missing files", async () => {
  using db = opened();
  const hashed = new FilePasswordDB("users.txt", { hash: (_, password) => password });
  await assertRejects(() => db.users.importFrom(hashed), UserDatabaseError, "are hashed");
  const missing = new FilePasswordDB("/nonexistent/users.txt");
  await assertRejects(() => db.users.importFrom(missing), UnauthorizedLogin);
});

Deno.test("SqlitePasswordDB keeps users in a file, and closes only databases that it opened", async () => {
  const file = await Deno.makeTempFile();
  {
    using users = new SqlitePasswordDB(file, CHEAP);
    await users.addUser("alice", "secret");
    users.close();
    users.close();
    assertThrows(() => users.users());
  }
  {
    using users = new SqlitePasswordDB(file, CHEAP);
    assertEquals(await plain(users, "alice", "secret"), "alice");
  }
  using database = new DatabaseSync(file);
  new SqlitePasswordDB(database, CHEAP).close();
  assert(database.isOpen, "stays open, as it was");
  await Deno.remove(file);
});

Deno.test("SqlitePasswordDB shares a database with other tables", () => {
  using database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE users (id INTEGER)");
  assertEquals(new SqlitePasswordDB(database, CHEAP).users(), []);
});

Deno.test("SqlitePasswordDB refuses tables of a later version", () => {
  using db = opened();
  db.database.exec("UPDATE cred_settings SET value = 2 WHERE name = 'version'");
  const reopen = () => new SqlitePasswordDB(db.database, CHEAP);
  assertThrows(reopen, UserDatabaseError, 'its version is "2"');
  db.database.exec("UPDATE cred_settings SET value = 1 WHERE name = 'version'");
  db.database.exec("UPDATE cred_settings SET value = 'x' WHERE name = 'secret'");
  assertThrows(reopen, UserDatabaseError, "secret");
});

Deno.test("SqlitePasswordDB refuses options that are out of range", () => {
  for (const options of [{ scramIterations: 1 }, { maxHashes: 0 }, { scrypt: { cost: 3 } }]) {
    assertThrows(() => new SqlitePasswordDB(":memory:", options), RangeError);
  }
});

Deno.test("SqlitePasswordDB treats a name as data", async () => {
  using db = opened();
  const name = "'; DROP TABLE cred_users; --";
  await db.users.addUser(name, "secret");
  assertEquals(await plain(db.users, name, "secret"), name);
  await assertRejects(() => plain(db.users, "' OR '1'='1", "secret"), UnauthorizedLogin);
  assertNotEquals(db.users.users(), []);
});

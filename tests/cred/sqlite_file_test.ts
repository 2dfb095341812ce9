// Users in a file: its permissions, its use by several processes, and the errors when it fails.

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { spy } from "@std/testing/mock";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FilePasswordDB, UserDatabaseError, UsernamePassword } from "../../cred/mod.ts";
import { SqlitePasswordDB, type SqlitePasswordDBOptions } from "../../cred/sqlite.ts";

/** Costs that are low enough for tests. */
const CHEAP: SqlitePasswordDBOptions = {
  scrypt: { cost: 16, blockSize: 1, parallelization: 1 },
  scramIterations: 4096,
};

const OTHER_PROCESS = fileURLToPath(new URL("other_process.ts", import.meta.url));

/** Creates a folder that is removed at the end of the block. */
async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Starts another process, and waits until it is ready. */
async function otherProcess(...args: string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", OTHER_PROCESS, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const output = child.stdout.getReader();
  if ((await output.read()).done) throw new Error(await stderr);
  return {
    /** Tells the process to go on. */
    async proceed(): Promise<void> {
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode("\n"));
      await writer.close();
    },
    /** Waits for the process to end, and returns what it wrote to standard error. */
    async ended(): Promise<string> {
      while (!(await output.read()).done);
      await child.status;
      return await stderr;
    },
  };
}

const login = (users: SqlitePasswordDB, name: string) =>
  users.requestAvatarId(new UsernamePassword(name, "secret"));

Deno.test("SqlitePasswordDB waits for a lock of another process, at login and when opened", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/users.db`;
  using users = new SqlitePasswordDB(file, CHEAP);
  await users.addUser("alice", "secret");

  const atLogin = await otherProcess(file);
  await atLogin.proceed();
  assertEquals(await login(users, "alice"), "alice");
  assertEquals(await atLogin.ended(), "");

  const atOpening = await otherProcess(file);
  await atOpening.proceed();
  using again = new SqlitePasswordDB(file, CHEAP);
  assertEquals(again.users(), ["alice"]);
  assertEquals(await atOpening.ended(), "");
});

Deno.test("SqlitePasswordDB does not wait for a lock again until the database was usable", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/users.db`;
  using users = new SqlitePasswordDB(file, CHEAP);
  await users.addUser("alice", "secret");
  using statements = spy(DatabaseSync.prototype, "exec");
  const executed = () => statements.calls.splice(0).map(({ args: [sql] }) => sql);

  using other = new DatabaseSync(file);
  other.exec("BEGIN EXCLUSIVE");
  executed();
  for (let i = 0; i < 3; i++) {
    await assertRejects(() => login(users, "alice"), UserDatabaseError, "database is locked");
  }
  assertEquals(executed(), ["PRAGMA busy_timeout = 0"]);
  other.exec("ROLLBACK");
  executed();
  for (let i = 0; i < 3; i++) assertEquals(await login(users, "alice"), "alice");
  assertEquals(executed(), ["PRAGMA busy_timeout = 2000"]);
});

Deno.test("SqlitePasswordDB creates one database when several processes open a new file at once", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/users.db`;
  const names = ["alice", "bob", "carol", "dave"];
  const processes = await Promise.all(names.map((name) => otherProcess(file, name)));
  await Promise.all(processes.map((process) => process.proceed()));
  assertEquals(await Promise.all(processes.map((process) => process.ended())), ["", "", "", ""]);
  using users = new SqlitePasswordDB(file, CHEAP);
  assertEquals(users.users(), names);
});

Deno.test("SqlitePasswordDB creates its file with permissions for the owner only", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const url = pathToFileURL(path).href;
  const CASES: { database: string | URL; file: string }[] = [
    { database: `${path}/plain.db`, file: "plain.db" },
    { database: new URL(`${url}/url.db`), file: "url.db" },
    { database: `${url}/text%20of%20url.db`, file: "text of url.db" },
    { database: `file:${path}/short.db?mode=rwc`, file: "short.db" },
    { database: `file://localhost${path}/host.db#part`, file: "host.db" },
  ];
  for (const { database, file } of CASES) {
    {
      using users = new SqlitePasswordDB(database, CHEAP);
      await users.addUser("alice", "secret");
    }
    const { mode, size } = await Deno.stat(`${path}/${file}`);
    assert(size > 0, file);
    if (Deno.build.os !== "windows") assertEquals(mode! & 0o777, 0o600, file);
  }
  assertEquals((await Array.fromAsync(Deno.readDir(path))).length, CASES.length);
});

Deno.test("SqlitePasswordDB keeps the permissions of an existing file", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/users.db`;
  await Deno.writeFile(file, new Uint8Array());
  if (Deno.build.os !== "windows") await Deno.chmod(file, 0o640);
  const { mode } = await Deno.stat(file);
  using users = new SqlitePasswordDB(file, CHEAP);
  assertEquals(users.users(), []);
  assertEquals((await Deno.stat(file)).mode, mode);
});

for (const database of [":memory:", "", "file::memory:", "file:", "file:users.db?mode=memory"]) {
  Deno.test(`SqlitePasswordDB creates no file for "${database}"`, async () => {
    const files = () => Array.from(Deno.readDirSync("."), ({ name }) => name).sort();
    const before = files();
    using users = new SqlitePasswordDB(database, CHEAP);
    await users.addUser("alice", "secret");
    assertEquals(await login(users, "alice"), "alice");
    assertEquals(files(), before);
  });
}

Deno.test("SqlitePasswordDB names the file that it cannot open", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await Deno.writeTextFile(`${path}/letter.txt`, "Dear database, ".repeat(500));
  const CASES = [
    { database: `${path}/letter.txt`, fact: "file is not a database" },
    { database: `${path}/missing/users.db`, fact: "unable to open" },
    { database: new URL(`${pathToFileURL(path)}/users.db?mode=ro`), fact: "unable to open" },
    { database: path, fact: "unable to open" },
  ];
  for (const { database, fact } of CASES) {
    const open = () => new SqlitePasswordDB(database, CHEAP);
    const message = `Cannot use database "${database}": ${fact}`;
    const error = assertThrows(open, UserDatabaseError, message);
    assertEquals(error.filename, String(database));
    assert(error.cause instanceof Error);
  }
});

Deno.test("SqlitePasswordDB names a locked database, and does not wait longer than its connection is set to", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/users.db`;
  {
    using users = new SqlitePasswordDB(file, CHEAP);
    await users.addUser("alice", "secret");
  }
  using other = new DatabaseSync(file);
  using database = new DatabaseSync(file);
  const users = new SqlitePasswordDB(database, CHEAP);
  other.exec("BEGIN EXCLUSIVE");
  const uses = [
    () => users.users(),
    () => users.addUser("bob", "secret"),
    () => users.setPassword("alice", "other"),
    () => users.removeUser("alice"),
    () => login(users, "alice"),
  ];
  for (const use of uses) {
    const error = await assertRejects(async () => await use(), UserDatabaseError);
    assertEquals(error.message, `Cannot use database "${database.location()}": database is locked`);
    assertEquals(error.filename, database.location());
    assertEquals((error.cause as Error).message, "database is locked");
  }
  other.exec("ROLLBACK");
  assertEquals(await login(users, "alice"), "alice");
});

Deno.test("SqlitePasswordDB.importFrom() rejects when the database fails", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/users.db`;
  new SqlitePasswordDB(file, CHEAP).close();
  await Deno.writeTextFile(`${folder.path}/passwords.txt`, "alice:secret\n");
  using database = new DatabaseSync(file, { readOnly: true });
  const users = new SqlitePasswordDB(database, CHEAP);
  const passwords = new FilePasswordDB(`${folder.path}/passwords.txt`);
  const error = await assertRejects(() => users.importFrom(passwords), UserDatabaseError);
  assertStringIncludes(error.message, "readonly");
  assertStringIncludes(error.message, "users.db");
});

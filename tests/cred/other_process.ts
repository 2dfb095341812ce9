// A process that uses a file of users: it locks the file, or adds a user. It prints when it is ready.
// After a line on standard input it releases the lock, or adds the user.

import { DatabaseSync } from "node:sqlite";
import { SqlitePasswordDB } from "../../cred/sqlite.ts";

const [file = "", name] = Deno.args;

async function wait(): Promise<void> {
  console.log("ready");
  await Deno.stdin.read(new Uint8Array(1));
}

if (name === undefined) {
  using database = new DatabaseSync(file);
  database.exec("BEGIN EXCLUSIVE");
  await wait();
  // The test cannot report that it waits for the lock, as waiting blocks it.
  await new Promise((resolve) => setTimeout(resolve, 100));
  database.exec("COMMIT");
} else {
  await wait();
  using users = new SqlitePasswordDB(file, {
    scrypt: { cost: 16, blockSize: 1, parallelization: 1 },
    scramIterations: 4096,
  });
  await users.addUser(name, "secret");
}

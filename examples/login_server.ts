/**
 * A message board for users in a database. The first run adds a user, and prints how to log in.
 *
 *     deno task deno run -A examples/login_server.ts --port 8787 --database users.db
 *     deno task deno run -A examples/login_server.ts --database users.db --add bob
 *
 * With `--md5`, stock Twisted clients can log in too: docs/login.md says what that costs.
 */

import {
  Avatar,
  type AvatarGrant,
  type AvatarId,
  IPerspective,
  type IRealm,
  LoginDenied,
  LoginThrottle,
  Portal,
  RemoteReference,
  serve,
} from "@perspective/broker";
import { SqlitePasswordDB } from "@perspective/broker/cred/sqlite";
import { runAt, serveUntilInterrupted } from "./place.ts";

/** What a user may do. */
class Member extends Avatar {
  constructor(readonly name: string, readonly mind: unknown, readonly board: Board) {
    super();
  }
  perspective_read(): string[] {
    return this.board.lines;
  }
  perspective_write(line: string): void {
    this.board.write(`${this.name}: ${line}`);
  }
}

/** Gives each login an avatar of its own. */
class Board implements IRealm {
  readonly lines: string[] = [];
  readonly #members = new Set<Member>();

  requestAvatar(avatarId: AvatarId, mind: unknown): AvatarGrant<IPerspective> {
    if (typeof avatarId !== "string") throw new LoginDenied("Cannot log in: members only");
    const member = new Member(avatarId, mind, this);
    this.#members.add(member);
    console.log(`${avatarId} has come`);
    return [IPerspective, member, () => {
      this.#members.delete(member);
      console.log(`${avatarId} has left`);
    }];
  }

  /** Shows a line to all users whose clients have passed an object to show it to. */
  write(line: string): void {
    this.lines.push(line);
    for (const { mind } of this.#members) {
      if (mind instanceof RemoteReference) mind.callRemoteOnly("show", line);
    }
  }
}

/** Adds a user with a random password, and prints it. */
async function addUser(users: SqlitePasswordDB, name: string): Promise<void> {
  const password = crypto.getRandomValues(new Uint8Array(12)).toBase64();
  await users.addUser(name, password);
  console.log(`Added user ${name}, whose password is ${password}`);
}

const USAGE =
  `A message board for users in a database. The first run adds one, and says how to log in.

Usage: login_server.ts [--database FILE] [--add NAME] [--md5]

  --database FILE
               where the users are (default: users.db)
  --add NAME   add a user instead of serving
  --md5        let stock Twisted clients log in too`;

await runAt(USAGE, async (place, { values: { database, add, md5 } }) => {
  using users = new SqlitePasswordDB(database, { storeMD5: md5 });
  if (add !== undefined) return await addUser(users, add);
  const server = serve(new Portal(new Board(), [users]), {
    ...place,
    login: { limiter: new LoginThrottle(), weakMechanisms: md5 ? "always" : "never" },
  });
  if (users.users().length === 0) await addUser(users, "alice");
  await serveUntilInterrupted(server);
}, {
  options: {
    database: { type: "string", default: "users.db" },
    add: { type: "string" },
    md5: { type: "boolean", default: false },
  },
});

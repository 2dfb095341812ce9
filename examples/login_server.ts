/**
 * A message board for users in a database. The first run adds one, and says how to log in.
 *
 *     deno task deno run -A examples/login_server.ts --port 8787 --database users.db
 *     deno task deno run -A examples/login_server.ts --database users.db --add bob
 *
 * With `--md5`, stock Twisted clients can log in too: docs/login.md tells what that costs.
 */

import { parseArgs } from "node:util";
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

  /** Shows a line to everybody whose client has given an object to show it to. */
  write(line: string): void {
    this.lines.push(line);
    for (const { mind } of this.#members) {
      if (mind instanceof RemoteReference) mind.callRemote("show", line).catch(() => {});
    }
  }
}

const { values: options } = parseArgs({
  options: {
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8787" },
    database: { type: "string", default: "users.db" },
    add: { type: "string" },
    md5: { type: "boolean", default: false },
  },
});

const users = new SqlitePasswordDB(options.database, { storeMD5: options.md5 });
const newUser = options.add ?? (users.users().length === 0 ? "alice" : undefined);
if (newUser !== undefined) {
  const password = crypto.getRandomValues(new Uint8Array(12)).toBase64();
  await users.addUser(newUser, password);
  console.log(`Added user ${newUser}, whose password is ${password}`);
}

if (options.add === undefined) {
  const portal = new Portal(new Board(), [users]);
  const server = serve(portal, {
    hostname: options.host,
    port: Number(options.port),
    login: {
      limiter: new LoginThrottle(),
      weakMechanisms: options.md5 ? "always" : "never",
    },
  });
  console.log(`Listening at ${server.url}`);
}

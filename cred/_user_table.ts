/**
 * The tables of users in a SQLite database.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { UserDatabaseError } from "./errors.ts";

/** What is stored of a user's password. */
export interface StoredUser {
  /** Hash by scrypt, in the PHC format. */
  readonly scrypt: string;
  /** Verifier for SCRAM, in the form of RFC 5803. */
  readonly scram: string;
  /** MD5 digest, if such are stored. */
  readonly md5: Uint8Array | null;
}

/** Version of the tables below. */
const VERSION = 1;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS cred_settings (
    name TEXT PRIMARY KEY NOT NULL,
    value ANY NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS cred_users (
    name TEXT PRIMARY KEY NOT NULL,
    scrypt TEXT NOT NULL,
    scram TEXT NOT NULL,
    md5 BLOB
  ) STRICT, WITHOUT ROWID;
`;

/** Reads and writes users; names are taken as they are. */
export class UserTable implements Disposable {
  /** Random bytes that were made with the tables. */
  readonly secret: Uint8Array;

  readonly #database: DatabaseSync;
  readonly #owned: boolean;

  /** Opens a database, or takes one that is open and stays its owner's. */
  constructor(database: string | URL | DatabaseSync) {
    this.#owned = !(database instanceof DatabaseSync);
    this.#database = database instanceof DatabaseSync ? database : new DatabaseSync(database);
    try {
      this.#database.exec(SCHEMA);
      const version = this.#setting("version", VERSION);
      if (version !== VERSION) {
        throw new UserDatabaseError(`Cannot use database: its version is "${version}"`);
      }
      const secret = this.#setting("secret", crypto.getRandomValues(new Uint8Array(32)));
      if (!(secret instanceof Uint8Array)) {
        throw new UserDatabaseError("Cannot use database: its secret is not bytes");
      }
      this.secret = secret;
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Finds a user. */
  find(name: string): StoredUser | undefined {
    const row = this.#database.prepare("SELECT scrypt, scram, md5 FROM cred_users WHERE name = ?")
      .get(name);
    return row as StoredUser | undefined;
  }

  /** Lists all names in order. */
  names(): string[] {
    const rows = this.#database.prepare("SELECT name FROM cred_users ORDER BY name").all();
    return rows.map(({ name }) => String(name));
  }

  /** Adds a user, or says false if there is one of that name. */
  add(name: string, { scrypt, scram, md5 }: StoredUser): boolean {
    const sql = "INSERT OR IGNORE INTO cred_users (name, scrypt, scram, md5) VALUES (?, ?, ?, ?)";
    return this.#database.prepare(sql).run(name, scrypt, scram, md5).changes > 0;
  }

  /** Replaces what is stored of a user, or says false if there is none. */
  replace(name: string, { scrypt, scram, md5 }: StoredUser): boolean {
    const sql = "UPDATE cred_users SET scrypt = ?, scram = ?, md5 = ? WHERE name = ?";
    return this.#database.prepare(sql).run(scrypt, scram, md5, name).changes > 0;
  }

  /** Replaces what is stored of a user, unless somebody else has done so in between. */
  upgrade(name: string, { from, to }: { from: StoredUser; to: StoredUser }): void {
    const sql =
      "UPDATE cred_users SET scrypt = ?, scram = ?, md5 = ? WHERE name = ? AND scrypt = ?";
    this.#database.prepare(sql).run(to.scrypt, to.scram, to.md5, name, from.scrypt);
  }

  /** Removes a user, or says false if there is none. */
  remove(name: string): boolean {
    return this.#database.prepare("DELETE FROM cred_users WHERE name = ?").run(name).changes > 0;
  }

  /** Closes the database, if it was opened here; a second time does nothing. */
  [Symbol.dispose](): void {
    if (this.#owned && this.#database.isOpen) this.#database.close();
  }

  /** Reads a setting; one that is not there is written first. */
  #setting(name: string, initial: number | Uint8Array): unknown {
    const read = this.#database.prepare("SELECT value FROM cred_settings WHERE name = ?");
    const row = read.get(name);
    if (row !== undefined) return row.value;
    const insert = "INSERT OR IGNORE INTO cred_settings (name, value) VALUES (?, ?)";
    this.#database.prepare(insert).run(name, initial);
    return read.get(name)?.value; // another process may have been first
  }
}

/**
 * The tables of users in a SQLite database.
 *
 * @module
 */

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { makeNewFile } from "./_new_file.ts";
import { UserDatabaseError } from "./errors.ts";

/** What is stored instead of a user's password. */
export interface StoredUser {
  /** Hash by scrypt, in the PHC format. */
  readonly scrypt: string;
  /** Verifier for SCRAM, in the form of RFC 5803. */
  readonly scram: string;
  /** MD5 digest, if those are stored. */
  readonly md5: Uint8Array | null;
}

/** Version of the tables below. */
const VERSION = 1;

/** Milliseconds to wait for another process that is writing; nothing else runs meanwhile. */
const BUSY_TIMEOUT = 2000;
/** SQLite's error code when another process has locked the database. */
const SQLITE_BUSY = 5;

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

/** Reads and writes users; names are used as they are given. */
export class UserTable implements Disposable {
  /** Random bytes that were created together with the tables. */
  readonly secret: Uint8Array;

  readonly #database: DatabaseSync;
  readonly #owned: boolean;
  /** What errors call the database. */
  readonly #name: string;
  /** Milliseconds for which the database now waits for other processes, if it was opened here. */
  #timeout = BUSY_TIMEOUT;

  /**
   * Opens a database, or uses one that is already open, which its owner has to close.
   *
   * @throws {UserDatabaseError} If it cannot be opened or used; the methods throw it too.
   */
  constructor(database: string | URL | DatabaseSync) {
    this.#owned = !(database instanceof DatabaseSync);
    this.#name = database instanceof DatabaseSync
      ? database.location() ?? ":memory:"
      : String(database);
    this.#database = this.#naming(() => opened(database));
    try {
      this.#naming(() => this.#database.exec(SCHEMA));
      const version = this.#setting("version", VERSION);
      if (version !== VERSION) throw this.#unusable(`its version is "${version}"`);
      const secret = this.#setting("secret", crypto.getRandomValues(new Uint8Array(32)));
      if (!(secret instanceof Uint8Array)) throw this.#unusable("its secret is not bytes");
      this.secret = secret;
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Finds a user. */
  find(name: string): StoredUser | undefined {
    const sql = "SELECT scrypt, scram, md5 FROM cred_users WHERE name = ?";
    const row = this.#naming(() => this.#database.prepare(sql).get(name));
    return row as StoredUser | undefined;
  }

  /** Lists all names in order. */
  names(): string[] {
    const sql = "SELECT name FROM cred_users ORDER BY name";
    const rows = this.#naming(() => this.#database.prepare(sql).all());
    return rows.map(({ name }) => String(name));
  }

  /** Adds a user; returns false if the name is taken. */
  add(name: string, { scrypt, scram, md5 }: StoredUser): boolean {
    const sql = "INSERT OR IGNORE INTO cred_users (name, scrypt, scram, md5) VALUES (?, ?, ?, ?)";
    return this.#change(sql, name, scrypt, scram, md5);
  }

  /** Replaces what is stored for a user; returns false if there is no such user. */
  replace(name: string, { scrypt, scram, md5 }: StoredUser): boolean {
    const sql = "UPDATE cred_users SET scrypt = ?, scram = ?, md5 = ? WHERE name = ?";
    return this.#change(sql, scrypt, scram, md5, name);
  }

  /** Replaces what is stored for a user, unless it has been replaced in the meantime. */
  upgrade(name: string, { from, to }: { from: StoredUser; to: StoredUser }): void {
    const sql =
      "UPDATE cred_users SET scrypt = ?, scram = ?, md5 = ? WHERE name = ? AND scrypt = ?";
    this.#change(sql, to.scrypt, to.scram, to.md5, name, from.scrypt);
  }

  /** Removes a user; returns false if there is no such user. */
  remove(name: string): boolean {
    return this.#change("DELETE FROM cred_users WHERE name = ?", name);
  }

  /** Closes the database if it was opened here; a second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#owned && this.#database.isOpen) this.#database.close();
  }

  /** Reads a setting; if it is missing, writes it first. */
  #setting(name: string, initial: number | Uint8Array): unknown {
    const sql = "SELECT value FROM cred_settings WHERE name = ?";
    const read = () => this.#naming(() => this.#database.prepare(sql).get(name));
    const row = read();
    if (row !== undefined) return row.value;
    this.#change("INSERT OR IGNORE INTO cred_settings (name, value) VALUES (?, ?)", name, initial);
    return read()?.value; // another process may have been first
  }

  /** Runs a statement, and returns whether it changed anything. */
  #change(sql: string, ...values: SQLInputValue[]): boolean {
    return this.#naming(() => this.#database.prepare(sql).run(...values).changes > 0);
  }

  /** Does something with the database, turning an error of SQLite into one that names the file. */
  #naming<T>(work: () => T): T {
    try {
      const result = work();
      this.#waitFor(BUSY_TIMEOUT);
      return result;
    } catch (error) {
      if (!isFromSqlite(error)) throw error;
      // The next logins must not each wait as well: the program would do nothing else.
      if (error.errcode === SQLITE_BUSY) this.#waitFor(0);
      throw this.#unusable(error.message, error);
    }
  }

  /** Sets how many milliseconds the database waits for other processes from now on. */
  #waitFor(timeout: number): void {
    if (!this.#owned || this.#timeout === timeout) return;
    this.#database.exec(`PRAGMA busy_timeout = ${timeout}`);
    this.#timeout = timeout;
  }

  /** Creates the error that says why the database cannot be used. */
  #unusable(fact: string, cause?: Error): UserDatabaseError {
    const options = { filename: this.#name, cause };
    return new UserDatabaseError(`Cannot use database "${this.#name}": ${fact}`, options);
  }
}

/** Returns an open database as it is; opens a file, and creates it if it is missing. */
function opened(database: string | URL | DatabaseSync): DatabaseSync {
  if (database instanceof DatabaseSync) return database;
  makeNewFile(database);
  return new DatabaseSync(database, { timeout: BUSY_TIMEOUT });
}

/** Returns whether an error is from SQLite, and not from misuse, such as after closing. */
function isFromSqlite(error: unknown): error is Error & { readonly errcode?: number } {
  return error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}

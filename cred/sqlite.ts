/**
 * Users in a SQLite database, with their passwords hashed by scrypt.
 *
 * It stands apart from the rest of cred because it needs `node:sqlite` and `node:crypto`, which
 * browsers do not have.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { unknownSecret } from "./bytes.ts";
import { digest } from "./hashes.ts";
import { Gate } from "./_gate.ts";
import { saslprep } from "./_saslprep.ts";
import { checkIterations, preparePassword } from "./_scram_keys.ts";
import {
  decoyScrypt,
  hashScrypt,
  isCheaper,
  type ScryptParameters,
  scryptParameters,
  verifyScrypt,
} from "./_scrypt.ts";
import { type StoredUser, UserTable } from "./_user_table.ts";
import type { AvatarId, ICredentialsChecker } from "./checkers.ts";
import { type CredInterface, providedBy } from "./cred_interface.ts";
import { IUsernameHashedPassword, IUsernameMD5Password, IUsernamePassword } from "./credentials.ts";
import { UnauthorizedLogin, UserDatabaseError } from "./errors.ts";
import type { FilePasswordDB } from "./file_password_db.ts";
import { IScramCredentials } from "./scram_credentials.ts";
import {
  decoyScramVerifier,
  DEFAULT_SCRAM_ITERATIONS,
  formatScramVerifier,
  makeScramVerifier,
  parseScramVerifier,
} from "./scram_verifier.ts";
import { isWanted } from "./watched.ts";

export type { ScryptParameters };

/** Options for {@linkcode SqlitePasswordDB}. */
export interface SqlitePasswordDBOptions {
  /** What one guess at a stolen password costs. */
  scrypt?: ScryptParameters;

  /** Number of SCRAM iterations for new passwords. Defaults to 600,000. */
  scramIterations?: number;

  /**
   * Whether to store the MD5 digest of each password as well. Stock Twisted clients need it to log
   * in, but anyone who steals the database can log in with it too. Defaults to false.
   */
  storeMD5?: boolean;

  /**
   * Whether `Alice` and `alice` are two users; only the case of ASCII letters matters. Defaults to
   * true.
   */
  caseSensitive?: boolean;

  /**
   * Maximum number of passwords to check at once, each in a thread and in memory of its own.
   * Defaults to 4.
   */
  maxHashes?: number;

  /** Maximum number of logins that wait to be checked; more are denied. Defaults to 256. */
  maxWaiting?: number;
}

/** What {@linkcode SqlitePasswordDB.importFrom} did. */
export interface ImportReport {
  /** Names that were added. */
  readonly added: string[];

  /** Names that were not added, with the reason for each. */
  readonly skipped: Map<string, string>;
}

/** Credentials that {@linkcode SqlitePasswordDB} can check. */
export type SqliteCredentials = IUsernamePassword | IScramCredentials | IUsernameMD5Password;

/** Maximum length of a password in bytes. */
const MAX_PASSWORD = 1024;

/**
 * Checks names and passwords against a SQLite database.
 *
 * Two things are stored for a password: its scrypt hash, for clients that send the password itself
 * (over TLS), and a verifier for SCRAM-SHA-256. Neither lets a thief log in. Neither is enough to
 * check stock Twisted clients, which answer a challenge: see `storeMD5` for what that takes.
 *
 * It does not matter in which form of Unicode names and passwords are typed (SASLprep). When a user
 * logs in with a password whose hash is cheaper than the options ask for, it is hashed again.
 *
 * The tables are called `cred_users` and `cred_settings`; they may share a database with others,
 * and several processes may use one file. While another process writes, this one waits for up to
 * two seconds, and its event loop is blocked; then it gives up, with a `UserDatabaseError` that
 * names the file, and does not wait again until the database can be used.
 *
 * @example
 * ```ts
 * import { UsernamePassword } from "@perspective/broker/cred";
 * import { SqlitePasswordDB } from "@perspective/broker/cred/sqlite";
 * import { assertEquals } from "@std/assert";
 *
 * using users = new SqlitePasswordDB(":memory:");
 * if (!users.hasUser("alice")) await users.addUser("alice", "secret");
 * assertEquals(await users.requestAvatarId(new UsernamePassword("alice", "secret")), "alice");
 * ```
 */
export class SqlitePasswordDB implements ICredentialsChecker<SqliteCredentials>, Disposable {
  /** The kinds of credentials that it can check; the one for MD5 only with `storeMD5`. */
  readonly credentialInterfaces: readonly CredInterface<SqliteCredentials>[];

  readonly #users: UserTable;
  readonly #scrypt: Required<ScryptParameters>;
  readonly #scramIterations: number;
  readonly #storeMD5: boolean;
  readonly #caseSensitive: boolean;
  readonly #gate: Gate;
  readonly #decoyKey: Uint8Array;

  /**
   * Opens a database, and creates the tables if they are missing.
   *
   * @param database A file, which is created if it is missing, for this program's user only;
   * `":memory:"`; or an open database, which keeps its settings, and which the caller has to close.
   * @param options What to store, and at what cost.
   * @throws {RangeError} If an option is out of range.
   * @throws {UserDatabaseError} If it cannot be opened or used, or the tables are of a later
   * version.
   */
  constructor(database: string | URL | DatabaseSync, options: SqlitePasswordDBOptions = {}) {
    const { scramIterations = DEFAULT_SCRAM_ITERATIONS, storeMD5 = false } = options;
    const { caseSensitive = true, maxHashes = 4, maxWaiting = 256 } = options;
    checkIterations(scramIterations);
    this.#scrypt = scryptParameters(options.scrypt);
    this.#scramIterations = scramIterations;
    this.#storeMD5 = storeMD5;
    this.#caseSensitive = caseSensitive;
    this.#gate = new Gate(maxHashes, maxWaiting);
    this.#users = new UserTable(database);
    this.#decoyKey = this.#users.secret;
    this.credentialInterfaces = storeMD5
      ? [IUsernamePassword, IScramCredentials, IUsernameMD5Password]
      : [IUsernamePassword, IScramCredentials];
  }

  /**
   * Returns whether a user exists.
   *
   * @param username Name of the user.
   * @returns Whether there is a user with that name.
   */
  hasUser(username: string): boolean {
    return this.#find(username) !== undefined;
  }

  /**
   * Lists the users.
   *
   * @returns Their names in order, as passed to the realm.
   */
  users(): string[] {
    return this.#users.names();
  }

  /**
   * Adds a user.
   *
   * @param username Name of the user.
   * @param password The password; bytes that are not UTF-8 are used as they are.
   * @throws {UserDatabaseError} If the name is taken, or name or password cannot be used: empty
   * names, control characters, passwords of more than 1024 bytes.
   */
  async addUser(username: string, password: string | Uint8Array): Promise<void> {
    const name = this.#usableName(username);
    if (this.#users.find(name) === undefined) {
      const user = await this.#hashed(name, password);
      if (this.#users.add(name, user)) return;
    }
    throw new UserDatabaseError(`Cannot add user "${name}": name is taken`, { username: name });
  }

  /**
   * Changes a user's password.
   *
   * @param username Name of the user.
   * @param password The new password; bytes that are not UTF-8 are used as they are.
   * @throws {UserDatabaseError} If there is no such user, or the password cannot be used.
   */
  async setPassword(username: string, password: string | Uint8Array): Promise<void> {
    const name = this.#usableName(username);
    const user = await this.#hashed(name, password);
    if (this.#users.replace(name, user)) return;
    throw new UserDatabaseError(`Cannot set password of "${name}": no such user`, {
      username: name,
    });
  }

  /**
   * Removes a user; existing logins continue.
   *
   * @param username Name of the user.
   * @returns Whether there was a user with that name.
   */
  removeUser(username: string): boolean {
    const name = this.#name(username);
    return name !== undefined && this.#users.remove(name);
  }

  /**
   * Adds the users in a text file, where their passwords must be in plain text.
   *
   * Users who are already in the database keep their passwords. It takes as long as that many
   * logins, one after the other.
   *
   * @param file The file.
   * @returns The users who were added and those who were not.
   * @throws {UnauthorizedLogin} If the file cannot be read; its `cause` says why.
   * @throws {UserDatabaseError} If the file has hashed passwords, or the database fails.
   */
  async importFrom(file: FilePasswordDB): Promise<ImportReport> {
    const kinds: readonly CredInterface[] = file.credentialInterfaces;
    if (!kinds.includes(IUsernameHashedPassword)) {
      throw new UserDatabaseError(`Cannot import "${file.filename}": its passwords are hashed`);
    }
    const report: ImportReport = { added: [], skipped: new Map() };
    for (const [username, password] of await file.readUsers()) {
      try {
        await this.addUser(username, password);
        report.added.push(username);
      } catch (error) {
        const isOfUser = error instanceof UserDatabaseError && error.filename === undefined;
        if (!isOfUser) throw error;
        report.skipped.set(username, error.message);
      }
    }
    return report;
  }

  /**
   * Checks a name and a password, or a proof of one.
   *
   * @param credentials What the client showed.
   * @returns The user's name, as in the database.
   * @throws {UnauthorizedLogin} If the user is unknown or the password is wrong.
   * @throws {LoginDenied} If too many wait for their passwords to be checked, or the client is gone
   * before its turn comes.
   * @throws {UserDatabaseError} If the database fails.
   */
  async requestAvatarId(credentials: SqliteCredentials): Promise<AvatarId> {
    const name = this.#name(credentials.username);
    const user = name === undefined ? undefined : this.#users.find(name);
    const matched = await this.#matches(credentials, user);
    if (name === undefined || user === undefined || !matched) throw new UnauthorizedLogin();
    if (providedBy(IUsernamePassword, credentials)) {
      // The login stands if this fails (the disk is full, say); the next one tries again.
      await this.#upgrade(name, { user, password: credentials.password }).catch(() => {});
    }
    return name;
  }

  /** Closes the database, unless it was passed in open; a second call does nothing. */
  close(): void {
    this.#users[Symbol.dispose]();
  }

  /** Closes the database, for `using`; see {@linkcode SqlitePasswordDB.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Checks credentials of any kind; those of an unknown user against a decoy, which must fail. */
  async #matches(credentials: SqliteCredentials, user: StoredUser | undefined): Promise<boolean> {
    if (providedBy(IUsernamePassword, credentials)) {
      const password = usablePassword(credentials.password) ?? unknownSecret();
      const stored = user?.scrypt ?? decoyScrypt(this.#scrypt);
      const isStillWanted = () => isWanted(credentials);
      return await this.#gate.run(() => verifyScrypt(password, stored), isStillWanted);
    }
    if (providedBy(IScramCredentials, credentials)) {
      const decoy = await decoyScramVerifier(this.#name(credentials.username) ?? "", {
        key: this.#decoyKey,
        iterations: this.#scramIterations,
      });
      return await credentials.checkVerifier(user ? parseScramVerifier(user.scram) : decoy);
    }
    if (!this.#storeMD5) return false;
    return await credentials.checkMD5Password(user?.md5 ?? unknownSecret().subarray(0, 16));
  }

  /** Stores a password again, now that it is known, if it is not stored as the options require. */
  async #upgrade(
    name: string,
    { user, password }: { user: StoredUser; password: string | Uint8Array },
  ): Promise<void> {
    const enough = !isCheaper(user.scrypt, this.#scrypt) &&
      parseScramVerifier(user.scram).iterations >= this.#scramIterations &&
      (user.md5 !== null) === this.#storeMD5;
    if (enough) return;
    const upgraded = await this.#gate.run(() => this.#hashed(name, password));
    this.#users.upgrade(name, { from: user, to: upgraded });
  }

  async #hashed(username: string, password: string | Uint8Array): Promise<StoredUser> {
    const prepared = usablePassword(password);
    if (prepared === undefined) {
      const fact = `it has control characters, or more than ${MAX_PASSWORD} bytes`;
      throw new UserDatabaseError(`Cannot use password of "${username}": ${fact}`, { username });
    }
    const verifier = await makeScramVerifier(prepared, { iterations: this.#scramIterations });
    return {
      scrypt: await hashScrypt(prepared, this.#scrypt),
      scram: formatScramVerifier(verifier),
      md5: this.#storeMD5 ? digest("MD5", password) : null,
    };
  }

  #find(username: string): StoredUser | undefined {
    const name = this.#name(username);
    return name === undefined ? undefined : this.#users.find(name);
  }

  /** Returns the form in which a name is stored, or `undefined` if the name cannot be used. */
  #name(username: string): string | undefined {
    const name = saslprep(username) || undefined;
    return this.#caseSensitive ? name : name?.replace(/[A-Z]+/g, (part) => part.toLowerCase());
  }

  #usableName(username: string): string {
    const name = this.#name(username);
    if (name !== undefined) return name;
    const fact = "it is empty, or has control characters";
    throw new UserDatabaseError(`Cannot use name "${username}": ${fact}`, { username });
  }
}

/** Returns the bytes of a password that are hashed, or `undefined` if it cannot be used. */
function usablePassword(password: string | Uint8Array): Uint8Array | undefined {
  if (password.length > MAX_PASSWORD) return undefined;
  const prepared = preparePassword(password);
  return prepared && prepared.length <= MAX_PASSWORD ? prepared : undefined;
}

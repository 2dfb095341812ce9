/**
 * Users in a text file, one per line, as Twisted's `FilePasswordDB` reads them.
 *
 * @module
 */

import { equalSecrets, toBytes, toText, unknownSecret } from "./bytes.ts";
import type { AvatarId, ICredentialsChecker, PasswordCredentials } from "./checkers.ts";
import { type CredInterface, providedBy } from "./cred_interface.ts";
import { IUsernameHashedPassword, IUsernamePassword } from "./credentials.ts";
import { UnauthorizedLogin } from "./errors.ts";

/**
 * Converts a password as the user typed it to the form that is stored in the file.
 *
 * @param username Name as the client sent it.
 * @param password Password as the client sent it.
 * @param stored The stored form, which often begins with the salt to use.
 * @returns A value that equals `stored` if the password is right; a string stands for its UTF-8
 * bytes.
 */
export type PasswordHash = (
  username: string,
  password: Uint8Array,
  stored: Uint8Array,
) => string | Uint8Array | Promise<string | Uint8Array>;

/** Options for {@linkcode FilePasswordDB}. */
export interface FilePasswordDBOptions {
  /** What separates the fields of a line. Defaults to `":"`. */
  delimiter?: string | Uint8Array;

  /** Index of the field that holds the name, counted from the end if negative. Defaults to 0. */
  usernameField?: number;

  /**
   * Index of the field that holds the password, counted from the end if negative. Defaults to 1.
   */
  passwordField?: number;

  /**
   * Whether `Alice` and `alice` are two users; only the case of ASCII letters matters. Defaults to
   * true.
   */
  caseSensitive?: boolean;

  /** How passwords in the file are hashed. Without it, they are plain text. */
  hash?: PasswordHash;

  /** Whether to keep the users in memory until the file changes. Defaults to false. */
  cache?: boolean;
}

/** The password in the file for each name. */
type Users = ReadonlyMap<string, Uint8Array>;

/** What the file looked like when it was last read. */
interface Snapshot {
  readonly modified: number | undefined;
  readonly size: number;
  readonly users: Users;
}

/**
 * Checks names and passwords against a text file.
 *
 * The files and the decisions are Twisted's. White space at the end of a line is ignored, as is a
 * line with too few fields; of two lines for one name, the first counts, or the last with `cache`.
 * Names and strings are UTF-8. If the file cannot be read, nobody can log in; the `cause` of the
 * error says why.
 *
 * A cached file is read again whenever its modification time or its size has changed (in Twisted,
 * only when it is newer), so a backup that is put back takes effect too.
 *
 * @example
 * ```ts
 * import { FilePasswordDB, UsernamePassword } from "@perspective/broker/cred";
 * import { assertEquals } from "@std/assert";
 *
 * const file = await Deno.makeTempFile();
 * await Deno.writeTextFile(file, "alice:secret\nbob:hunter2\n");
 *
 * const checker = new FilePasswordDB(file, { caseSensitive: false });
 * assertEquals(await checker.requestAvatarId(new UsernamePassword("Alice", "secret")), "alice");
 * await Deno.remove(file);
 * ```
 */
export class FilePasswordDB implements ICredentialsChecker<PasswordCredentials> {
  /** The kinds of credentials that it can check: with `hash`, only those that hold the password. */
  readonly credentialInterfaces: readonly CredInterface<PasswordCredentials>[];

  /** The file. */
  readonly filename: string | URL;

  readonly #delimiter: Uint8Array;
  readonly #usernameField: number;
  readonly #passwordField: number;
  readonly #caseSensitive: boolean;
  readonly #hash: PasswordHash | undefined;
  readonly #cache: boolean;
  #snapshot: Snapshot | undefined;
  /** Resolves when the last read, begun or still to begin, has ended. */
  #lastRead: Promise<void> = Promise.resolve();
  /** The read that begins when the one before it has ended. */
  #nextRead: Promise<Users> | undefined;

  /**
   * Creates a checker; the file is not read until a login.
   *
   * @param filename The file.
   * @param options How to read it.
   * @throws {RangeError} If the delimiter is empty, or a field is not an integer.
   */
  constructor(filename: string | URL, options: FilePasswordDBOptions = {}) {
    const { delimiter = ":", usernameField = 0, passwordField = 1 } = options;
    const { caseSensitive = true, hash, cache = false } = options;
    if (delimiter.length === 0) {
      throw new RangeError('Cannot split lines by "": delimiter is empty');
    }
    for (const field of [usernameField, passwordField]) {
      if (!Number.isInteger(field)) {
        throw new RangeError(`Cannot read field "${field}": not an integer`);
      }
    }
    this.filename = filename;
    this.credentialInterfaces = hash === undefined
      ? [IUsernamePassword, IUsernameHashedPassword]
      : [IUsernamePassword];
    this.#delimiter = toBytes(delimiter);
    this.#usernameField = usernameField;
    this.#passwordField = passwordField;
    this.#caseSensitive = caseSensitive;
    this.#hash = hash;
    this.#cache = cache;
  }

  /**
   * Looks up a user.
   *
   * @param username The name; its case does not matter if `caseSensitive` is false.
   * @returns The name as passed to the realm and the password in the file, or `undefined`.
   * @throws {UnauthorizedLogin} If the file cannot be read.
   */
  async getUser(
    username: string,
  ): Promise<readonly [username: string, password: Uint8Array] | undefined> {
    const name = this.#fold(username);
    const password = (await this.readUsers()).get(name);
    return password && [name, password];
  }

  /**
   * Reads all users, as a login would find them.
   *
   * @returns The password in the file for each name.
   * @throws {UnauthorizedLogin} If the file cannot be read.
   */
  async readUsers(): Promise<ReadonlyMap<string, Uint8Array>> {
    try {
      return await this.#read();
    } catch (cause) {
      throw new UnauthorizedLogin(undefined, { cause });
    }
  }

  /**
   * Checks a name and a password, or a proof of one.
   *
   * @param credentials What the client showed.
   * @returns The user's name; in lower case if `caseSensitive` is false.
   * @throws {UnauthorizedLogin} If the user is unknown, the password is wrong, or the file cannot
   * be read.
   */
  async requestAvatarId(credentials: PasswordCredentials): Promise<AvatarId> {
    const name = this.#fold(credentials.username);
    const { stored, other } = await this.#find(name);
    if (stored === undefined) {
      await this.#pretend(credentials, other);
      throw new UnauthorizedLogin();
    }
    if (!await this.#matches(credentials, stored)) throw new UnauthorizedLogin();
    return name;
  }

  /**
   * Returns the stored passwords of a user and of one other user. The table of all users must not
   * be kept in memory while the client proves who it is, which may take a long time.
   */
  async #find(
    name: string,
  ): Promise<{ stored: Uint8Array | undefined; other: Uint8Array | undefined }> {
    const users = await this.readUsers();
    const [other] = users.values();
    return { stored: users.get(name), other };
  }

  async #matches(credentials: PasswordCredentials, stored: Uint8Array): Promise<boolean> {
    if (this.#hash === undefined) return await credentials.checkPassword(stored);
    if (!providedBy(IUsernamePassword, credentials)) return false;
    const { username, password } = credentials;
    return equalSecrets(await this.#hash(username, toBytes(password), stored), stored);
  }

  /** Does for an unknown user the work that a check does for a known one. */
  async #pretend(
    credentials: PasswordCredentials,
    stored: Uint8Array = unknownSecret(),
  ): Promise<void> {
    if (this.#hash === undefined) {
      await credentials.checkPassword(unknownSecret());
      return;
    }
    // Whether the hash can read another user's record says nothing about this one.
    await this.#matches(credentials, stored).catch(() => false);
  }

  /** Reads the file once any read under way has ended; those who ask meanwhile share this read. */
  #read(): Promise<Users> {
    if (this.#nextRead === undefined) {
      this.#nextRead = this.#lastRead.then(() => {
        this.#nextRead = undefined;
        return this.#cache ? this.#cachedUsers() : this.#load();
      });
      this.#lastRead = this.#nextRead.then(() => {}, () => {});
    }
    return this.#nextRead;
  }

  async #cachedUsers(): Promise<Users> {
    const { mtime, size } = await Deno.stat(this.filename);
    const modified = mtime?.getTime();
    const snapshot = this.#snapshot;
    if (snapshot?.modified === modified && snapshot?.size === size) return snapshot.users;
    const users = await this.#load();
    this.#snapshot = { modified, size, users };
    return users;
  }

  async #load(): Promise<Users> {
    const users = new Map<string, Uint8Array>();
    for (const line of lines(await Deno.readFile(this.filename))) {
      const fields = split(line, this.#delimiter);
      const name = fields.at(this.#usernameField);
      const password = fields.at(this.#passwordField);
      const text = name && toText(name);
      if (text === undefined || password === undefined) continue;
      const username = this.#fold(text);
      if (this.#cache || !users.has(username)) users.set(username, password);
    }
    return users;
  }

  #fold(username: string): string {
    if (this.#caseSensitive) return username;
    return username.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  }
}

const NEWLINE = 0x0a;

/** Splits a file at its newlines, and removes white space from the end of each line. */
function* lines(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, start);
    const next = newline < 0 ? bytes.length : newline + 1;
    let end = next;
    while (end > start && isSpace(bytes[end - 1])) end--;
    yield bytes.subarray(start, end);
    start = next;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte !== undefined && (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

function split(line: Uint8Array, delimiter: Uint8Array): Uint8Array[] {
  const fields: Uint8Array[] = [];
  let start = 0;
  for (let at = indexOf(line, delimiter, 0); at >= 0; at = indexOf(line, delimiter, start)) {
    fields.push(line.slice(start, at));
    start = at + delimiter.length;
  }
  fields.push(line.slice(start));
  return fields;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  const [first = 0] = wanted;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

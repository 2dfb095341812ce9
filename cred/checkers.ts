/**
 * Checkers, which decide whether credentials are right, and two of them for small programs.
 *
 * @module
 */

import { unknownSecret } from "./bytes.ts";
import type { CredInterface } from "./cred_interface.ts";
import {
  IAnonymous,
  type ICredentials,
  IUsernameHashedPassword,
  IUsernamePassword,
} from "./credentials.ts";
import { UnauthorizedLogin } from "./errors.ts";

/**
 * Avatar id of users who were let in without a name.
 *
 * It is a symbol, so that no checker returns it by mistake, whether for a blank line in a password
 * file or because it forgot to return anything.
 */
export const ANONYMOUS: unique symbol = Symbol("twisted.cred.checkers.ANONYMOUS");

/**
 * Names an avatar to the realm: the user's name as the checker knows it, or {@linkcode ANONYMOUS}.
 */
export type AvatarId = string | typeof ANONYMOUS;

/**
 * Decides whether credentials are right.
 *
 * A checker may answer at once or later. It refuses by throwing {@linkcode UnauthorizedLogin} (or
 * rejecting with it), and should spend the same effort on an unknown user as on a wrong password.
 *
 * @typeParam C The credentials that it can check.
 */
export interface ICredentialsChecker<C extends ICredentials = ICredentials> {
  /** The kinds of credentials that it can check; the portal asks it about no others. */
  readonly credentialInterfaces: readonly CredInterface<C>[];

  /**
   * Checks credentials and returns whose they are.
   *
   * @param credentials Credentials that provide one of `credentialInterfaces`.
   * @returns The avatar id for the realm.
   * @throws {UnauthorizedLogin} If the credentials are not accepted.
   */
  requestAvatarId(credentials: C): AvatarId | Promise<AvatarId>;
}

/**
 * Lets in everyone who asks to be let in without a name.
 *
 * @example
 * ```ts
 * import { AllowAnonymousAccess, Anonymous, ANONYMOUS } from "@perspective/broker/cred";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new AllowAnonymousAccess().requestAvatarId(new Anonymous()), ANONYMOUS);
 * ```
 */
export class AllowAnonymousAccess implements ICredentialsChecker<IAnonymous> {
  /** The kinds of credentials that it can check. */
  readonly credentialInterfaces: readonly CredInterface<IAnonymous>[] = [IAnonymous];

  /**
   * Accepts the credentials.
   *
   * @param _credentials The credentials; nothing in them matters.
   * @returns {@linkcode ANONYMOUS}.
   */
  requestAvatarId(_credentials: IAnonymous): AvatarId {
    return ANONYMOUS;
  }
}

/** Credentials that a plain-text password can be checked against. */
export type PasswordCredentials = IUsernamePassword | IUsernameHashedPassword;

/**
 * Users and their passwords in memory, in plain text; for examples and tests.
 *
 * The name is Twisted's and means what it says: real programs keep hashes, in a database.
 *
 * @example
 * ```ts
 * import {
 *   InMemoryUsernamePasswordDatabaseDontUse,
 *   UsernamePassword,
 * } from "@perspective/broker/cred";
 * import { assertEquals } from "@std/assert";
 *
 * const checker = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" });
 * assertEquals(await checker.requestAvatarId(new UsernamePassword("alice", "secret")), "alice");
 * ```
 */
export class InMemoryUsernamePasswordDatabaseDontUse
  implements ICredentialsChecker<PasswordCredentials> {
  /** The kinds of credentials that it can check. */
  readonly credentialInterfaces: readonly CredInterface<PasswordCredentials>[] = [
    IUsernamePassword,
    IUsernameHashedPassword,
  ];

  readonly #users: Map<string, string | Uint8Array>;

  /**
   * Creates a database with some users.
   *
   * @param users Passwords by name; they are copied.
   */
  constructor(
    users:
      | Readonly<Record<string, string | Uint8Array>>
      | ReadonlyMap<string, string | Uint8Array> = {},
  ) {
    this.#users = new Map(users instanceof Map ? users : Object.entries(users));
  }

  /**
   * Sets a user's password.
   *
   * @param username Name of the user, new or known.
   * @param password The password; a string stands for its UTF-8 bytes.
   */
  addUser(username: string, password: string | Uint8Array): void {
    this.#users.set(username, password);
  }

  /**
   * Checks a name and a password, or a proof of one.
   *
   * @param credentials What the client showed.
   * @returns The user's name.
   * @throws {UnauthorizedLogin} If the user is unknown or the password wrong.
   */
  async requestAvatarId(credentials: PasswordCredentials): Promise<AvatarId> {
    const password = this.#users.get(credentials.username);
    // For an unknown user, run a check that must fail: it takes as long as one that might succeed.
    const matched = await credentials.checkPassword(password ?? unknownSecret());
    if (password === undefined || !matched) throw new UnauthorizedLogin();
    return credentials.username;
  }
}

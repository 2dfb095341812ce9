/**
 * Where credentials become an avatar: checkers say who the user is, and the realm what the user
 * gets.
 *
 * @module
 */

import { ANONYMOUS, type AvatarId, type ICredentialsChecker } from "./checkers.ts";
import { CredInterface, providedBy } from "./cred_interface.ts";
import type { ICredentials } from "./credentials.ts";
import { UnhandledCredentials } from "./errors.ts";
import { accepted } from "./watched.ts";

/**
 * What a realm gives a user who has logged in: the interface that the avatar provides, the avatar,
 * and the function to call when the user leaves.
 *
 * @typeParam T What the avatar can do.
 */
export type AvatarGrant<T = unknown> = readonly [
  provided: CredInterface<T>,
  avatar: T,
  logout: () => void | Promise<void>,
];

/** Connects a program's own objects to the users who log in. */
export interface IRealm {
  /**
   * Finds or creates the object that stands for a user.
   *
   * @param avatarId The user who has logged in; `ANONYMOUS` for one without a name.
   * @param mind The client's own object, which the avatar may call; often `null`.
   * @param interfaces The interfaces that the caller can use; the avatar must provide one of them,
   * if there are any.
   * @returns The grant, or a promise of it. Its `logout` is called once, when the user has left.
   */
  requestAvatar(
    avatarId: AvatarId,
    mind: unknown,
    ...interfaces: CredInterface[]
  ): AvatarGrant | Promise<AvatarGrant>;
}

/**
 * Stands between clients and a realm, and asks the right checker.
 *
 * What is specific to a program belongs in its realm and its checkers; no subclass is needed.
 *
 * @example
 * ```ts
 * import {
 *   CredInterface,
 *   InMemoryUsernamePasswordDatabaseDontUse,
 *   Portal,
 *   UsernamePassword,
 * } from "@perspective/broker/cred";
 * import { assertEquals } from "@std/assert";
 *
 * interface IGreeter {
 *   greet(): string;
 * }
 * const IGreeter: CredInterface<IGreeter> = new CredInterface("example.IGreeter");
 *
 * const realm = {
 *   requestAvatar: (avatarId: string | symbol) =>
 *     [IGreeter, { greet: () => `Hello, ${String(avatarId)}` }, () => {}] as const,
 * };
 * const users = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" });
 * const portal = new Portal(realm, [users]);
 *
 * const credentials = new UsernamePassword("alice", "secret");
 * const [, avatar, logout] = await portal.login(credentials, null, IGreeter);
 * assertEquals(avatar.greet(), "Hello, alice");
 * await logout();
 * ```
 */
export class Portal {
  /** The realm that provides the avatars. */
  readonly realm: IRealm;

  readonly #checkers = new Map<CredInterface, ICredentialsChecker>();

  /**
   * Creates a portal to a realm.
   *
   * @param realm Provides the avatars.
   * @param checkers Registered in this order, each for all that it can check.
   */
  constructor(realm: IRealm, checkers: Iterable<ICredentialsChecker> = []) {
    this.realm = realm;
    for (const checker of checkers) this.registerChecker(checker);
  }

  /**
   * Registers a checker for some kinds of credentials.
   *
   * A kind that already has a checker keeps its place in the order, and gets the new one.
   *
   * @param checker The checker.
   * @param interfaces The kinds of credentials. Defaults to all that the checker names.
   */
  registerChecker(checker: ICredentialsChecker, ...interfaces: CredInterface[]): void {
    const kinds = interfaces.length > 0 ? interfaces : checker.credentialInterfaces;
    for (const kind of kinds) this.#checkers.set(kind, checker);
  }

  /**
   * Lists the kinds of credentials that can be used to log in.
   *
   * @returns A new array, in the order of registration.
   */
  listCredentialsInterfaces(): CredInterface[] {
    return [...this.#checkers.keys()];
  }

  /**
   * Checks credentials and gets the avatar for them.
   *
   * The first kind, in the order of registration, that the credentials provide decides which
   * checker is asked; no other is asked after it.
   *
   * @typeParam T What the avatar can do.
   * @param credentials What the client showed.
   * @param mind Passed on to the realm.
   * @param interfaces What the caller can use; the realm picks one. None means any.
   * @returns The realm's grant. The caller must call its `logout` once, when the user has left.
   * @throws {UnhandledCredentials} If no checker handles such credentials.
   * @throws {LoginFailed} If the checker or the realm refuses.
   * @throws {TypeError} If the checker returned no avatar id, or the realm no such grant.
   */
  async login<T = unknown>(
    credentials: ICredentials,
    mind: unknown,
    ...interfaces: CredInterface<T>[]
  ): Promise<AvatarGrant<T>> {
    const avatarId: unknown = await this.#checkerFor(credentials).requestAvatarId(credentials);
    if (typeof avatarId !== "string" && avatarId !== ANONYMOUS) {
      throw new TypeError(`Cannot log in "${String(avatarId)}": checker returned no avatar id`);
    }
    accepted(credentials, avatarId);
    const grant = await this.realm.requestAvatar(avatarId, mind, ...interfaces);
    return checkedGrant(grant, interfaces);
  }

  #checkerFor(credentials: ICredentials): ICredentialsChecker {
    for (const [kind, checker] of this.#checkers) {
      if (providedBy(kind, credentials)) return checker;
    }
    throw new UnhandledCredentials(`No checker for ${names(credentials.provides)}`);
  }
}

/** Checks a grant; an avatar that does not provide what was asked for is logged out again. */
async function checkedGrant<T>(
  grant: AvatarGrant,
  asked: readonly CredInterface<T>[],
): Promise<AvatarGrant<T>> {
  const [granted, , logout]: readonly unknown[] = Array.isArray(grant) ? grant : [];
  if (!(granted instanceof CredInterface) || typeof logout !== "function") {
    throw new TypeError("Cannot log in: realm returned no [interface, avatar, logout]");
  }
  if (asked.length > 0 && !asked.some((one) => granted.extends(one))) {
    await logout();
    throw new TypeError(`Cannot grant "${granted.name}": realm was asked for ${names(asked)}`);
  }
  return grant as AvatarGrant<T>;
}

function names(interfaces: readonly CredInterface[]): string {
  return interfaces.map(({ name }) => name).join(", ");
}

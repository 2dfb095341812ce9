/**
 * Interfaces that exist at run time: kinds of credentials, and kinds of avatars.
 *
 * @module
 */

/**
 * Names a kind of object at run time, and stands for its TypeScript type at compile time.
 *
 * A kind is declared as a constant and a type of the same name, so that one word serves in both
 * places. Two interfaces are the same only if they are the same object.
 *
 * @example A new kind of credentials
 * ```ts
 * import { CredInterface, type ICredentials, providedBy } from "@perspective/broker/cred";
 * import { assert, assertEquals } from "@std/assert";
 *
 * interface ITicket extends ICredentials {
 *   readonly number: number;
 * }
 * const ITicket: CredInterface<ITicket> = new CredInterface("example.ITicket");
 *
 * const credentials: ICredentials = { provides: [ITicket], number: 7 } as ITicket;
 * assert(providedBy(ITicket, credentials));
 * assertEquals(credentials.number, 7); // its type is known now
 * ```
 *
 * @typeParam T What an object that provides the interface can do.
 */
export class CredInterface<T = unknown> {
  /** Stands for {@linkcode T} when types are checked; there is no such value at run time. */
  declare readonly type?: T;

  /** Full name, such as `twisted.cred.credentials.IAnonymous`; for people, not for comparison. */
  readonly name: string;

  /** Interfaces that an object provides too if it provides this one. */
  readonly bases: readonly CredInterface[];

  /**
   * Creates an interface that equals no other.
   *
   * @param name Full name of the interface, as messages show it.
   * @param bases Interfaces that this one includes.
   */
  constructor(name: string, bases: readonly CredInterface[] = []) {
    this.name = name;
    this.bases = Object.freeze([...bases]);
  }

  /**
   * Returns whether an object that provides this interface provides the other one too.
   *
   * @param other The interface to look for.
   * @returns True for this interface itself, its bases and theirs.
   */
  extends(other: CredInterface): boolean {
    return this === other || this.bases.some((base) => base.extends(other));
  }
}

/** An object that says which interfaces it provides. */
export interface Provider {
  /** The interfaces that this object provides; their bases need not be listed. */
  readonly provides: readonly CredInterface[];
}

/**
 * Returns whether an object provides an interface, and narrows its type if it does.
 *
 * What the object lists in `provides` decides; its methods are not looked at.
 *
 * @example
 * ```ts
 * import { IUsernamePassword, providedBy, UsernamePassword } from "@perspective/broker/cred";
 * import { assert } from "@std/assert";
 *
 * assert(providedBy(IUsernamePassword, new UsernamePassword("alice", "secret")));
 * assert(!providedBy(IUsernamePassword, "alice"));
 * ```
 *
 * @typeParam T What the interface stands for.
 * @param token The interface to look for.
 * @param value Anything.
 * @returns True if `value` is an object that lists the interface, or one that extends it.
 */
export function providedBy<T>(token: CredInterface<T>, value: unknown): value is T {
  if (typeof value !== "object" || value === null || !("provides" in value)) return false;
  const { provides } = value;
  return Array.isArray(provides) &&
    provides.some((one) => one instanceof CredInterface && one.extends(token));
}

/**
 * What a client shows to prove who it is: the kinds of credentials, and the simple ones.
 *
 * @module
 */

import { CredInterface, type Provider } from "./cred_interface.ts";
import { equalSecrets } from "./bytes.ts";

/** Something that a checker can check; `provides` says how. */
export type ICredentials = Provider;

/** A name, and a password as the user typed it. */
export interface IUsernamePassword extends ICredentials {
  /** The name that the client claims. */
  readonly username: string;

  /** The password that the client sent; bytes if it arrived as bytes. */
  readonly password: string | Uint8Array;

  /**
   * Compares the password with the right one, in constant time.
   *
   * @param password The right password; a string stands for its UTF-8 bytes.
   * @returns Whether they are equal.
   */
  checkPassword(password: string | Uint8Array): boolean | Promise<boolean>;
}

/** Identifies credentials that are {@linkcode IUsernamePassword}. */
export const IUsernamePassword: CredInterface<IUsernamePassword> = new CredInterface(
  "twisted.cred.credentials.IUsernamePassword",
);

/**
 * A name, and a proof that the client knows the password.
 *
 * The password itself stays with the client, so the checker must have it in plain text.
 */
export interface IUsernameHashedPassword extends ICredentials {
  /** The name that the client claims. */
  readonly username: string;

  /**
   * Checks the proof against the right password, in constant time.
   *
   * @param password The right password; a string stands for its UTF-8 bytes.
   * @returns Whether the proof was made from it.
   */
  checkPassword(password: string | Uint8Array): boolean | Promise<boolean>;
}

/** Identifies credentials that are {@linkcode IUsernameHashedPassword}. */
export const IUsernameHashedPassword: CredInterface<IUsernameHashedPassword> = new CredInterface(
  "twisted.cred.credentials.IUsernameHashedPassword",
);

/**
 * A name, and a proof that the client knows the MD5 digest of the password.
 *
 * The checker needs no more than that digest, and neither does an attacker: for this kind of
 * login, the digest is as good as the password.
 */
export interface IUsernameMD5Password extends ICredentials {
  /** The name that the client claims. */
  readonly username: string;

  /**
   * Checks the proof against the right password, in constant time.
   *
   * @param password The right password; a string stands for its UTF-8 bytes.
   * @returns Whether the proof was made from it.
   */
  checkPassword(password: string | Uint8Array): boolean | Promise<boolean>;

  /**
   * Checks the proof against the digest of the right password, in constant time.
   *
   * @param digest MD5 of the right password, 16 bytes.
   * @returns Whether the proof was made from it.
   */
  checkMD5Password(digest: Uint8Array): boolean | Promise<boolean>;
}

/** Identifies credentials that are {@linkcode IUsernameMD5Password}. */
export const IUsernameMD5Password: CredInterface<IUsernameMD5Password> = new CredInterface(
  "twisted.spread.pb.IUsernameMD5Password",
);

/** A name, and a proof that can be checked with a hash of `username:realm:password`. */
export interface IUsernameDigestHash extends ICredentials {
  /** The name that the client claims. */
  readonly username: string;

  /**
   * Checks the proof against a stored hash, in constant time.
   *
   * @param digestHash Hash of `username:realm:password` in hexadecimal, as in `.htdigest` files.
   * @returns Whether the proof was made from it.
   */
  checkHash(digestHash: string | Uint8Array): boolean | Promise<boolean>;
}

/** Identifies credentials that are {@linkcode IUsernameDigestHash}. */
export const IUsernameDigestHash: CredInterface<IUsernameDigestHash> = new CredInterface(
  "twisted.cred.credentials.IUsernameDigestHash",
);

/** A request to be let in without a name. */
export type IAnonymous = ICredentials;

/** Identifies credentials that are {@linkcode IAnonymous}. */
export const IAnonymous: CredInterface<IAnonymous> = new CredInterface(
  "twisted.cred.credentials.IAnonymous",
);

/**
 * A name and a password.
 *
 * @example
 * ```ts
 * import { UsernamePassword } from "@perspective/broker/cred";
 * import { assert } from "@std/assert";
 *
 * const credentials = new UsernamePassword("alice", "secret");
 * assert(credentials.checkPassword("secret"));
 * assert(!credentials.checkPassword("Secret"));
 * ```
 */
export class UsernamePassword implements IUsernamePassword {
  /** The interfaces that these credentials provide. */
  readonly provides: readonly CredInterface[] = [IUsernamePassword];

  /** The name that the client claims. */
  readonly username: string;

  /** The password that the client sent; a string stands for its UTF-8 bytes. */
  readonly password: string | Uint8Array;

  /**
   * Creates credentials from a name and a password.
   *
   * @param username Name of the user.
   * @param password The password; bytes if it is not text.
   */
  constructor(username: string, password: string | Uint8Array) {
    this.username = username;
    this.password = password;
  }

  /**
   * Compares the password with the right one, in constant time.
   *
   * @param password The right password; a string stands for its UTF-8 bytes.
   * @returns Whether they are equal.
   */
  checkPassword(password: string | Uint8Array): boolean {
    return equalSecrets(this.password, password);
  }
}

/**
 * A name, and a password in the form in which the checker stores it.
 *
 * Twisted has it for old programs; prefer {@linkcode UsernamePassword}.
 *
 * @example
 * ```ts
 * import { UsernameHashedPassword } from "@perspective/broker/cred";
 * import { assert } from "@std/assert";
 *
 * const stored = Uint8Array.of(0xbe, 0xef);
 * assert(new UsernameHashedPassword("alice", stored).checkPassword(stored));
 * ```
 */
export class UsernameHashedPassword implements IUsernameHashedPassword {
  /** The interfaces that these credentials provide. */
  readonly provides: readonly CredInterface[] = [IUsernameHashedPassword];

  /** The name that the client claims. */
  readonly username: string;

  /** The password in the form in which the checker should have stored it. */
  readonly hashed: string | Uint8Array;

  /**
   * Creates credentials from a name and a password in its stored form.
   *
   * @param username Name of the user.
   * @param hashed The password as the checker stores it.
   */
  constructor(username: string, hashed: string | Uint8Array) {
    this.username = username;
    this.hashed = hashed;
  }

  /**
   * Compares the password with the one that is stored, in constant time.
   *
   * @param password What the checker has stored.
   * @returns Whether they are equal.
   */
  checkPassword(password: string | Uint8Array): boolean {
    return equalSecrets(this.hashed, password);
  }
}

/**
 * A request to be let in without a name.
 *
 * @example
 * ```ts
 * import { AllowAnonymousAccess, Anonymous, ANONYMOUS } from "@perspective/broker/cred";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new AllowAnonymousAccess().requestAvatarId(new Anonymous()), ANONYMOUS);
 * ```
 */
export class Anonymous implements IAnonymous {
  /** The interfaces that these credentials provide. */
  readonly provides: readonly CredInterface[] = [IAnonymous];
}

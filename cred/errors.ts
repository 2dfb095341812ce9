/**
 * Why a login failed.
 *
 * The classes are Twisted's, and each tells the names under which Twisted knows it, so that a
 * failure that crosses a wire can be told by class and by name on both sides.
 *
 * @module
 */

/** What every exception of Python is. */
const EXCEPTION = [
  "builtins.Exception",
  "builtins.BaseException",
  "builtins.object",
] as const;

/**
 * Somebody asked for what they may not have.
 *
 * As in Twisted, {@linkcode UnauthorizedLogin} is one of these too: `instanceof` says so, although
 * a JavaScript class can extend only one other.
 *
 * @example A refused login is caught as either kind
 * ```ts
 * import { LoginFailed, Unauthorized, UnauthorizedLogin } from "@perspective/broker/cred";
 * import { assert } from "@std/assert";
 *
 * const error = new UnauthorizedLogin();
 * assert(error instanceof LoginFailed && error instanceof Unauthorized);
 * ```
 */
export class Unauthorized extends Error {
  /** Name of this class in Python. */
  static readonly jellyName: string = "twisted.cred.error.Unauthorized";

  /** Names of this class and all its parents in Python, in the order of their resolution. */
  static readonly jellyParents: readonly string[] = [
    "twisted.cred.error.Unauthorized",
    ...EXCEPTION,
  ];

  /**
   * Creates the error.
   *
   * @param message What was refused.
   * @param options The cause, for the operator's eyes.
   */
  constructor(message = "Cannot go on: not authorized", options?: ErrorOptions) {
    super(message, options);
    this.name = "Unauthorized";
  }

  /**
   * Tells whether a value is such an error, with {@linkcode UnauthorizedLogin} among them.
   *
   * @param value Anything.
   * @returns What `value instanceof Unauthorized` gives.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Function.prototype[Symbol.hasInstance].call(this, value) ||
      (this === Unauthorized && value instanceof UnauthorizedLogin);
  }
}

/**
 * A request to log in failed; the subclasses say why.
 *
 * @example
 * ```ts
 * import { LoginDenied, LoginFailed } from "@perspective/broker/cred";
 * import { assert } from "@std/assert";
 *
 * assert(new LoginDenied("Cannot log in: the house is full") instanceof LoginFailed);
 * ```
 */
export class LoginFailed extends Error {
  /** Name of this class in Python. */
  static readonly jellyName: string = "twisted.cred.error.LoginFailed";

  /** Names of this class and all its parents in Python, in the order of their resolution. */
  static readonly jellyParents: readonly string[] = [
    "twisted.cred.error.LoginFailed",
    ...EXCEPTION,
  ];

  /**
   * Creates the error.
   *
   * @param message What failed.
   * @param options The cause, for the operator's eyes.
   */
  constructor(message = "Cannot log in", options?: ErrorOptions) {
    super(message, options);
    this.name = "LoginFailed";
  }
}

/**
 * The credentials were not accepted.
 *
 * An unknown user and a wrong password give the same error, with the same message. What differs
 * (a password file that cannot be read, say) is in `cause`, which stays on the server.
 *
 * @example
 * ```ts
 * import { UnauthorizedLogin } from "@perspective/broker/cred";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new UnauthorizedLogin().message, "Cannot log in: credentials not accepted");
 * ```
 */
export class UnauthorizedLogin extends LoginFailed {
  /** Name of this class in Python. */
  static override readonly jellyName: string = "twisted.cred.error.UnauthorizedLogin";

  /** Names of this class and all its parents in Python, in the order of their resolution. */
  static override readonly jellyParents: readonly string[] = [
    "twisted.cred.error.UnauthorizedLogin",
    "twisted.cred.error.LoginFailed",
    "twisted.cred.error.Unauthorized",
    ...EXCEPTION,
  ];

  /**
   * Creates the error.
   *
   * @param message Says no more than the class, unless given.
   * @param options The cause, for the operator's eyes.
   */
  constructor(message = "Cannot log in: credentials not accepted", options?: ErrorOptions) {
    super(message, options);
    this.name = "UnauthorizedLogin";
  }
}

/**
 * No checker of the portal knows this kind of credentials: a fault in the server's set-up.
 *
 * @example
 * ```ts
 * import { Anonymous, type IRealm, Portal, UnhandledCredentials } from "@perspective/broker/cred";
 * import { assertRejects } from "@std/assert";
 *
 * const realm: IRealm = { requestAvatar: () => Promise.reject(new Error("never asked")) };
 * const portal = new Portal(realm); // without any checker
 * await assertRejects(() => portal.login(new Anonymous(), null), UnhandledCredentials);
 * ```
 */
export class UnhandledCredentials extends LoginFailed {
  /** Name of this class in Python. */
  static override readonly jellyName: string = "twisted.cred.error.UnhandledCredentials";

  /** Names of this class and all its parents in Python, in the order of their resolution. */
  static override readonly jellyParents: readonly string[] = [
    "twisted.cred.error.UnhandledCredentials",
    "twisted.cred.error.LoginFailed",
    ...EXCEPTION,
  ];

  /**
   * Creates the error.
   *
   * @param message Names the kinds that nobody checks.
   * @param options The cause, for the operator's eyes.
   */
  constructor(message = "No checker", options?: ErrorOptions) {
    super(message, options);
    this.name = "UnhandledCredentials";
  }
}

/** Options for {@linkcode LoginDenied}. */
export interface LoginDeniedOptions extends ErrorOptions {
  /** Milliseconds after which it is worth trying again, where that is known. */
  retryAfter?: number;
}

/**
 * The credentials may be right, and the login is refused all the same: too many attempts, a quota
 * that is used up, a server that is full.
 *
 * @example
 * ```ts
 * import { LoginDenied } from "@perspective/broker/cred";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new LoginDenied("Cannot log in: too many attempts", { retryAfter: 2000 });
 * assertEquals(error.retryAfter, 2000);
 * ```
 */
export class LoginDenied extends LoginFailed {
  /** Name of this class in Python. */
  static override readonly jellyName: string = "twisted.cred.error.LoginDenied";

  /** Names of this class and all its parents in Python, in the order of their resolution. */
  static override readonly jellyParents: readonly string[] = [
    "twisted.cred.error.LoginDenied",
    "twisted.cred.error.LoginFailed",
    ...EXCEPTION,
  ];

  /** Milliseconds after which it is worth trying again, where that is known. */
  readonly retryAfter: number | undefined;

  /**
   * Creates the error.
   *
   * @param message Why the login is refused.
   * @param options When to try again, and the cause.
   */
  constructor(message = "Cannot log in: refused for now", options: LoginDeniedOptions = {}) {
    super(message, options);
    this.name = "LoginDenied";
    this.retryAfter = options.retryAfter;
  }
}

/**
 * A message of SCRAM is malformed, or the server asks for what the client does not allow.
 *
 * Python does not know this class; there it is a {@linkcode LoginFailed}.
 *
 * @example A server that has every client hash for an hour
 * ```ts
 * import { ScramClient, ScramError } from "@perspective/broker/cred";
 * import { assertRejects } from "@std/assert";
 *
 * const client = new ScramClient("alice", "secret", { nonce: "abc" });
 * client.clientFirst();
 * const serverFirst = new TextEncoder().encode("r=abcdef,s=c2FsdA==,i=2000000000");
 * await assertRejects(() => client.clientFinal(serverFirst), ScramError);
 * ```
 */
export class ScramError extends LoginFailed {
  /**
   * Creates the error.
   *
   * @param message What is wrong.
   * @param options The cause, for the operator's eyes.
   */
  constructor(message = "Cannot log in: not SCRAM", options?: ErrorOptions) {
    super(message, options);
    this.name = "ScramError";
  }
}

/** Options for {@linkcode UserDatabaseError}. */
export interface UserDatabaseErrorOptions extends ErrorOptions {
  /** The user in question. */
  username?: string;

  /** The file of the database, where it is the database itself that fails. */
  filename?: string;
}

/**
 * A database of users cannot do what it was asked: a name is taken or unknown, a password is none, or
 * the database itself fails, since it is locked or damaged, say.
 *
 * It is for whoever manages users. A login fails with it only if the database does; the server logs
 * that, and the client is not told.
 *
 * @example
 * ```ts
 * import { UserDatabaseError } from "@perspective/broker/cred";
 * import { assertEquals } from "@std/assert";
 *
 * const options = { username: "alice" };
 * const error = new UserDatabaseError('Cannot add user "alice": name is taken', options);
 * assertEquals(error.username, "alice");
 * ```
 */
export class UserDatabaseError extends Error {
  /** The user in question, if it is one. */
  readonly username: string | undefined;

  /** The file of the database, if it is the database itself that failed. */
  readonly filename: string | undefined;

  /**
   * Creates the error.
   *
   * @param message What cannot be done.
   * @param options The user or the file, and the cause.
   */
  constructor(message: string, options: UserDatabaseErrorOptions = {}) {
    super(message, options);
    this.name = "UserDatabaseError";
    this.username = options.username;
    this.filename = options.filename;
  }
}

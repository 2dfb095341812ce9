/**
 * Why a login failed.
 *
 * Most of the classes are Twisted's, and carry the names by which Twisted knows them, so that both
 * sides of a connection can recognize a failure by its class or name.
 *
 * @module
 */

/** The base classes of every exception in Python. */
const EXCEPTION = [
  "builtins.Exception",
  "builtins.BaseException",
  "builtins.object",
] as const;

/**
 * Someone asked for something that they are not allowed to have.
 *
 * As in Twisted, {@linkcode UnauthorizedLogin} is one of these too: `instanceof` says so, even
 * though a JavaScript class can extend only one other class.
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

  /** Names of this class and all its parents in Python, in method resolution order. */
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
  constructor(message = "Cannot continue: not authorized", options?: ErrorOptions) {
    super(message, options);
    this.name = "Unauthorized";
  }

  /**
   * Returns whether a value is such an error; an {@linkcode UnauthorizedLogin} is one too.
   *
   * @param value Anything.
   * @returns The result of `value instanceof Unauthorized`.
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

  /** Names of this class and all its parents in Python, in method resolution order. */
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
 * An unknown user and a wrong password lead to the same error, with the same message. Details (a
 * password file that cannot be read, say) are in `cause`, which stays on the server.
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

  /** Names of this class and all its parents in Python, in method resolution order. */
  static override readonly jellyParents: readonly string[] = [
    "twisted.cred.error.UnauthorizedLogin",
    "twisted.cred.error.LoginFailed",
    "twisted.cred.error.Unauthorized",
    ...EXCEPTION,
  ];

  /**
   * Creates the error.
   *
   * @param message What was refused. The default says no more than the class.
   * @param options The cause, for the operator's eyes.
   */
  constructor(message = "Cannot log in: credentials not accepted", options?: ErrorOptions) {
    super(message, options);
    this.name = "UnauthorizedLogin";
  }
}

/**
 * No checker of the portal handles this kind of credentials: a fault in the server's set-up.
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

  /** Names of this class and all its parents in Python, in method resolution order. */
  static override readonly jellyParents: readonly string[] = [
    "twisted.cred.error.UnhandledCredentials",
    "twisted.cred.error.LoginFailed",
    ...EXCEPTION,
  ];

  /**
   * Creates the error.
   *
   * @param message Names the kinds that no checker handles.
   * @param options The cause, for the operator's eyes.
   */
  constructor(message = "No checker", options?: ErrorOptions) {
    super(message, options);
    this.name = "UnhandledCredentials";
  }
}

/** Options for {@linkcode LoginDenied}. */
export interface LoginDeniedOptions extends ErrorOptions {
  /** Milliseconds after which it is worth trying again, if known. */
  retryAfter?: number;
}

/**
 * The credentials may be right, but the login is refused all the same: too many attempts, a quota
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

  /** Names of this class and all its parents in Python, in method resolution order. */
  static override readonly jellyParents: readonly string[] = [
    "twisted.cred.error.LoginDenied",
    "twisted.cred.error.LoginFailed",
    ...EXCEPTION,
  ];

  /** Milliseconds after which it is worth trying again, if known. */
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
 * A SCRAM message is malformed, or the server asks for something that the client does not allow, or
 * does not prove that it knows the user.
 *
 * Python does not know this class; there it is a {@linkcode LoginFailed}.
 *
 * @example A server that would keep every client hashing for an hour
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

  /** The file of the database, if it is the database itself that fails. */
  filename?: string;
}

/**
 * A database of users cannot do what it was asked to do: a name is taken or unknown, a name or a
 * password cannot be used, or the database itself fails, because it is locked or damaged, say.
 *
 * It is for code that manages users. A login fails with it only if the database does; the server
 * logs it, and the client is not told the reason.
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
  /** The user in question, if there is one. */
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

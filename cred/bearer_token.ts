/**
 * Logins with a token that was issued elsewhere.
 *
 * @module
 */

import type { AvatarId, ICredentialsChecker } from "./checkers.ts";
import { CredInterface } from "./cred_interface.ts";
import type { ICredentials } from "./credentials.ts";
import { LoginFailed, UnauthorizedLogin } from "./errors.ts";

/** A string that lets in anyone who has it, such as a JSON Web Token. */
export interface IBearerToken extends ICredentials {
  /** The token; anyone who reads it can use it, so it travels only over TLS. */
  readonly token: string;
}

/** Identifies credentials that are {@linkcode IBearerToken}. */
export const IBearerToken: CredInterface<IBearerToken> = new CredInterface(
  "perspective.cred.IBearerToken",
);

/**
 * Credentials that consist of a bearer token.
 *
 * @example
 * ```ts
 * import { BearerToken, IBearerToken, providedBy } from "@perspective/broker/cred";
 * import { assert } from "@std/assert";
 *
 * assert(providedBy(IBearerToken, new BearerToken("eyJhbGciOi…")));
 * ```
 */
export class BearerToken implements IBearerToken {
  /** The interfaces that these credentials provide. */
  readonly provides: readonly CredInterface[] = [IBearerToken];

  /** The token. */
  readonly token: string;

  /**
   * Creates credentials from a token.
   *
   * @param token The token.
   */
  constructor(token: string) {
    this.token = token;
  }
}

/**
 * Returns whose token it is.
 *
 * @param token The token as the client sent it.
 * @returns The avatar's id; `undefined` or `null` if the token is not valid. A function that throws
 * refuses the token too.
 */
export type VerifyToken = (
  token: string,
) => AvatarId | undefined | null | Promise<AvatarId | undefined | null>;

/** Options for {@linkcode BearerTokenChecker}. */
export interface BearerTokenCheckerOptions {
  /** Maximum length of a token in characters; longer ones are refused. Defaults to 8,192. */
  maxLength?: number;
}

/**
 * Checks tokens with a function that the program provides.
 *
 * The function must check the signature, who issued the token and for whom, and whether it has
 * expired; use a library for that. If it throws, the login is refused: a {@linkcode LoginFailed} is
 * passed on, and any other error is the `cause` of the refusal.
 *
 * @example
 * ```ts
 * import { BearerToken, BearerTokenChecker, UnauthorizedLogin } from "@perspective/broker/cred";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const sessions = new Map([["cb5a2f60", "alice"]]);
 * const checker = new BearerTokenChecker((token) => sessions.get(token));
 * assertEquals(await checker.requestAvatarId(new BearerToken("cb5a2f60")), "alice");
 * await assertRejects(() => checker.requestAvatarId(new BearerToken("")), UnauthorizedLogin);
 * ```
 */
export class BearerTokenChecker implements ICredentialsChecker<IBearerToken> {
  /** The kinds of credentials that it can check. */
  readonly credentialInterfaces: readonly CredInterface<IBearerToken>[] = [IBearerToken];

  readonly #verify: VerifyToken;
  readonly #maxLength: number;

  /**
   * Creates a checker.
   *
   * @param verify Returns whose token it is.
   * @param options Limits on the tokens that the function is asked about.
   * @throws {RangeError} If the limit is not positive.
   */
  constructor(verify: VerifyToken, { maxLength = 8192 }: BearerTokenCheckerOptions = {}) {
    if (!(maxLength > 0)) throw new RangeError(`Cannot use maxLength "${maxLength}": not positive`);
    this.#verify = verify;
    this.#maxLength = maxLength;
  }

  /**
   * Asks the function whose token it is.
   *
   * @param credentials The token.
   * @returns What the function returned.
   * @throws {UnauthorizedLogin} If the token is not valid.
   * @throws {LoginFailed} If the function throws such an error.
   */
  async requestAvatarId(credentials: IBearerToken): Promise<AvatarId> {
    const { token } = credentials;
    if (token.length > this.#maxLength) throw new UnauthorizedLogin();
    const avatarId = await this.#ask(token);
    if (avatarId === undefined || avatarId === null) throw new UnauthorizedLogin();
    return avatarId;
  }

  async #ask(token: string): Promise<AvatarId | undefined | null> {
    try {
      return await this.#verify(token);
    } catch (cause) {
      if (cause instanceof LoginFailed) throw cause;
      throw new UnauthorizedLogin(undefined, { cause });
    }
  }
}

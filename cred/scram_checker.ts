/**
 * A checker for SCRAM-SHA-256, wherever the verifiers are kept.
 *
 * @module
 */

import { checkDecoyKey, checkIterations } from "./_scram_keys.ts";
import type { AvatarId, ICredentialsChecker } from "./checkers.ts";
import type { CredInterface } from "./cred_interface.ts";
import { UnauthorizedLogin } from "./errors.ts";
import { IScramCredentials } from "./scram_credentials.ts";
import {
  decoyScramVerifier,
  DEFAULT_SCRAM_ITERATIONS,
  type ScramVerifier,
} from "./scram_verifier.ts";

/** Looks up SCRAM verifiers, wherever they are kept. */
export interface ScramVerifierStore {
  /**
   * Looks up a user's verifier.
   *
   * @param username The name, after SASLprep.
   * @returns The verifier, or `undefined` if there is no such user; or a promise of either.
   */
  scramVerifier(
    username: string,
  ): ScramVerifier | undefined | Promise<ScramVerifier | undefined>;
}

/** Options for {@linkcode ScramChecker}. */
export interface ScramCheckerOptions {
  /**
   * Secret of at least 16 bytes, from which the salts of unknown users are made. Keep it with the
   * users: if it changed whenever the server starts, so would those salts, unlike real ones.
   */
  decoyKey: Uint8Array;

  /**
   * Number of iterations that unknown users seem to have, which should be that of real users.
   * Defaults to 600,000.
   */
  iterations?: number;
}

/**
 * Checks SCRAM clients against stored verifiers.
 *
 * An unknown user seems to have a salt, always the same one, and is refused only at the proof.
 *
 * @example
 * ```ts
 * import {
 *   makeScramVerifier,
 *   ScramChecker,
 *   ScramClient,
 *   ScramCredentials,
 *   UnauthorizedLogin,
 * } from "@perspective/broker/cred";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const iterations = 4096;
 * const verifiers = new Map([["alice", await makeScramVerifier("secret", { iterations })]]);
 * const decoyKey = crypto.getRandomValues(new Uint8Array(32));
 * const store = { scramVerifier: (name: string) => verifiers.get(name) };
 * const checker = new ScramChecker(store, { decoyKey, iterations });
 *
 * async function login(name: string, password: string): Promise<unknown> {
 *   const client = new ScramClient(name, password);
 *   const first = client.clientFirst();
 *   return await checker.requestAvatarId(new ScramCredentials(first, (m) => client.clientFinal(m)));
 * }
 * assertEquals(await login("alice", "secret"), "alice");
 * await assertRejects(() => login("bob", "secret"), UnauthorizedLogin);
 * ```
 */
export class ScramChecker implements ICredentialsChecker<IScramCredentials> {
  /** The kinds of credentials that it can check. */
  readonly credentialInterfaces: readonly CredInterface<IScramCredentials>[] = [IScramCredentials];

  readonly #store: ScramVerifierStore;
  readonly #decoyKey: Uint8Array;
  readonly #iterations: number;

  /**
   * Creates a checker.
   *
   * @param store Where the verifiers are kept.
   * @param options What unknown users should look like.
   * @throws {RangeError} If the key is too short, or the iterations are too few.
   */
  constructor(
    store: ScramVerifierStore,
    { decoyKey, iterations = DEFAULT_SCRAM_ITERATIONS }: ScramCheckerOptions,
  ) {
    checkDecoyKey(decoyKey);
    checkIterations(iterations);
    this.#store = store;
    this.#decoyKey = decoyKey;
    this.#iterations = iterations;
  }

  /**
   * Asks a client to prove that it knows the password.
   *
   * @param credentials The client.
   * @returns The user's name.
   * @throws {UnauthorizedLogin} If the user is unknown or the proof wrong.
   */
  async requestAvatarId(credentials: IScramCredentials): Promise<AvatarId> {
    const { username } = credentials;
    const decoy = await decoyScramVerifier(username, {
      key: this.#decoyKey,
      iterations: this.#iterations,
    });
    // One after the other: if the store throws, no work must be left under way.
    const verifier = await this.#store.scramVerifier(username);
    const matched = await credentials.checkVerifier(verifier ?? decoy);
    if (verifier === undefined || !matched) throw new UnauthorizedLogin();
    return username;
  }
}

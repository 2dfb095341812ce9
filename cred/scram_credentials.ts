/**
 * SCRAM-SHA-256 as credentials: a checker looks up the verifier, and the exchange follows.
 *
 * @module
 */

import { unknownSecret } from "./bytes.ts";
import { checkIterations, preparePassword } from "./_scram_keys.ts";
import { CredInterface } from "./cred_interface.ts";
import { type ICredentials, IUsernameHashedPassword } from "./credentials.ts";
import { LoginFailed } from "./errors.ts";
import { ScramServer } from "./scram.ts";
import {
  DEFAULT_SCRAM_ITERATIONS,
  makeScramVerifier,
  type ScramVerifier,
} from "./scram_verifier.ts";

/** A name, and a client that can prove to holders of the verifier that it knows the password. */
export interface IScramCredentials extends ICredentials {
  /** The name that the client claims, after SASLprep. */
  readonly username: string;

  /**
   * Asks the client to prove that it knows the password.
   *
   * A checker calls it once for every name, with a decoy if there is no such user.
   *
   * @param verifier The user's verifier.
   * @returns Whether the client proved it.
   */
  checkVerifier(verifier: ScramVerifier): boolean | Promise<boolean>;
}

/** Identifies credentials that are {@linkcode IScramCredentials}. */
export const IScramCredentials: CredInterface<IScramCredentials> = new CredInterface(
  "perspective.cred.IScramCredentials",
);

/**
 * Sends the server's first message and waits for the client's final one.
 *
 * It should reject if the client goes away or takes too long; the login then fails with that error.
 *
 * @param serverFirst Message to send.
 * @returns The client's answer.
 */
export type ScramExchange = (serverFirst: Uint8Array) => Promise<Uint8Array>;

/** Options for {@linkcode ScramCredentials}. */
export interface ScramCredentialsOptions {
  /** Iterations to ask for if the checker has the password itself. Defaults to 600,000. */
  iterations?: number;
}

/**
 * One login by SCRAM, from the client's first message on.
 *
 * The messages are exchanged with the client during the login in a portal, while a checker waits
 * for `checkVerifier`. A checker that has passwords in plain text works too: a verifier is then
 * created on the spot, with a new salt each time.
 *
 * A final message that is not valid counts as a wrong password.
 *
 * @example
 * ```ts
 * import {
 *   InMemoryUsernamePasswordDatabaseDontUse,
 *   ScramClient,
 *   ScramCredentials,
 * } from "@perspective/broker/cred";
 * import { assertEquals } from "@std/assert";
 *
 * const checker = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" });
 * const client = new ScramClient("alice", "secret");
 *
 * const credentials = new ScramCredentials(
 *   client.clientFirst(),
 *   (serverFirst) => client.clientFinal(serverFirst), // over a wire, in a program
 *   { iterations: 4096 },
 * );
 * assertEquals(await checker.requestAvatarId(credentials), "alice");
 * client.verify(credentials.serverFinal!);
 * ```
 */
export class ScramCredentials implements IScramCredentials, IUsernameHashedPassword {
  /** The interfaces that these credentials provide. */
  readonly provides: readonly CredInterface[] = [IScramCredentials, IUsernameHashedPassword];

  readonly #server: ScramServer;
  readonly #exchange: ScramExchange;
  readonly #iterations: number;
  #challenged = false;
  #serverFinal: Uint8Array | undefined;

  /**
   * Reads the client's first message.
   *
   * @param clientFirst The message.
   * @param exchange Exchanges the next two messages.
   * @param options What to ask the client for.
   * @throws {ScramError} If the message is malformed, or asks for something that is not supported.
   * @throws {RangeError} If the iterations are too few.
   */
  constructor(
    clientFirst: Uint8Array,
    exchange: ScramExchange,
    { iterations = DEFAULT_SCRAM_ITERATIONS }: ScramCredentialsOptions = {},
  ) {
    checkIterations(iterations);
    this.#server = new ScramServer(clientFirst);
    this.#exchange = exchange;
    this.#iterations = iterations;
  }

  /** The name that the client claims, after SASLprep. */
  get username(): string {
    return this.#server.username;
  }

  /** The final message to send once the login has succeeded; it proves the server to the client. */
  get serverFinal(): Uint8Array | undefined {
    return this.#serverFinal;
  }

  /**
   * Asks the client to prove that it knows the password, given the verifier.
   *
   * @param verifier The user's verifier.
   * @returns Whether the client proved it.
   * @throws {TypeError} If the client has been asked before.
   */
  async checkVerifier(verifier: ScramVerifier): Promise<boolean> {
    const serverFirst = this.#server.serverFirst(verifier);
    this.#challenged = true;
    const clientFinal = await this.#exchange(serverFirst);
    try {
      this.#serverFinal = await this.#server.serverFinal(clientFinal);
      return true;
    } catch (error) {
      if (error instanceof LoginFailed) return false;
      throw error;
    }
  }

  /**
   * Asks the client to prove that it knows the password, given the password itself.
   *
   * @param password The right password; for one with control characters, no client can prove it.
   * @returns Whether the client proved it.
   * @throws {TypeError} If the client has been asked before.
   */
  async checkPassword(password: string | Uint8Array): Promise<boolean> {
    const secret = preparePassword(password) ?? unknownSecret();
    return await this.checkVerifier(
      await makeScramVerifier(secret, { iterations: this.#iterations }),
    );
  }

  /**
   * Runs the exchange for show, if no checker has asked the client.
   *
   * A checker that refuses unknown users at once would reveal to the client that they are unknown.
   * Call this before passing on such a refusal.
   */
  async pretend(): Promise<void> {
    if (!this.#challenged) await this.checkPassword(unknownSecret());
  }
}

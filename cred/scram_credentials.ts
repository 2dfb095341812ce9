/**
 * SCRAM-SHA-256 as credentials: a checker looks the verifier up, and the exchange takes its course.
 *
 * @module
 */

import { unknownSecret } from "./_bytes.ts";
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

/** A name, and a client that can prove that it knows the password to whoever has its verifier. */
export interface IScramCredentials extends ICredentials {
  /** Who the client says it is, after SASLprep. */
  readonly username: string;

  /**
   * Has the client prove that it knows the password.
   *
   * A checker calls it once, for every name: with a decoy where there is no such user.
   *
   * @param verifier The user's verifier.
   * @returns Whether it did.
   */
  checkVerifier(verifier: ScramVerifier): boolean | Promise<boolean>;
}

/** Tells credentials that are {@linkcode IScramCredentials}. */
export const IScramCredentials: CredInterface<IScramCredentials> = new CredInterface(
  "perspective.cred.IScramCredentials",
);

/**
 * Sends the server's first message and waits for the client's final one.
 *
 * It should reject if the client goes away or takes too long; the login then fails in the same way.
 *
 * @param serverFirst Message to send.
 * @returns The message that came back.
 */
export type ScramExchange = (serverFirst: Uint8Array) => Promise<Uint8Array>;

/** Options for {@linkcode ScramCredentials}. */
export interface ScramCredentialsOptions {
  /** Iterations to ask for where the checker has the password itself; 600,000 unless given. */
  iterations?: number;
}

/**
 * One login by SCRAM, from the client's first message on.
 *
 * The login in a portal and the exchange with the client run hand in hand: while a checker waits for
 * `checkVerifier`, the messages travel. A checker that has passwords in plain text serves as well,
 * for then a verifier is made on the spot, with a salt that is a new one each time.
 *
 * What the client sends wrong counts as a wrong password.
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
   * @param exchange Carries the other two.
   * @param options What to ask the client for.
   * @throws {ScramError} If the message is malformed, or asks for what is not served.
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

  /** Who the client says it is, after SASLprep. */
  get username(): string {
    return this.#server.username;
  }

  /** The final message to send once the login has succeeded; it proves the server to the client. */
  get serverFinal(): Uint8Array | undefined {
    return this.#serverFinal;
  }

  /**
   * Has the client prove that it knows the password, by its verifier.
   *
   * @param verifier The user's verifier.
   * @returns Whether it did.
   * @throws {TypeError} If the client was asked before.
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
   * Has the client prove that it knows the password, by the password itself.
   *
   * @param password The right password; one with control characters fits no client.
   * @returns Whether it did.
   * @throws {TypeError} If the client was asked before.
   */
  async checkPassword(password: string | Uint8Array): Promise<boolean> {
    const secret = preparePassword(password) ?? unknownSecret();
    return await this.checkVerifier(
      await makeScramVerifier(secret, { iterations: this.#iterations }),
    );
  }

  /**
   * Goes through the exchange for nothing, if no checker asked the client.
   *
   * A checker that refuses unknown users at once would tell the client that they are unknown. Call
   * this before passing such a refusal on.
   */
  async pretend(): Promise<void> {
    if (!this.#challenged) await this.checkPassword(unknownSecret());
  }
}

/**
 * Logins by SCRAM-SHA-256, which ask the client for a proof while a checker waits for it.
 *
 * @module
 */

import type { ICredentials } from "../../cred/credentials.ts";
import { UnauthorizedLogin } from "../../cred/errors.ts";
import type { AvatarGrant } from "../../cred/portal.ts";
import { ScramCredentials } from "../../cred/scram_credentials.ts";
import type { IPerspective } from "../flavors/avatar.ts";
import type { Admission } from "./login_outcome.ts";
import type { AskLimiter, Logins } from "./logins.ts";
import { Challenge, Responder } from "./responder.ts";

/** Asks a portal for the avatar of a client. */
export type AskPortal = (credentials: ICredentials) => Promise<AvatarGrant<IPerspective>>;

/** One login by SCRAM-SHA-256, from the client's first message on. */
export class ScramLogin {
  readonly #logins: Logins;
  readonly #credentials: ScramCredentials;
  readonly #challenge = Promise.withResolvers<Challenge>();
  readonly #outcome: Promise<Admission>;
  /** There once the attempt has begun, so before a checker can ask for the client's proof. */
  #askLimiter: AskLimiter | undefined;

  /**
   * Begins a login.
   *
   * @param logins The logins of the connection.
   * @param clientFirst The client's first message.
   * @param askPortal Asks the portal for the avatar.
   * @throws {ScramError} If the message is malformed, or asks for something that is not supported.
   */
  constructor(logins: Logins, clientFirst: Uint8Array, askPortal: AskPortal) {
    const { scramIterations: iterations } = logins.settings;
    this.#logins = logins;
    this.#credentials = new ScramCredentials(
      clientFirst,
      (serverFirst) => this.#exchange(serverFirst),
      { iterations },
    );
    this.#outcome = this.#logIn(askPortal);
    // A client that is refused before it is challenged learns it in place of the challenge; one
    // that is refused later, in place of the avatar.
    this.#outcome.catch(this.#challenge.reject);
  }

  /**
   * The server's first message, and the object that takes the client's final one and returns the
   * server's final one and the avatar; rejects with a {@linkcode Refusal} if there is none.
   */
  get challenge(): Promise<Challenge> {
    return this.#challenge.promise;
  }

  async #logIn(askPortal: AskPortal): Promise<Admission> {
    const admission = await this.#logins.exchange((askLimiter) => {
      this.#askLimiter = askLimiter;
      return this.#attempt(askPortal);
    }, this.#credentials.username);
    return admission.provenBy(this.#credentials.serverFinal!);
  }

  async #attempt(askPortal: AskPortal): Promise<AvatarGrant<IPerspective>> {
    let grant: AvatarGrant<IPerspective>;
    try {
      grant = await askPortal(this.#credentials);
    } catch (error) {
      // A client that is not asked for its proof would learn that there is no such user.
      if (error instanceof UnauthorizedLogin) await this.#credentials.pretend();
      throw error;
    }
    if (this.#credentials.serverFinal !== undefined) return grant;
    await grant[2]();
    throw new TypeError("Cannot log in: the checker has not asked for the proof of the client");
  }

  /** Challenges the client, and waits for its final message, which the checker may see then. */
  async #exchange(serverFirst: Uint8Array): Promise<Uint8Array> {
    const clientFinal = await new Promise<Uint8Array>((resolve, reject) => {
      const responder = new Responder(this.#logins, {
        respond: (response) => {
          resolve(response);
          return this.#outcome;
        },
        giveUp: reject,
      });
      this.#challenge.resolve(new Challenge(serverFirst, responder));
    });
    await this.#askLimiter!();
    return clientFinal;
  }
}

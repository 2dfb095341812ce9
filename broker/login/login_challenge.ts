/**
 * Objects that await the response to a challenge.
 *
 * @module
 */

import { LoginDenied, UnauthorizedLogin } from "../../cred/errors.ts";
import { CONNECTION } from "../flavors/invoker.ts";
import { type ParameterNames, PARAMETERS } from "../flavors/parameters.ts";
import { Referenceable } from "../flavors/referenceable.ts";
import type { Admission } from "./login_outcome.ts";
import type { LoginSession } from "./login_session.ts";

const NAMES: ParameterNames = Object.freeze({ remote_respond: ["response", "mind"] });

/** Handles the outcome of a challenge. */
export interface ChallengeHandler {
  /**
   * Receives the response.
   *
   * @param response The response.
   * @param mind The client's object that stands for the user, or null.
   * @returns The client's admission.
   */
  respond(response: Uint8Array, mind: unknown): Promise<Admission>;
  /**
   * Called when there will be no response.
   *
   * @param reason Why.
   */
  giveUp(reason: Error): void;
}

/**
 * Receives the response to a challenge, once and in time.
 *
 * It is given up when its time is over, when the client drops its reference, or when the connection
 * ends.
 */
export class LoginChallenge extends Referenceable {
  readonly #session: LoginSession;
  readonly #handler: ChallengeHandler;
  readonly #stopTimer: () => void;
  #isOpen = true;

  /**
   * Creates an object for one response, and starts its timer.
   *
   * @param session The logins of the connection.
   * @param handler Receives the response.
   */
  constructor(session: LoginSession, handler: ChallengeHandler) {
    super();
    this.#session = session;
    this.#handler = handler;
    this.#stopTimer = session.after(
      "challengeTimeout",
      (timeout) => this.#abandon(`no response within ${timeout} ms`),
    );
    session.broker[CONNECTION].onRelease(this, () => this.#abandon("the client has given up"));
  }

  /** Twisted's names for the parameters of its method. */
  get [PARAMETERS](): ParameterNames {
    return NAMES;
  }

  /**
   * Receives the response.
   *
   * @param response The response.
   * @param mind The client's object that stands for the user, or null.
   * @returns The client's admission.
   * @throws {Refusal} If it comes too late, or is a second one.
   */
  remote_respond(response: unknown, mind: unknown = null): Promise<Admission> {
    if (!this.#close()) throw this.#session.refusal(new UnauthorizedLogin());
    const bytes = response instanceof Uint8Array ? response : new Uint8Array(0);
    return this.#handler.respond(bytes, mind);
  }

  #abandon(fact: string): void {
    // No response was checked, so this does not count as a wrong one.
    if (this.#close()) this.#handler.giveUp(new LoginDenied(`Cannot log in: ${fact}`));
  }

  #close(): boolean {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    this.#stopTimer();
    return wasOpen;
  }
}

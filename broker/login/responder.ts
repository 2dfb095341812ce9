/**
 * Objects that await the response to a challenge.
 *
 * @module
 */

import { LoginDenied, UnauthorizedLogin } from "../../cred/errors.ts";
import { type IJellyable, type Jellier, tuple } from "../../jelly/mod.ts";
import { UNSENT, type Unsent } from "../calls/unsent.ts";
import { CONNECTION } from "../flavors/invoker.ts";
import { type ParameterNames, PARAMETERS } from "../flavors/parameters.ts";
import { Referenceable } from "../flavors/referenceable.ts";
import type { Admission } from "./login_outcome.ts";
import type { Logins } from "./logins.ts";

const NAMES: ParameterNames = Object.freeze({ remote_respond: ["response", "mind"] });

/** What a client is sent: a challenge, and the object that takes the response. */
export class Challenge implements IJellyable, Unsent {
  readonly #bytes: Uint8Array;
  readonly #responder: Responder;

  /**
   * Creates an answer to the first step of a login.
   *
   * @param bytes The challenge.
   * @param responder Takes the response.
   */
  constructor(bytes: Uint8Array, responder: Responder) {
    this.#bytes = bytes;
    this.#responder = responder;
  }

  /**
   * Writes the two as a tuple.
   *
   * @param jellier The jellier to write with.
   */
  jellyFor(jellier: Jellier): void {
    jellier.jelly(tuple(this.#bytes, this.#responder));
  }

  /** Called when the client did not get it. */
  [UNSENT](): void {
    this.#responder.giveUp("the client does not wait for a challenge");
  }
}

/** Learns how a challenge ends: one of the methods is called, once. */
export interface ResponseHandler {
  /**
   * Called with the response.
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
 * Takes the response to a challenge, once and in time.
 *
 * The challenge is given up when its time is over, when the client drops its reference, or when the
 * connection ends.
 */
export class Responder extends Referenceable {
  readonly #logins: Logins;
  readonly #handler: ResponseHandler;
  readonly #stopTimer: () => void;
  #isOpen = true;

  /**
   * Creates an object for one response, and starts its timer.
   *
   * @param logins The logins of the connection.
   * @param handler Learns how the challenge ends.
   */
  constructor(logins: Logins, handler: ResponseHandler) {
    super();
    this.#logins = logins;
    this.#handler = handler;
    this.#stopTimer = logins.after(
      "challengeTimeout",
      (timeout) => this.giveUp(`no response within ${timeout} ms`),
    );
  }

  /** Twisted's names for the parameters of its method. */
  get [PARAMETERS](): ParameterNames {
    return NAMES;
  }

  /**
   * Takes the response.
   *
   * @param response The response.
   * @param mind The client's object that stands for the user, or null.
   * @returns The client's admission.
   * @throws {Refusal} If it comes too late, or is a second one.
   */
  remote_respond(response: unknown, mind: unknown = null): Promise<Admission> {
    if (!this.#close()) throw this.#logins.refusal(new UnauthorizedLogin());
    const bytes = response instanceof Uint8Array ? response : new Uint8Array(0);
    return this.#handler.respond(bytes, mind);
  }

  /**
   * Writes a reference, which the client may give back.
   *
   * @param jellier The jellier to write with.
   */
  override jellyFor(jellier: Jellier): void {
    super.jellyFor(jellier);
    const { broker } = this.#logins;
    broker[CONNECTION].onRelease(this, () => this.giveUp("the client has given up"));
  }

  /**
   * Takes no response any more.
   *
   * @param fact Why.
   */
  giveUp(fact: string): void {
    // No response was checked, so this does not count as a wrong one.
    if (this.#close()) this.#handler.giveUp(new LoginDenied(`Cannot log in: ${fact}`));
  }

  /** Takes nothing more; returns whether this had been open. */
  #close(): boolean {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    this.#stopTimer();
    return wasOpen;
  }
}

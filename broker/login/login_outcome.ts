/**
 * The outcome of a login: an avatar for the client, or an error that reveals no more than it
 * should.
 *
 * @module
 */

import { LoginFailed, UnauthorizedLogin } from "../../cred/errors.ts";
import type { AvatarGrant } from "../../cred/portal.ts";
import { type IJellyable, isJellyable, type Jellier, tuple } from "../../jelly/mod.ts";
import { UNSENT, type Unsent } from "../calls/unsent.ts";
import type { Broker } from "../connection/broker.ts";
import { PBError } from "../errors/errors.ts";
import { CopyableFailure } from "../errors/failure.ts";
import { AsReferenceable, Avatar, type IPerspective } from "../flavors/avatar.ts";
import { CONNECTION } from "../flavors/invoker.ts";

/**
 * An avatar on its way to the client.
 *
 * The realm is told, once, that the user has left: when the client has dropped the last reference,
 * the connection has ended, or the avatar could not be sent.
 */
export class Admission implements IJellyable, Unsent {
  readonly #broker: Broker;
  readonly #avatar: object;
  readonly #present: Set<object>;
  #logout: AvatarGrant[2] | undefined;
  /** The server's proof to the client, if the mechanism has one. */
  #proof: Uint8Array | undefined;

  /**
   * Creates an admission; if the connection has ended by now, the user has left already.
   *
   * The first login with an avatar gets the same reference as everything else that sends the
   * avatar. Further logins with it get references of their own, so that each can be released.
   *
   * @param broker The connection.
   * @param grant The realm's grant.
   * @param present The avatars that the logins of the connection have been given.
   * @throws {TypeError} If the avatar cannot be sent and takes no calls; by then the user has left.
   */
  constructor(
    broker: Broker,
    [, avatar, logout]: AvatarGrant<IPerspective>,
    present: Set<object>,
  ) {
    this.#broker = broker;
    this.#present = present;
    this.#logout = logout;
    const isTaken = avatar instanceof Avatar && present.has(avatar);
    try {
      this.#avatar = isJellyable(avatar) && !isTaken
        ? avatar
        : new AsReferenceable(avatar, "perspective");
    } catch (error) {
      this.#leave();
      throw error;
    }
    present.add(this.#avatar);
    broker.notifyOnDisconnect(this.#leave);
  }

  /**
   * Sends a proof of the server's identity along with the avatar.
   *
   * @param proof The proof.
   * @returns This admission.
   */
  provenBy(proof: Uint8Array): this {
    this.#proof = proof;
    return this;
  }

  /**
   * Writes the avatar, after the proof if there is one.
   *
   * @param jellier The jellier to write with.
   */
  jellyFor(jellier: Jellier): void {
    jellier.jelly(this.#proof === undefined ? this.#avatar : tuple(this.#proof, this.#avatar));
    this.#broker[CONNECTION].onRelease(this.#avatar, this.#leave);
  }

  /** Called when the client did not get the avatar. */
  [UNSENT](): void {
    this.#leave();
  }

  readonly #leave = (): void => {
    const logout = this.#logout;
    if (logout === undefined) return;
    this.#logout = undefined;
    this.#present.delete(this.#avatar);
    this.#broker.dontNotifyOnDisconnect(this.#leave);
    this.#broker[CONNECTION].notifyAll([logout]);
  };
}

/**
 * What a client is told about a failed login: the class and message of an error that is made for
 * clients, and nothing about any other.
 */
export class Refusal extends PBError implements IJellyable, Unsent {
  readonly #told: unknown;
  readonly #onDone: () => void;

  /**
   * Creates a refusal.
   *
   * @param error The error that the login failed with.
   * @param onDone Called when the client is about to be told, or cannot be.
   */
  constructor(error: unknown, onDone: () => void = () => {}) {
    super("Cannot log in", { cause: error });
    this.name = "Refusal";
    this.#told = toldError(error);
    this.#onDone = onDone;
  }

  /**
   * Writes what the client is told, without a stack whatever the options.
   *
   * @param jellier The jellier to write with.
   */
  jellyFor(jellier: Jellier): void {
    this.#onDone();
    const told = this.#told;
    jellier.jelly(told instanceof Object && isJellyable(told) ? told : new CopyableFailure(told));
  }

  /** Called when the client was not told. */
  [UNSENT](): void {
    this.#onDone();
  }
}

function toldError(error: unknown): unknown {
  // Anything that a checker says here might distinguish an unknown user from a wrong password.
  if (error?.constructor === UnauthorizedLogin) return new UnauthorizedLogin();
  if (error instanceof LoginFailed || error instanceof PBError) return error;
  return new LoginFailed("Cannot log in: the server has failed");
}

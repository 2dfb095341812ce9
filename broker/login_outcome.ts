/**
 * How a login ends: with an avatar for the client, or with an error that tells no more than it should.
 *
 * @module
 */

import { LoginFailed, UnauthorizedLogin } from "../cred/errors.ts";
import type { AvatarGrant } from "../cred/portal.ts";
import { type IJellyable, isJellyable, type Jellier, tuple } from "../jelly/mod.ts";
import { AsReferenceable, Avatar, type IPerspective } from "./avatar.ts";
import type { Broker } from "./broker.ts";
import { PBError } from "./errors.ts";
import { CopyableFailure } from "./failure.ts";
import { UNSENT, type Unsent } from "./unsent.ts";

/**
 * An avatar on its way to the client.
 *
 * The realm is told once that the user has left: when the client has dropped the last reference, the
 * connection has ended, or the avatar could not be sent.
 */
export class Admission implements IJellyable, Unsent {
  readonly #broker: Broker;
  readonly #avatar: object;
  readonly #present: Set<object>;
  #logout: AvatarGrant[2] | undefined;
  /** What proves the server to the client, if the mechanism has such a thing. */
  #proof: Uint8Array | undefined;

  /**
   * Takes what the realm has granted; if the connection has ended by now, the user has left already.
   *
   * An avatar is one reference for all that send it. A further login of the same one gets another, so
   * that each of them can be given back.
   *
   * @param broker The connection.
   * @param grant The realm's grant.
   * @param present What the logins of the connection have been given.
   * @throws {TypeError} If the avatar cannot be sent and takes no calls; the user has left then.
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
   * Has a proof of the server go with the avatar.
   *
   * @param proof The proof.
   * @returns This admission.
   */
  provenBy(proof: Uint8Array): this {
    this.#proof = proof;
    return this;
  }

  /**
   * Writes the avatar, behind the proof if there is one.
   *
   * @param jellier Where to write.
   */
  jellyFor(jellier: Jellier): void {
    jellier.jelly(this.#proof === undefined ? this.#avatar : tuple(this.#proof, this.#avatar));
    this.#broker.onRelease(this.#avatar, this.#leave);
  }

  /** Learns that the client has not got the avatar. */
  [UNSENT](): void {
    this.#leave();
  }

  readonly #leave = (): void => {
    const logout = this.#logout;
    if (logout === undefined) return;
    this.#logout = undefined;
    this.#present.delete(this.#avatar);
    this.#broker.dontNotifyOnDisconnect(this.#leave);
    this.#broker.notifyAll([logout]);
  };
}

/**
 * What a client is told of a login that failed: the class of the error and its message if it is one
 * that is made for clients, and nothing of any other.
 */
export class Refusal extends PBError implements IJellyable, Unsent {
  readonly #told: unknown;
  readonly #then: () => void;

  /**
   * Creates a refusal.
   *
   * @param error What the login failed with.
   * @param then Is called when the client is about to be told, or cannot be.
   */
  constructor(error: unknown, then: () => void = () => {}) {
    super("Cannot log in", { cause: error });
    this.name = "Refusal";
    this.#told = toldError(error);
    this.#then = then;
  }

  /**
   * Writes what the client is told, without a stack whatever the options say.
   *
   * @param jellier Where to write.
   */
  jellyFor(jellier: Jellier): void {
    this.#then();
    const told = this.#told;
    jellier.jelly(told instanceof Object && isJellyable(told) ? told : new CopyableFailure(told));
  }

  /** Learns that the client was not told. */
  [UNSENT](): void {
    this.#then();
  }
}

function toldError(error: unknown): unknown {
  // Whatever a checker says here might tell an unknown user from a wrong password.
  if (error?.constructor === UnauthorizedLogin) return new UnauthorizedLogin();
  if (error instanceof LoginFailed || error instanceof PBError) return error;
  return new LoginFailed("Cannot log in: the server has failed");
}

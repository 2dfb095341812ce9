/**
 * The root object of a server with a portal: takes logins
 * (`twisted.spread.pb._PortalWrapper`; docs/protocol.md, "Login").
 *
 * @module
 */

import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import type { CredInterface } from "../cred/cred_interface.ts";
import { Anonymous, IUsernameHashedPassword, IUsernameMD5Password } from "../cred/credentials.ts";
import { UnauthorizedLogin } from "../cred/errors.ts";
import type { AvatarGrant, Portal } from "../cred/portal.ts";
import { isJellyable, type Tuple, tuple } from "../jelly/mod.ts";
import { AsReferenceable, IPerspective } from "./avatar.ts";
import type { Broker } from "./broker.ts";
import { challenge, md5, respondMD5 } from "./challenge.ts";
import type { LocalObject } from "./local_table.ts";
import { type IPBRoot, Referenceable } from "./referenceable.ts";

/** How long a challenge is good for, in milliseconds. */
const CHALLENGE_LIFETIME = 60_000;

/** Gives every connection a root object that takes logins at a portal. */
export class PortalRoot implements IPBRoot {
  readonly #portal: Portal;

  /**
   * Creates the root of a portal.
   *
   * @param portal Where to log in.
   */
  constructor(portal: Portal) {
    this.#portal = portal;
  }

  /**
   * Gives a connection its root object.
   *
   * @param broker The connection.
   * @returns The object that takes logins.
   */
  rootObject(broker: Broker): LoginRoot {
    return new LoginRoot(this.#portal, broker);
  }
}

/** Takes the logins of one connection. */
export class LoginRoot extends Referenceable {
  readonly #portal: Portal;
  readonly #broker: Broker;

  /**
   * Creates the root object of a connection.
   *
   * @param portal Where to log in.
   * @param broker The connection.
   */
  constructor(portal: Portal, broker: Broker) {
    super();
    this.#portal = portal;
    this.#broker = broker;
  }

  /**
   * Begins a login with a name and a password.
   *
   * @param username The name, as text or UTF-8 bytes.
   * @returns A challenge, and the object that takes the response.
   * @throws {UnauthorizedLogin} If the name is no text.
   */
  remote_login(username: unknown): Tuple<[Uint8Array, ChallengeResponse]> {
    const bytes = challenge();
    return tuple(
      bytes,
      new ChallengeResponse(this.#portal, this.#broker, nameOf(username), bytes),
    );
  }

  /**
   * Logs in without a name.
   *
   * @param mind The client's object that stands for the user, or null.
   * @returns The avatar.
   */
  async remote_loginAnonymous(mind: unknown): Promise<LocalObject> {
    return admit(this.#broker, await this.#portal.login(new Anonymous(), mind, IPerspective));
  }
}

/** Takes the response to one challenge, once; the credentials that a checker looks at. */
class ChallengeResponse extends Referenceable
  implements IUsernameHashedPassword, IUsernameMD5Password {
  /** What kinds of credentials these are. */
  readonly provides: readonly CredInterface[] = [IUsernameHashedPassword, IUsernameMD5Password];
  /** The name that the client gave. */
  readonly username: string;
  readonly #portal: Portal;
  readonly #broker: Broker;
  readonly #challenge: Uint8Array;
  readonly #expires = Date.now() + CHALLENGE_LIFETIME;
  #response: Uint8Array | undefined;

  constructor(portal: Portal, broker: Broker, username: string, challenge: Uint8Array) {
    super();
    this.username = username;
    this.#portal = portal;
    this.#broker = broker;
    this.#challenge = challenge;
  }

  async remote_respond(response: unknown, mind: unknown): Promise<LocalObject> {
    if (this.#response !== undefined || Date.now() > this.#expires) throw new UnauthorizedLogin();
    this.#response = response instanceof Uint8Array ? response : new Uint8Array(0);
    return admit(this.#broker, await this.#portal.login(this, mind, IPerspective));
  }

  /**
   * Compares with a password.
   *
   * @param password The right password.
   */
  checkPassword(password: string | Uint8Array): boolean {
    return this.checkMD5Password(md5(password));
  }

  /**
   * Compares with the MD5 of a password.
   *
   * @param digest MD5 of the right password.
   */
  checkMD5Password(digest: Uint8Array): boolean {
    const right = respondMD5(this.#challenge, digest);
    const given = this.#response ?? new Uint8Array(0);
    return given.length === right.length && timingSafeEqual(given, right);
  }
}

/** Gives an avatar the form in which it travels, and sees to its logout. */
function admit(broker: Broker, [, avatar, logout]: AvatarGrant<IPerspective>): LocalObject {
  const object = isJellyable(avatar)
    ? avatar as unknown as LocalObject
    : new AsReferenceable(avatar, "perspective");
  broker.onRelease(object, logout);
  return object;
}

function nameOf(username: unknown): string {
  if (typeof username === "string") return username;
  try {
    if (username instanceof Uint8Array) {
      return new TextDecoder("utf-8", { fatal: true }).decode(username);
    }
  } catch {
    // Not UTF-8: no user of ours has such a name.
  }
  throw new UnauthorizedLogin();
}

/**
 * The root object of a connection to a portal, which handles logins
 * (`twisted.spread.pb._PortalWrapper`; docs/protocol.md, "Login" and "What is added").
 *
 * @module
 */

import { BearerToken } from "../../cred/bearer_token.ts";
import { toBytes, toText } from "../../cred/bytes.ts";
import { Anonymous, type ICredentials, UsernamePassword } from "../../cred/credentials.ts";
import { UnauthorizedLogin, UnhandledCredentials } from "../../cred/errors.ts";
import type { AvatarGrant, Portal } from "../../cred/portal.ts";
import type { Broker } from "../connection/broker.ts";
import { NoSuchMethod } from "../errors/errors.ts";
import { IPerspective } from "../flavors/avatar.ts";
import type { Kwargs } from "../flavors/kwargs.ts";
import { type ParameterNames, PARAMETERS } from "../flavors/parameters.ts";
import { Referenceable } from "../flavors/referenceable.ts";
import { challenge, ChallengedCredentials } from "./challenge.ts";
import { writeLoginOffer } from "./login_offer.ts";
import type { Admission } from "./login_outcome.ts";
import type { Logins } from "./logins.ts";
import { allowedMechanisms, isAllowed, isServed, type LoginMechanism } from "./mechanisms.ts";
import { Challenge, Responder } from "./responder.ts";
import { ScramLogin } from "./scram_login.ts";

/** Maximum length of a user name, in bytes or characters. */
const MAX_NAME = 1024;

const NAMES: ParameterNames = Object.freeze({
  remote_login: ["username"],
  remote_loginAnonymous: ["mind"],
});

/** Handles the logins of one connection. */
export class LoginRoot extends Referenceable {
  readonly #portal: Portal;
  readonly #logins: Logins;
  /** The challenge of the offer, until it is answered. */
  #challenge: string | undefined;

  /**
   * Creates the root object of a connection.
   *
   * @param portal The portal to log in to.
   * @param logins The logins of the connection.
   */
  constructor(portal: Portal, logins: Logins) {
    super();
    this.#portal = portal;
    this.#logins = logins;
  }

  /** Twisted's names for the parameters of its portal's methods. */
  get [PARAMETERS](): ParameterNames {
    return NAMES;
  }

  /**
   * Handles a call, which can only be a login: a caller of anything else has forgotten to log in.
   *
   * @param broker The connection that it came over.
   * @param message Name of the method, without the prefix.
   * @param args The positional arguments.
   * @param kw The keyword arguments, if there are any.
   * @returns What the method returns.
   * @throws {NoSuchMethod} If there is no such method.
   */
  override remoteMessageReceived(
    broker: Broker,
    message: string,
    args: unknown[],
    kw: Kwargs | undefined,
  ): unknown {
    try {
      return super.remoteMessageReceived(broker, message, args, kw);
    } catch (error) {
      if (!(error instanceof NoSuchMethod) || message.startsWith("login")) throw error;
      throw new NoSuchMethod(`${error.message}; log in first`);
    }
  }

  /**
   * Returns what a client of this library is told before it asks: the mechanisms, and with MD5 a
   * challenge for {@linkcode LoginRoot.remote_loginMD5}.
   *
   * @returns The offer, as text.
   */
  offer(): string {
    const mechanisms = this.remote_loginMechanisms();
    // Not a UUID: a page, which may serve its frames, has crypto.randomUUID over https only.
    if (mechanisms.includes("MD5")) this.#challenge = challenge().toHex();
    return writeLoginOffer(mechanisms, this.#challenge);
  }

  /**
   * Returns the mechanisms that a client of this library may use.
   *
   * @returns Their names, the strongest first.
   */
  remote_loginMechanisms(): LoginMechanism[] {
    const kinds = this.#portal.listCredentialsInterfaces();
    const { broker, settings } = this.#logins;
    return allowedMechanisms(broker.peer, settings).filter((name) => isServed(name, kinds));
  }

  /**
   * Begins a login with a name and a password, as Twisted's clients do.
   *
   * @param username The name, as a string or UTF-8 bytes.
   * @returns A challenge, and the object that takes the response.
   * @throws {Refusal} If the name is not text, or MD5 is not allowed.
   */
  remote_login(username: unknown): Challenge {
    const name = this.#checked("MD5", () => nameOf(username));
    const leave = this.#logins.enter(name);
    const bytes = challenge();
    const responder = new Responder(this.#logins, {
      respond: (response, mind) => {
        leave();
        return this.#login(new ChallengedCredentials(name, bytes, response), mind, name);
      },
      giveUp: leave,
    });
    return new Challenge(bytes, responder);
  }

  /**
   * Logs in with a name and the response to the challenge of the offer, which is good for one
   * response.
   *
   * @param username The name, as a string or UTF-8 bytes.
   * @param response The response.
   * @param mind The client's object that stands for the user, or null.
   * @returns The avatar.
   * @throws {Refusal} If the client may not, or there is no challenge any more.
   */
  remote_loginMD5(username: unknown, response: unknown, mind: unknown = null): Promise<Admission> {
    const challenge = this.#challenge;
    this.#challenge = undefined;
    const name = this.#checked("MD5", () => nameOf(username));
    if (challenge === undefined || !(response instanceof Uint8Array)) {
      throw this.#logins.refusal(new UnauthorizedLogin(), name);
    }
    return this.#login(new ChallengedCredentials(name, toBytes(challenge), response), mind, name);
  }

  /**
   * Logs in without a name.
   *
   * @param mind The client's object that stands for the user, or null.
   * @returns The avatar.
   * @throws {Refusal} If the client may not.
   */
  remote_loginAnonymous(mind: unknown = null): Promise<Admission> {
    return this.#login(this.#checked("ANONYMOUS", () => new Anonymous()), mind);
  }

  /**
   * Logs in with a name and the password itself.
   *
   * @param username The name, as a string or UTF-8 bytes.
   * @param password The password, as a string or bytes.
   * @param mind The client's object that stands for the user, or null.
   * @returns The avatar.
   * @throws {Refusal} If the client may not.
   */
  remote_loginPlain(
    username: unknown,
    password: unknown,
    mind: unknown = null,
  ): Promise<Admission> {
    const credentials = this.#checked("PLAIN", () => {
      if (!isStringOrBytes(password)) throw new UnauthorizedLogin();
      return new UsernamePassword(nameOf(username), password);
    });
    return this.#login(credentials, mind, credentials.username);
  }

  /**
   * Logs in with a token.
   *
   * @param token The token, as a string.
   * @param mind The client's object that stands for the user, or null.
   * @returns The avatar.
   * @throws {Refusal} If the client may not.
   */
  remote_loginBearer(token: unknown, mind: unknown = null): Promise<Admission> {
    const credentials = this.#checked("BEARER", () => {
      if (typeof token !== "string") throw new UnauthorizedLogin();
      return new BearerToken(token);
    });
    return this.#login(credentials, mind);
  }

  /**
   * Begins a login by SCRAM-SHA-256.
   *
   * @param clientFirst The client's first message.
   * @param mind The client's object that stands for the user, or null.
   * @returns The server's first message, and the object that takes the client's final one and
   * returns the server's final one and the avatar.
   * @throws {Refusal} If the message is malformed, or the client may not.
   */
  remote_loginScram(clientFirst: unknown, mind: unknown = null): Promise<Challenge> {
    const login = this.#checked("SCRAM-SHA-256", () => {
      if (!(clientFirst instanceof Uint8Array)) throw new UnauthorizedLogin();
      return new ScramLogin(
        this.#logins,
        clientFirst,
        (credentials) => this.#ask(credentials, mind),
      );
    });
    return login.challenge;
  }

  #login(credentials: ICredentials, mind: unknown, username?: string): Promise<Admission> {
    return this.#logins.login(() => this.#ask(credentials, mind), username);
  }

  #ask(credentials: ICredentials, mind: unknown): Promise<AvatarGrant<IPerspective>> {
    return this.#portal.login(this.#logins.watched(credentials), mind, IPerspective);
  }

  /** Makes credentials from what the client sent, if it may use the mechanism. */
  #checked<T>(mechanism: LoginMechanism, make: () => T): T {
    const { broker, settings } = this.#logins;
    try {
      if (isAllowed(mechanism, broker.peer, settings)) return make();
      throw new UnhandledCredentials(`Cannot log in: ${mechanism} is not allowed here`);
    } catch (error) {
      throw this.#logins.refusal(error);
    }
  }
}

function nameOf(username: unknown): string {
  if (isStringOrBytes(username) && username.length <= MAX_NAME) {
    // Bytes that are not UTF-8 are the name of no user of ours.
    const name = typeof username === "string" ? username : toText(username);
    if (name !== undefined) return name;
  }
  throw new UnauthorizedLogin();
}

function isStringOrBytes(value: unknown): value is string | Uint8Array {
  return typeof value === "string" || value instanceof Uint8Array;
}

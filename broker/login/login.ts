/**
 * Logging in over a connection (`twisted.spread.pb.PBClientFactory.login`; docs/login.md,
 * "Clients").
 *
 * @module
 */

import type { IBearerToken } from "../../cred/bearer_token.ts";
import { toBytes } from "../../cred/bytes.ts";
import type { ICredentials, IUsernamePassword } from "../../cred/credentials.ts";
import { UnhandledCredentials } from "../../cred/errors.ts";
import { ScramClient, type ScramClientOptions } from "../../cred/scram.ts";
import { orAborted } from "../../transport/base/deadline.ts";
import type { Peer } from "../../transport/mod.ts";
import type { Broker } from "../connection/broker.ts";
import { causedBy } from "../errors/caused_by.ts";
import { NoSuchMethod, ProtocolError } from "../errors/errors.ts";
import { CONNECTION } from "../flavors/invoker.ts";
import { RemoteReference } from "../flavors/remote_reference.ts";
import { OWN_DIALECT } from "../link/negotiation.ts";
import { ROOT } from "../tables/local_table.ts";
import { respond } from "./challenge.ts";
import { type LoginOffer, readLoginOffer } from "./login_offer.ts";
import {
  ALL_MECHANISMS,
  checkMechanisms,
  isAllowed,
  type LoginMechanism,
  type MechanismOptions,
  suits,
} from "./mechanisms.ts";

/** Options for `Broker.login`. */
export interface LoginOptions extends MechanismOptions {
  /** Number of iterations that the server may ask for in SCRAM. Defaults to 4,096 to 10 million. */
  scram?: Pick<ScramClientOptions, "minIterations" | "maxIterations">;
  /**
   * The type in which the name is sent to a Twisted server: `bytes`, by which Twisted's own
   * checkers know users, or `text`, for servers that know them by `str`. Defaults to `bytes`.
   */
  usernameAs?: "bytes" | "text";
  /** Gives up the login when it aborts; a user who is let in all the same is logged out. */
  signal?: AbortSignal | undefined;
}

/**
 * Options for logging in where the avatar is not a reference.
 *
 * @typeParam A The class of the avatar, as it is received.
 */
export interface CopiedAvatarOptions<A extends object> extends LoginOptions {
  /** The class of the avatar: a subclass of `RemoteCopy` or `RemoteCache`. */
  avatar: abstract new (...args: never[]) => A;
}

/** Learns the number of the request whose result is kept. */
type OnKept = (request: number) => void;

/** How to log in. */
interface Choice {
  readonly mechanism: LoginMechanism;
  /** A challenge that the server has sent already. */
  readonly challenge: string | undefined;
}

/** The error message of a server without a portal. */
const LOGIN_METHOD = /^No such method: remote_login[A-Z]?\w*$/;

/** Twisted's mechanisms, the only ones that a stock server knows. */
const STOCK: readonly LoginMechanism[] = ["MD5", "ANONYMOUS"];

/**
 * Logs in to the server of a connection.
 *
 * @param broker The connection.
 * @param credentials A name and a password, a token, or `Anonymous`.
 * @param mind An object of ours that the avatar may call, or null.
 * @param options Mechanisms, a signal, and the class of the avatar.
 * @param onKept Called with the number of the request whose result is the avatar, if the server was
 * asked to keep that.
 * @returns The avatar.
 */
export async function login(
  broker: Broker,
  credentials: ICredentials,
  mind: unknown,
  options: LoginOptions & { avatar?: CopiedAvatarOptions<object>["avatar"] },
  onKept?: OnKept,
): Promise<object> {
  checkMechanisms(options);
  const { signal, avatar = RemoteReference } = options;
  signal?.throwIfAborted();
  const result = attempt(broker, credentials, mind, options, onKept).then((value) => {
    if (value instanceof avatar) return value;
    release(value);
    throw new ProtocolError(
      `Cannot log in: the avatar that the server sent is not of class ${avatar.name}`,
    );
  }, rethrowExplained);
  if (signal === undefined) return await result;
  try {
    return await orAborted(result, signal);
  } catch (error) {
    // The avatar may still arrive.
    result.then(release, () => {});
    throw error;
  }
}

async function attempt(
  broker: Broker,
  credentials: ICredentials,
  mind: unknown,
  options: LoginOptions,
  onKept: OnKept | undefined,
): Promise<unknown> {
  const { mechanism, challenge } = await choose(broker, credentials, options);
  const root = broker.root();
  options.signal?.throwIfAborted();
  const ask = (method: string, ...args: readonly unknown[]) => call(root, method, args, onKept);
  if (mechanism === "ANONYMOUS") return ask("loginAnonymous", mind);
  if (mechanism === "BEARER") return ask("loginBearer", (credentials as IBearerToken).token, mind);
  const { username, password } = credentials as IUsernamePassword;
  switch (mechanism) {
    case "PLAIN":
      return ask("loginPlain", username, password, mind);
    case "SCRAM-SHA-256":
      return await loginScram(root, new ScramClient(username, password, options.scram), mind);
    case "MD5": {
      if (challenge !== undefined) {
        return ask("loginMD5", toBytes(username), respond(toBytes(challenge), password), mind);
      }
      const name = options.usernameAs === "text" ? username : toBytes(username);
      const offer = challengeOf(await root.callRemote("login", name));
      return respondTo(offer.responder, [respond(offer.challenge, password), mind], onKept);
    }
  }
}

/** Makes a call whose result may be kept. */
function call(
  reference: RemoteReference,
  method: string,
  args: readonly unknown[],
  onKept: OnKept | undefined,
): Promise<unknown> {
  return reference.broker[CONNECTION].call(reference, method, args, onKept);
}

/** Chooses the strongest mechanism that the credentials, both ends and their options allow. */
async function choose(
  broker: Broker,
  credentials: ICredentials,
  options: LoginOptions,
): Promise<Choice> {
  await broker.ready;
  const allowed = ALL_MECHANISMS.filter((mechanism) =>
    isAllowed(mechanism, broker.peer, options) && suits(mechanism, credentials)
  );
  if (allowed.length === 0) {
    throw unhandled(whyNone(broker.peer, credentials, options));
  }
  const { mechanisms: offered, challenge } = await offerOf(broker, allowed);
  const chosen = allowed.find((mechanism) => offered.includes(mechanism));
  if (chosen === "SCRAM-SHA-256" && crypto.subtle === undefined) {
    throw unhandled(
      "SCRAM needs WebCrypto, which a page has over https and from localhost only; " +
        "a page that is safe otherwise can name another one of the mechanisms",
    );
  }
  if (chosen !== undefined) return { mechanism: chosen, challenge };
  const offer = ALL_MECHANISMS.filter((mechanism) => offered.includes(mechanism)).join(", ");
  throw unhandled(
    `the server accepts ${offer || "none"}, and this client offers ${allowed.join(", ")}`,
  );
}

/** Returns why no mechanism may be used for the credentials. */
function whyNone(peer: Peer, credentials: ICredentials, options: LoginOptions): string {
  const suitable = ALL_MECHANISMS.filter((mechanism) => suits(mechanism, credentials));
  if (suitable.length === 0) {
    return `no mechanism takes ${credentials.provides.map(({ name }) => name).join()}`;
  }
  const ifSecure = suitable.filter((mechanism) =>
    isAllowed(mechanism, peer, { ...options, secure: true })
  );
  if (ifSecure.length === 0) {
    return `the options do not allow ${suitable.join(", ")} over this connection`;
  }
  const names = ifSecure.join(", ");
  return `${names} may be used over a secure connection only (pbs:, wss:, or the option secure ` +
    "where a proxy does the TLS)";
}

/** Returns what the server offers, and asks for it only if it must be known. */
async function offerOf(broker: Broker, allowed: readonly LoginMechanism[]): Promise<LoginOffer> {
  if (broker.dialect !== OWN_DIALECT) return { mechanisms: STOCK };
  const root = broker.root();
  const said = root.luid === ROOT ? broker[CONNECTION].life.takeLogins() : undefined;
  const offer = said === undefined ? undefined : readLoginOffer(said);
  // The server explains better why it refuses the only one.
  if (allowed.length === 1) return { mechanisms: allowed, challenge: offer?.challenge };
  // An offer may be old: the server may have got a checker since.
  if (offer?.mechanisms.some((name) => allowed.some((mechanism) => mechanism === name))) {
    return offer;
  }
  const mechanisms = await root.callRemote("loginMechanisms");
  if (Array.isArray(mechanisms)) return { mechanisms };
  throw new ProtocolError("Cannot log in: the server sent no list of mechanisms");
}

async function loginScram(
  root: RemoteReference,
  client: ScramClient,
  mind: unknown,
): Promise<unknown> {
  const offer = await root.callRemote("loginScram", client.clientFirst(), mind);
  const { challenge, responder } = challengeOf(offer);
  // In case that there is no response.
  using _ = responder;
  const answer = await respondTo(responder, [await client.clientFinal(challenge)]);
  const [serverFinal, avatar]: readonly unknown[] = Array.isArray(answer) ? answer : [null, answer];
  try {
    client.verify(serverFinal instanceof Uint8Array ? serverFinal : new Uint8Array(0));
  } catch (error) {
    release(avatar);
    throw error;
  }
  return avatar;
}

/** Answers a challenge, and releases the object that takes the response. */
function respondTo(
  responder: RemoteReference,
  args: readonly unknown[],
  onKept?: OnKept,
): Promise<unknown> {
  // The reference is given back right after the call, in one write, as Twisted's clients do.
  using _ = responder;
  return call(responder, "respond", args, onKept);
}

function challengeOf(offer: unknown): { challenge: Uint8Array; responder: RemoteReference } {
  const [challenge, responder]: readonly unknown[] = Array.isArray(offer) ? offer : [];
  if (challenge instanceof Uint8Array && responder instanceof RemoteReference) {
    return { challenge, responder };
  }
  throw new ProtocolError("Cannot log in: the server sent no challenge");
}

/** Rethrows an error; if the server has no method for logins, says that it has no logins at all. */
function rethrowExplained(error: unknown): never {
  if (!(error instanceof NoSuchMethod && LOGIN_METHOD.test(error.message))) throw error;
  throw unhandled("the server has no logins, only the object that broker.root() gives", error);
}

/** Releases what the server sent, so that it logs the user out. */
function release(avatar: unknown): void {
  if (avatar instanceof Object && Symbol.dispose in avatar) {
    (avatar as Disposable)[Symbol.dispose]();
  }
}

function unhandled(fact: string, cause?: unknown): UnhandledCredentials {
  const message = `Cannot log in: ${fact}`;
  return new UnhandledCredentials(message, causedBy(cause));
}

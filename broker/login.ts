/**
 * Logging in over a connection (`twisted.spread.pb.PBClientFactory.login`; docs/protocol.md, "Login").
 *
 * @module
 */

import { providedBy } from "../cred/cred_interface.ts";
import { IAnonymous, type ICredentials, IUsernamePassword } from "../cred/credentials.ts";
import { UnhandledCredentials } from "../cred/errors.ts";
import type { Broker } from "./broker.ts";
import { respond } from "./challenge.ts";
import { ProtocolError } from "./errors.ts";
import { RemoteReference } from "./remote_reference.ts";

/**
 * Logs in at the server of a connection.
 *
 * @param broker The connection.
 * @param credentials A name and a password, or `Anonymous`.
 * @param mind An object of ours that the avatar may call, or null.
 * @returns A reference to the avatar.
 * @throws {UnauthorizedLogin} If the server does not accept the credentials.
 * @throws {UnhandledCredentials} If it, or this function, cannot handle such credentials.
 */
export async function login<T = unknown>(
  broker: Broker,
  credentials: ICredentials,
  mind: unknown = null,
): Promise<RemoteReference<T>> {
  const root = broker.root();
  if (providedBy(IAnonymous, credentials)) {
    return avatarOf<T>(await root.callRemote("loginAnonymous", mind));
  }
  if (!providedBy(IUsernamePassword, credentials)) {
    throw new UnhandledCredentials("Cannot log in: a password, or Anonymous, is needed");
  }
  const { username, password } = credentials;
  const offer = await root.callRemote("login", new TextEncoder().encode(username));
  const [challenge, challenger]: readonly unknown[] = Array.isArray(offer) ? offer : [];
  if (!(challenge instanceof Uint8Array && challenger instanceof RemoteReference)) {
    throw new ProtocolError("Cannot log in: the server sent no challenge");
  }
  using responder = challenger;
  return avatarOf<T>(await responder.callRemote("respond", respond(challenge, password), mind));
}

function avatarOf<T>(avatar: unknown): RemoteReference<T> {
  if (avatar instanceof RemoteReference) return avatar;
  throw new ProtocolError("Cannot log in: the server sent no avatar");
}

/**
 * What a user who has logged in gets (`twisted.spread.pb.IPerspective`, `Avatar`).
 *
 * @module
 */

import { CredInterface } from "../../cred/cred_interface.ts";
import type { IJellyable, Jellier } from "../../jelly/mod.ts";
import type { Broker } from "../connection/broker.ts";
import type { Kwargs } from "./kwargs.ts";
import { CALLER, callMethod, Referenceable, type RemoteTarget } from "./referenceable.ts";

/** What a realm gives a user over PB: the object that handles the user's calls. */
export interface IPerspective {
  /**
   * Handles a call.
   *
   * @param broker The connection that it came over.
   * @param message Name of the method, without a prefix.
   * @param args The positional arguments.
   * @param kw The keyword arguments, if there are any.
   * @returns The result, or a promise of it.
   */
  perspectiveMessageReceived(
    broker: Broker,
    message: string,
    args: unknown[],
    kw: Kwargs | undefined,
  ): unknown;
}

/** The interface that a PB login asks a realm for. */
export const IPerspective: CredInterface<IPerspective> = new CredInterface(
  "twisted.spread.pb.IPerspective",
);

/**
 * A user's view of the service: the user calls its `perspective_` methods.
 *
 * It travels as a reference, even when a method returns it: there is one reference to it per
 * connection, and the user is logged out when that is released. If several logins on a connection
 * share an avatar, each has a reference of its own.
 *
 * @example
 * ```ts
 * import { Avatar } from "@perspective/broker/broker";
 *
 * class Member extends Avatar {
 *   constructor(readonly name: string) {
 *     super();
 *   }
 *   perspective_whoami(): string {
 *     return this.name;
 *   }
 * }
 * ```
 */
export class Avatar implements IPerspective, IJellyable {
  /**
   * Handles a call: calls the method whose name is `perspective_` followed by the message.
   *
   * @param _broker The connection that it came over.
   * @param message Name of the method, without the prefix.
   * @param args The positional arguments.
   * @param kw The keyword arguments, if there are any.
   * @returns What the method returns.
   * @throws {NoSuchMethod} If there is no such method.
   */
  perspectiveMessageReceived(
    _broker: Broker,
    message: string,
    args: unknown[],
    kw: Kwargs | undefined,
  ): unknown {
    return callMethod(this, "perspective_", message, args, kw);
  }

  /**
   * Writes a reference.
   *
   * @param jellier Where to write.
   */
  jellyFor(jellier: Jellier): void {
    new AvatarReference(this, "perspective").jellyFor(jellier);
  }
}

/**
 * A reference that forwards calls to another object (`twisted.spread.pb.AsReferenceable`).
 *
 * @example
 * ```ts
 * import { AsReferenceable, Avatar } from "@perspective/broker/broker";
 *
 * const reference = new AsReferenceable(new Avatar(), "perspective");
 * ```
 *
 * @typeParam T The class of the object.
 */
export class AsReferenceable<T extends object = object> extends Referenceable {
  /** The object that receives the calls. */
  readonly object: T;
  /** Who the caller is: the avatar itself, if it is one. */
  override readonly [CALLER]: object | null;
  /** Who results are written for: the avatar itself, or else the object's own perspective. */
  override readonly perspective: object | null;
  readonly #receive: RemoteTarget["remoteMessageReceived"];

  /**
   * Creates a reference to an object.
   *
   * @param object The object; it has a method `<messageType>MessageReceived`.
   * @param messageType What the method's name begins with. Defaults to `remote`.
   * @throws {TypeError} If the object has no such method.
   */
  constructor(object: T, messageType: string = "remote") {
    super();
    const method: unknown = Reflect.get(object, `${messageType}MessageReceived`);
    if (typeof method !== "function") {
      throw new TypeError(
        `Cannot refer to ${object.constructor.name}: it has no ${messageType}MessageReceived`,
      );
    }
    this.object = object;
    const { [CALLER]: caller = null, perspective = null } = object as Partial<RemoteTarget>;
    const isAvatar = messageType === "perspective";
    this[CALLER] = isAvatar ? object : caller;
    this.perspective = isAvatar ? object : perspective;
    this.#receive = method.bind(object);
  }

  /**
   * Hands a call to the object.
   *
   * @param broker The connection that it came over.
   * @param message Name of the method, without a prefix.
   * @param args The positional arguments.
   * @param kw The keyword arguments, if there are any.
   * @returns What the object's method returns.
   */
  override remoteMessageReceived(
    broker: Broker,
    message: string,
    args: unknown[],
    kw: Kwargs | undefined,
  ): unknown {
    return this.#receive(broker, message, args, kw);
  }
}

/** A reference to an avatar, which has the identity of the avatar itself. */
class AvatarReference extends AsReferenceable {
  override processUniqueID(): object {
    return this.object;
  }
}

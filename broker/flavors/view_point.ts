/**
 * Objects seen through the eyes of a user (`twisted.spread.flavors.Viewable`, `ViewPoint`).
 *
 * @module
 */

import type { Jellier } from "../../jelly/mod.ts";
import type { Broker } from "../connection/broker.ts";
import { brokerOf } from "./invoker.ts";
import type { Kwargs } from "./kwargs.ts";
import { CALLER, callMethod, Referenceable, Serializable } from "./referenceable.ts";

/** The key in place of a perspective where there is none. */
const NOBODY = Object.freeze({});

/**
 * A reference to an object on behalf of a user: the peer calls the object's
 * `view_` methods, which get the user's avatar as their first argument.
 *
 * Two view points with the same perspective and object are one reference to the peer.
 *
 * @example
 * ```ts
 * import { ViewPoint } from "@perspective/broker/broker";
 *
 * const alice = { name: "alice" };
 * const page = {
 *   view_greet(user: { name: string }) {
 *     return `Hello ${user.name}`;
 *   },
 * };
 * const reference = new ViewPoint(alice, page);
 * ```
 *
 * @typeParam T The class of the object.
 */
export class ViewPoint<T extends object = object> extends Referenceable {
  /** The identities of view points: one object for each perspective and object. */
  static readonly #identities = new WeakMap<object, WeakMap<object, object>>();

  /** The user who looks at the object. */
  override readonly perspective: object | null;
  /** The caller, who is the same user. */
  override readonly [CALLER]: object | null;
  /** The object. */
  readonly object: T;

  /**
   * Creates a view point.
   *
   * @param perspective The user who looks at the object.
   * @param object The object.
   */
  constructor(perspective: object | null, object: T) {
    super();
    this.perspective = this[CALLER] = perspective;
    this.object = object;
  }

  /**
   * Returns the identity of the view point: the same for the same perspective and object.
   *
   * @returns An object.
   */
  override processUniqueID(): object {
    const perspective = this.perspective ?? NOBODY;
    let objects = ViewPoint.#identities.get(perspective);
    if (objects === undefined) ViewPoint.#identities.set(perspective, objects = new WeakMap());
    let identity = objects.get(this.object);
    if (identity === undefined) objects.set(this.object, identity = {});
    return identity;
  }

  /**
   * Handles a call: calls the object's method named `view_` plus the message.
   *
   * @param _broker The connection that it came over.
   * @param message Name of the method, without the prefix.
   * @param args The positional arguments.
   * @param kw The keyword arguments, if there are any.
   * @returns What the method returns.
   * @throws {NoSuchMethod} If there is no such method.
   */
  override remoteMessageReceived(
    _broker: Broker,
    message: string,
    args: unknown[],
    kw: Kwargs | undefined,
  ): unknown {
    return callMethod(this.object, "view_", message, [this.perspective, ...args], kw);
  }
}

/**
 * An object that travels as a {@linkcode ViewPoint} of the user who receives it.
 *
 * @example
 * ```ts
 * import { Viewable } from "@perspective/broker/broker";
 *
 * class Page extends Viewable {
 *   view_greet(user: { name: string }): string {
 *     return `Hello ${user.name}`;
 *   }
 * }
 * ```
 */
export class Viewable extends Serializable {
  /**
   * Writes a reference to a view point.
   *
   * @param jellier The jellier to write with.
   */
  override jellyFor(jellier: Jellier): void {
    const { serializingPerspective } = brokerOf(jellier, this);
    new ViewPoint(serializingPerspective, this).jellyFor(jellier);
  }
}

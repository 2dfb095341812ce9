/**
 * Objects that travel as a reference (`twisted.spread.flavors`).
 *
 * @module
 */

import { type Jellier, Jellyable } from "../jelly/mod.ts";
import type { Broker } from "./broker.ts";
import { NoSuchMethod } from "./errors.ts";
import { brokerOf } from "./invoker.ts";
import type { Kwargs } from "./kwargs.ts";
import { inPlace, type ParameterNames, PARAMETERS } from "./parameters.ts";

/** Name of the property that says who calls an object: a name that no object of a program has by chance. */
export const CALLER: unique symbol = Symbol("caller");

/** What the broker hands a call to. */
export interface RemoteTarget {
  /** Who the caller is, if that is known: arguments are read on that behalf. */
  readonly [CALLER]?: object | null;
  /** Who results are written for; nobody in particular unless set. */
  readonly perspective?: object | null;
  /**
   * Takes a call.
   *
   * @param broker The connection that it came over.
   * @param message Name of the remote method, without a prefix.
   * @param args The positional arguments.
   * @param kw The keyword arguments, if there are any.
   * @returns The result, or a promise of it.
   */
  remoteMessageReceived(
    broker: Broker,
    message: string,
    args: unknown[],
    kw: Kwargs | undefined,
  ): unknown;
}

/** An object that knows how it travels to a peer; by its fields, unless it is of another flavor. */
export class Serializable extends Jellyable {
  /**
   * Gives what the object is known by: two objects with the same identity are
   * one to the peer.
   *
   * @returns The object itself, unless overridden.
   */
  processUniqueID(): object {
    return this;
  }
}

/**
 * An object that travels as a reference: the peer calls its `remote_` methods.
 *
 * @example
 * ```ts
 * import { Referenceable } from "@perspective/broker/broker";
 *
 * class Counter extends Referenceable {
 *   #count = 0;
 *   remote_increase(by: number): number {
 *     return this.#count += by;
 *   }
 * }
 * ```
 */
export class Referenceable extends Serializable implements RemoteTarget {
  /** Who the caller is: known to references to avatars, and to view points. */
  declare readonly [CALLER]?: object | null;
  /** Who results are written for; nobody in particular unless set. */
  declare readonly perspective?: object | null;

  /**
   * Takes a call: calls the method `remote_` and the name.
   *
   * @param _broker The connection that it came over.
   * @param message Name of the remote method, without the prefix.
   * @param args The positional arguments.
   * @param kw The keyword arguments, if there are any.
   * @returns What the method returns.
   * @throws {NoSuchMethod} If there is no such method.
   */
  remoteMessageReceived(
    _broker: Broker,
    message: string,
    args: unknown[],
    kw: Kwargs | undefined,
  ): unknown {
    return callMethod(this, "remote_", message, args, kw);
  }

  /**
   * Writes a reference.
   *
   * @param jellier Where to write.
   */
  override jellyFor(jellier: Jellier): void {
    jellier.tagged("remote", brokerOf(jellier, this).registerReference(this));
  }
}

/**
 * The object that a server gives to every client at once.
 *
 * @example
 * ```ts
 * import { Root } from "@perspective/broker/broker";
 *
 * class Echo extends Root {
 *   remote_echo(text: string): string {
 *     return text;
 *   }
 * }
 * ```
 */
export class Root extends Referenceable implements IPBRoot {
  /**
   * Gives the root object for a connection: this one, unless overridden.
   *
   * @param _broker The connection.
   * @returns The object to publish.
   */
  rootObject(_broker: Broker): RemoteTarget {
    return this;
  }
}

/** Gives every connection its root object (`twisted.spread.flavors.IPBRoot`). */
export interface IPBRoot {
  /**
   * Gives the root object for a connection.
   *
   * @param broker The connection.
   * @returns The object to publish.
   */
  rootObject(broker: Broker): RemoteTarget;
}

const ALL_OBJECTS = Object.prototype as object as Record<string, unknown>;

/**
 * Calls a method by a name from the wire, which is always behind a prefix, so
 * that it reaches nothing but methods meant for it.
 *
 * @param target The object.
 * @param prefix What the names of such methods begin with.
 * @param message The name behind the prefix.
 * @param args The positional arguments.
 * @param kw The keyword arguments, if there are any.
 * @returns What the method returns.
 * @throws {NoSuchMethod} If there is no such method.
 */
export function callMethod(
  target: object,
  prefix: string,
  message: string,
  args: unknown[],
  kw: Kwargs | undefined,
): unknown {
  const name = prefix + message;
  const method = (target as Record<string, unknown>)[name];
  // What some library has put on all objects was not meant for peers.
  if (typeof method !== "function" || method === ALL_OBJECTS[name]) {
    throw new NoSuchMethod(`No such method: ${name}`);
  }
  if (kw === undefined) return Reflect.apply(method, target, args);
  const names = (target as { [PARAMETERS]?: ParameterNames })[PARAMETERS]?.[name];
  if (names !== undefined) return Reflect.apply(method, target, inPlace(name, names, args, kw));
  return Reflect.apply(method, target, [...args, kw]);
}

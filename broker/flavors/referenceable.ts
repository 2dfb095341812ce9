/**
 * Objects that travel by reference (`twisted.spread.flavors`).
 *
 * @module
 */

import { type Jellier, Jellyable } from "../../jelly/mod.ts";
import type { Broker } from "../connection/broker.ts";
import { NoSuchMethod } from "../errors/errors.ts";
import { brokerOf } from "./invoker.ts";
import type { Kwargs } from "./kwargs.ts";
import { inPlace, type ParameterNames, PARAMETERS } from "./parameters.ts";

/**
 * Name of the property that says who calls an object. It is a symbol, so that no object of a
 * program has it by chance.
 */
export const CALLER: unique symbol = Symbol("caller");

/** An object that the broker can pass a call to. */
export interface RemoteTarget {
  /** The caller, if known: arguments are read on the caller's behalf. */
  readonly [CALLER]?: object | null;
  /** The user whom results are written for. By default, nobody in particular. */
  readonly perspective?: object | null;
  /**
   * Handles a call.
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

/** An object that knows how it travels to a peer: by its fields, unless it is of another flavor. */
export class Serializable extends Jellyable {
  /**
   * Returns the identity of the object: two objects with the same identity are one to the peer.
   *
   * @returns The object itself, unless overridden.
   */
  processUniqueID(): object {
    return this;
  }
}

/**
 * An object that travels by reference: the peer calls its `remote_` methods.
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
  /** The caller: known to references to avatars, and to view points. */
  declare readonly [CALLER]?: object | null;
  /** The user whom results are written for. By default, nobody in particular. */
  declare readonly perspective?: object | null;

  /**
   * Handles a call: calls the method named `remote_` plus the message.
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
   * @param jellier The jellier to write with.
   */
  override jellyFor(jellier: Jellier): void {
    jellier.tagged("remote", brokerOf(jellier, this).registerReference(this));
  }
}

/**
 * An object that a server publishes to every client.
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
   * Returns the root object for a connection: this one, unless overridden.
   *
   * @param _broker The connection.
   * @returns The object to publish.
   */
  rootObject(_broker: Broker): RemoteTarget {
    return this;
  }
}

/** Provides the root object of every connection (`twisted.spread.flavors.IPBRoot`). */
export interface IPBRoot {
  /**
   * Returns the root object for a connection.
   *
   * @param broker The connection.
   * @returns The object to publish.
   */
  rootObject(broker: Broker): RemoteTarget;
}

const ALL_OBJECTS = Object.prototype as object as Record<string, unknown>;

/**
 * Calls a method by a name from the wire. The prefix is always added, so only methods meant for
 * peers can be reached.
 *
 * @param target The object.
 * @param prefix The prefix that the names of such methods begin with.
 * @param message The name after the prefix.
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
  // Methods that some library has added to all objects are not meant for peers.
  if (typeof method !== "function" || method === ALL_OBJECTS[name]) {
    throw new NoSuchMethod(`No such method: ${name}`);
  }
  if (kw === undefined) return Reflect.apply(method, target, args);
  const names = (target as { [PARAMETERS]?: ParameterNames })[PARAMETERS]?.[name];
  if (names !== undefined) return Reflect.apply(method, target, inPlace(name, names, args, kw));
  return Reflect.apply(method, target, [...args, kw]);
}

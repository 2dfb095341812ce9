/**
 * Objects that know how to serialize themselves
 * (`twisted.spread.interfaces`, `twisted.spread.jelly.Jellyable` and `Unjellyable`).
 *
 * @module
 */

import type { Jellier } from "./jellier.ts";
import { type AnyClass, jellyNameOf } from "./names.ts";
import { applyState, classOf, ownState } from "./state.ts";
import type { JellyList } from "./jelly_list.ts";
import type { Unjellier } from "./unjellier.ts";

/** An object that serializes itself. */
export interface IJellyable {
  /**
   * Writes the object as one element, through the methods of the jellier.
   *
   * @param jellier Where to write.
   */
  jellyFor(jellier: Jellier): void;
}

/** An object that is created empty and then reads its own state. */
export interface IUnjellyable {
  /**
   * Reads the object.
   *
   * A method that returns this very object should call `unjellier.created(this)` first: then what
   * it reads can refer to the object. Otherwise, as in Twisted, there is a placeholder wherever it
   * is referred to, until the whole value has been read.
   *
   * @param unjellier The unjellier that reads the whole value.
   * @param list The items after the tag, to be read one by one.
   * @returns The object to use, usually this one.
   */
  unjellyFor(unjellier: Unjellier, list: JellyList): unknown;
  /** Called once the whole value has been read, if the object has this method. */
  postUnjelly?(): void;
}

/**
 * Returns whether an object serializes itself.
 *
 * @param object Any object.
 * @returns True if it has a `jellyFor` method.
 */
export function isJellyable(object: object): object is IJellyable {
  return typeof (object as Partial<IJellyable>).jellyFor === "function";
}

/**
 * An object that is sent as the name of its class and its state.
 *
 * @example
 * ```ts
 * import { inspectSexp, jelly, Jellyable } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * class Point extends Jellyable {
 *   static readonly jellyName = "geo.Point";
 *   x = 1;
 * }
 * assertEquals(inspectSexp(jelly(new Point())), '["geo.Point", ["dictionary", [["unicode", "x"], 1]]]');
 * ```
 */
export class Jellyable implements IJellyable {
  /**
   * Returns the state to send: the object's own fields, unless overridden.
   *
   * @param _jellier The jellier that will write the state.
   * @returns Any value; usually a plain object.
   */
  getStateFor(_jellier: Jellier): unknown {
    return ownState(this);
  }

  /**
   * Writes the class name and the state.
   *
   * @param jellier Where to write.
   */
  jellyFor(jellier: Jellier): void {
    jellier.prepare(this);
    jellier.tagged(jellyNameOf(classOf(this) as AnyClass), this.getStateFor(jellier));
  }
}

/**
 * An object that is received as a state. Register its class to have instances created.
 *
 * @example
 * ```ts
 * import { JellyRegistry, jelly, Jellyable, unjelly, Unjellyable } from "@perspective/broker/jelly";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * class Point extends Jellyable {
 *   static readonly jellyName = "geo.Point";
 *   x = 1;
 * }
 * class RemotePoint extends Unjellyable {
 *   declare x: number;
 * }
 * const registry = new JellyRegistry();
 * registry.setUnjellyableForClass(Point, RemotePoint);
 *
 * const point = unjelly(jelly(new Point()), { registry });
 * assertInstanceOf(point, RemotePoint);
 * assertEquals(point.x, 1);
 * ```
 */
export class Unjellyable implements IUnjellyable {
  /**
   * Applies the received state: every entry becomes a field, unless overridden.
   *
   * @param _unjellier The unjellier that read the state.
   * @param state The state; null counts as empty.
   * @throws {JellyError} If the state is not a dictionary, or names a method of the class.
   */
  setStateFor(_unjellier: Unjellier, state: unknown): void {
    applyState(this, state);
  }

  /**
   * Reads the state.
   *
   * @param unjellier The unjellier that reads the whole value.
   * @param list The items after the tag.
   * @returns This object.
   */
  unjellyFor(unjellier: Unjellier, list: JellyList): unknown {
    unjellier.created(this);
    this.setStateFor(unjellier, list.next());
    return this;
  }
}

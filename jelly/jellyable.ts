/**
 * Objects that know how to serialize themselves
 * (`twisted.spread.interfaces`, `twisted.spread.jelly.Jellyable` and `Unjellyable`).
 *
 * @module
 */

import type { Jellier } from "./jellier.ts";
import { type AnyClass, jellyNameOf } from "./names.ts";
import { applyState, ownState } from "./state.ts";
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

/** An object that is made empty and then reads itself. */
export interface IUnjellyable {
  /**
   * Reads the object.
   *
   * One that gives this very object calls `unjellier.created(this)` first: then what it reads may refer to
   * it. Otherwise there is a placeholder in such a place, as in Twisted, until the whole value is there.
   *
   * @param unjellier What reads the whole value.
   * @param list What follows the tag: its items are read one after the other.
   * @returns The object to be used, mostly this one.
   */
  unjellyFor(unjellier: Unjellier, list: JellyList): unknown;
  /** Called when the whole value was read, if the object has this method. */
  postUnjelly?(): void;
}

/**
 * Tells whether an object serializes itself.
 *
 * @param object Any object.
 * @returns True if it has a method `jellyFor`.
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
   * Gives the state to send: the object's own fields, unless overridden.
   *
   * @param _jellier What will write the state.
   * @returns Any value; a plain object as a rule.
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
    jellier.tagged(jellyNameOf(this.constructor as AnyClass), this.getStateFor(jellier));
  }
}

/**
 * An object that is received as a state; register its class to have instances made.
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
   * Takes the received state: every entry becomes a field, unless overridden.
   *
   * @param _unjellier What has read the state.
   * @param state The state; null counts as empty.
   * @throws {JellyError} If the state is no dictionary, or names a method of the class.
   */
  setStateFor(_unjellier: Unjellier, state: unknown): void {
    applyState(this, state);
  }

  /**
   * Reads the state.
   *
   * @param unjellier What reads the whole value.
   * @param list What follows the tag.
   * @returns This object.
   */
  unjellyFor(unjellier: Unjellier, list: JellyList): unknown {
    unjellier.created(this);
    this.setStateFor(unjellier, list.next());
    return this;
  }
}

/**
 * Objects that travel as a copy of their state (`twisted.spread.flavors.Copyable`, `RemoteCopy`;
 * docs/flavors.md, "Copies").
 *
 * @module
 */

import {
  type AnyClass,
  applyState,
  type IUnjellyable,
  type Jellier,
  type JellyList,
  jellyNameOf,
  ownState,
  type Unjellier,
  Unjellyable,
} from "../jelly/mod.ts";
import { brokerOf } from "./invoker.ts";
import { Serializable } from "./referenceable.ts";

export {
  setUnjellyableFactoryForClass as setFactoryForClass,
  setUnjellyableForClass as setCopierForClass,
  setUnjellyableForClassTree as setCopierForClassTree,
} from "../jelly/mod.ts";

/**
 * An object that travels as a copy: a tag for its class, and its state.
 *
 * The state is the object's own fields. Private fields (`#pin`), accessors and methods stay at
 * home; a field that is `private` only to the compiler travels. Override `getStateToCopy` to send
 * something else, `getStateToCopyFor` to send each user something else.
 *
 * The other end registers a class for the tag: a `RemoteCopy`, or this very class, if it can be made
 * without arguments. Then the copy comes out of the constructor with its private fields and
 * methods, and gets the fields of the state over what the constructor gave it.
 *
 * @example
 * ```ts
 * import { connectPair, Copyable, Root } from "@perspective/broker/broker";
 * import { JellyRegistry } from "@perspective/broker/jelly";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * class Till extends Copyable {
 *   static readonly jellyName = "shop.Till";
 *   #pin = 1234;
 *   constructor(public cash = 0) {
 *     super();
 *   }
 *   get isEmpty(): boolean {
 *     return this.cash === 0;
 *   }
 * }
 * class Shop extends Root {
 *   remote_till(): Till {
 *     return new Till(5);
 *   }
 * }
 * const registry = new JellyRegistry();
 * registry.setUnjellyableForClass(Till, Till);
 *
 * await using pair = await connectPair(new Shop(), { client: { registry } });
 * const till = await pair.client.root().callRemote("till");
 * assertInstanceOf(till, Till);
 * assertEquals(till.cash, 5);
 * assertEquals(till.isEmpty, false);
 * ```
 */
export class Copyable extends Serializable implements IUnjellyable {
  /**
   * Gives the state to send: the object's own fields, unless overridden.
   *
   * @returns Any value; a plain object as a rule.
   */
  getStateToCopy(): unknown {
    return ownState(this);
  }

  /**
   * Gives the state to send to a user: the same for all, unless overridden.
   *
   * @param _perspective On whose behalf the object is sent; null if that is nobody in particular.
   * @returns Any value; a plain object as a rule.
   */
  getStateToCopyFor(_perspective: object | null): unknown {
    return this.getStateToCopy();
  }

  /**
   * Gives the tag to send: the static `jellyName` of the class or else its name, unless overridden.
   *
   * @returns The tag.
   */
  getTypeToCopy(): string {
    return jellyNameOf(this.constructor as AnyClass);
  }

  /**
   * Gives the tag to send to a user: the same for all, unless overridden.
   *
   * @param _perspective On whose behalf the object is sent; null if that is nobody in particular.
   * @returns The tag.
   */
  getTypeToCopyFor(_perspective: object | null): string {
    return this.getTypeToCopy();
  }

  /**
   * Writes the tag and the state; without a connection, the name of the class and the fields.
   *
   * @param jellier Where to write.
   */
  override jellyFor(jellier: Jellier): void {
    if (jellier.invoker === undefined) return super.jellyFor(jellier);
    const perspective = brokerOf(jellier, this).serializingPerspective;
    const type = this.getTypeToCopyFor(perspective);
    const state = this.getStateToCopyFor(perspective);
    jellier.prepare(this);
    jellier.tagged(type, state);
  }

  /**
   * Takes the state, where an object of this class is what a copy arrives as.
   *
   * @param state What `getStateToCopy` gave at the other end.
   * @throws {JellyError} If the state is no dictionary, or names a method of the class.
   */
  setCopyableState(state: unknown): void {
    applyState(this, state);
  }

  /**
   * Reads the state, where an object of this class is what a copy arrives as.
   *
   * @param unjellier What reads the whole value.
   * @param list What follows the tag.
   * @returns This object.
   */
  unjellyFor(unjellier: Unjellier, list: JellyList): unknown {
    unjellier.created(this);
    const state = list.next();
    if (unjellier.invoker === undefined) applyState(this, state);
    else this.setCopyableState(state);
    return this;
  }
}

/**
 * What a copy arrives as; register its class for the tag of the sender's.
 *
 * An instance is made without arguments, and then gets the state: every entry becomes a field, over
 * what the constructor gave it. Where the class has a setter, this is called; a name that the class has
 * for a method or for a getter alone is refused. Override `setCopyableState` to take the state in
 * another way.
 *
 * @example
 * ```ts
 * import { RemoteCopy } from "@perspective/broker/broker";
 * import { JellyRegistry } from "@perspective/broker/jelly";
 *
 * class Point extends RemoteCopy {
 *   x = 0;
 *   y = 0;
 *   get length(): number {
 *     return Math.hypot(this.x, this.y);
 *   }
 * }
 * const registry = new JellyRegistry();
 * registry.setUnjellyableForClass("geometry.Point", Point);
 * ```
 */
export class RemoteCopy extends Unjellyable {
  /**
   * Takes the state: every entry becomes a field, unless overridden.
   *
   * @param state What `getStateToCopy` gave at the other end; text keys that came as bytes are
   * read as UTF-8 by default, and null counts as empty.
   * @throws {JellyError} If the state is no dictionary, or names a method of the class.
   */
  setCopyableState(state: unknown): void {
    applyState(this, state);
  }

  /**
   * Reads the state.
   *
   * @param unjellier What reads the whole value.
   * @param list What follows the tag.
   * @returns This object.
   */
  override unjellyFor(unjellier: Unjellier, list: JellyList): unknown {
    if (unjellier.invoker === undefined) return super.unjellyFor(unjellier, list);
    unjellier.created(this);
    this.setCopyableState(list.next());
    return this;
  }
}

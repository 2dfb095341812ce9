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
} from "../../jelly/mod.ts";
import { classOf } from "../../jelly/state.ts";
import { brokerOf } from "./invoker.ts";
import { Serializable } from "./referenceable.ts";

export {
  setUnjellyableFactoryForClass as setFactoryForClass,
  setUnjellyableForClass as setCopierForClass,
  setUnjellyableForClassTree as setCopierForClassTree,
} from "../../jelly/mod.ts";

/**
 * An object that travels as a copy: a tag for its class, and its state.
 *
 * The state is the object's own fields. Private fields (`#pin`), accessors and methods do not
 * travel; a field that is `private` only to the compiler does. Override `getStateToCopy` to send
 * something else, or `getStateToCopyFor` to send something different to each user.
 *
 * The receiver registers a class for the tag: a `RemoteCopy`, or this same class, if it can be
 * constructed without arguments. The constructor then creates the copy with its private fields and
 * methods, and the fields of the state replace what it has set.
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
   * Returns the state to send: the object's own fields, unless overridden.
   *
   * @returns Any value; usually a plain object.
   */
  getStateToCopy(): unknown {
    return ownState(this);
  }

  /**
   * Returns the state to send to a user: the same for all users, unless overridden.
   *
   * @param _perspective On whose behalf the object is sent; null if that is nobody in particular.
   * @returns Any value; usually a plain object.
   */
  getStateToCopyFor(_perspective: object | null): unknown {
    return this.getStateToCopy();
  }

  /**
   * Returns the tag to send: the static `jellyName` of the class, or else its name, unless
   * overridden.
   *
   * @returns The tag.
   */
  getTypeToCopy(): string {
    return jellyNameOf(classOf(this) as AnyClass);
  }

  /**
   * Returns the tag to send to a user: the same for all users, unless overridden.
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
   * Sets the state, where a copy arrives as an object of this class.
   *
   * @param state What `getStateToCopy` returned at the sender.
   * @throws {JellyError} If the state is not a dictionary, or names a method of the class.
   */
  setCopyableState(state: unknown): void {
    applyState(this, state);
  }

  /**
   * Reads the state, where a copy arrives as an object of this class.
   *
   * @param unjellier Reads the whole value.
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
 * The base class of what a `Copyable` arrives as; register a subclass for the tag of the sender's
 * class.
 *
 * An instance is constructed without arguments, and then receives the state: every entry becomes a
 * field, replacing what the constructor has set. If the class has a setter of that name, it is
 * called instead; the name of a method, or of a getter without a setter, is refused. Override
 * `setCopyableState` to apply the state in another way.
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
   * Sets the state: every entry becomes a field, unless overridden.
   *
   * @param state What `getStateToCopy` returned at the sender; text keys that came as bytes are
   * read as UTF-8 by default, and null counts as empty.
   * @throws {JellyError} If the state is not a dictionary, or names a method of the class.
   */
  setCopyableState(state: unknown): void {
    applyState(this, state);
  }

  /**
   * Reads the state.
   *
   * @param unjellier Reads the whole value.
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

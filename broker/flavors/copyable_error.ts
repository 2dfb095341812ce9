/**
 * Errors that travel as objects of their own class.
 *
 * @module
 */

import {
  type AnyClass,
  applyState,
  type IJellyable,
  type IUnjellyable,
  type Jellier,
  type JellyList,
  jellyNameOf,
  type Unjellier,
} from "../../jelly/mod.ts";
import { classOf, objectOf, stateEntries } from "../../jelly/state.ts";
import { PBError } from "../errors/errors.ts";
import { errorState } from "../errors/failure.ts";
import { perspectiveOf } from "./invoker.ts";

/**
 * An error that arrives as an object of its own class, with its fields.
 *
 * Any other error arrives with only its name and message. Give the class a static `jellyName`, the
 * full name of its counterpart in Python, and register it at the receiver:
 * `setUnjellyableForClass(OutOfStock, OutOfStock)`, or in the registry of the connection. If it is
 * not registered there, the call fails with `InsecureJelly` instead.
 *
 * A Python peer has a class that derives from `pb.Error`, and from `pb.Copyable` to send it,
 * `pb.RemoteCopy` to receive it, or both. It sends no `message`, since Python's errors have no such
 * field: the class here can compose one from its fields in `setCopyableState`.
 *
 * @example
 * ```ts
 * import { connectPair, CopyableError, Root } from "@perspective/broker/broker";
 * import { JellyRegistry } from "@perspective/broker/jelly";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * class OutOfStock extends CopyableError {
 *   static override readonly jellyName = "shop.OutOfStock";
 *   left = 0;
 * }
 * class Shop extends Root {
 *   remote_buy(_count: number): void {
 *     throw Object.assign(new OutOfStock("not enough"), { left: 2 });
 *   }
 * }
 * const registry = new JellyRegistry();
 * registry.setUnjellyableForClass(OutOfStock, OutOfStock);
 *
 * await using pair = await connectPair(new Shop(), { client: { registry } });
 * const shop = pair.client.root<Shop>();
 * const error = await assertRejects(() => shop.callRemote("buy", 3), OutOfStock, "not enough");
 * assertEquals(error.left, 2);
 * ```
 */
export class CopyableError extends PBError implements IJellyable, IUnjellyable {
  /**
   * Returns the state to send: the message and the error's own fields, unless overridden.
   *
   * @returns Any value; usually a plain object.
   */
  getStateToCopy(): unknown {
    return errorState(this);
  }

  /**
   * Returns the state to send to a user: the same for all users, unless overridden.
   *
   * @param _perspective On whose behalf the error is sent, or null.
   * @returns Any value; usually a plain object.
   */
  getStateToCopyFor(_perspective: object | null): unknown {
    return this.getStateToCopy();
  }

  /**
   * Returns the tag to send: the name of the class, unless overridden.
   *
   * @returns The tag.
   */
  getTypeToCopy(): string {
    return jellyNameOf(classOf(this) as AnyClass);
  }

  /**
   * Returns the tag to send to a user: the same for all users, unless overridden.
   *
   * @param _perspective On whose behalf the error is sent, or null.
   * @returns The tag.
   */
  getTypeToCopyFor(_perspective: object | null): string {
    return this.getTypeToCopy();
  }

  /**
   * Writes the tag and the state.
   *
   * @param jellier Where to write.
   */
  jellyFor(jellier: Jellier): void {
    const perspective = perspectiveOf(jellier);
    const tag = this.getTypeToCopyFor(perspective);
    const state = this.getStateToCopyFor(perspective);
    jellier.prepare(this);
    jellier.tagged(tag, state);
  }

  /**
   * Sets the received state: every entry becomes a field, unless overridden; a `message` that is
   * not a string is ignored.
   *
   * @param state The state; null counts as empty.
   * @throws {JellyError} If the state is not a dictionary, or names a method of the class.
   */
  setCopyableState(state: unknown): void {
    const { message, ...fields } = objectOf(stateEntries(state, this));
    applyState(this, fields);
    if (typeof message !== "string") return;
    Object.defineProperty(this, "message", { value: message, configurable: true, writable: true });
  }

  /**
   * Reads the state.
   *
   * @param unjellier Reads the whole value.
   * @param list What follows the tag.
   * @returns This object.
   */
  unjellyFor(unjellier: Unjellier, list: JellyList): unknown {
    unjellier.created(this);
    this.setCopyableState(list.next());
    return this;
  }
}

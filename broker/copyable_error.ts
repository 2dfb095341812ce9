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
} from "../jelly/mod.ts";
import { objectOf, stateEntries } from "../jelly/state.ts";
import { classOf } from "./error_names.ts";
import { PBError } from "./errors.ts";
import { errorState } from "./failure.ts";
import { perspectiveOf } from "./invoker.ts";

/**
 * An error that arrives as an object of its own class, with its fields.
 *
 * Any other error arrives with its name and message only. Give the class a
 * static `jellyName`, which Python knows as the full name of its class, and register it where it is
 * received: `setUnjellyableForClass(OutOfStock, OutOfStock)`, or on the registry of the connection.
 * Where it is not registered, the call fails with `InsecureJelly` instead.
 *
 * A peer in Python has a class that is a `pb.Error` and `pb.Copyable`, or `pb.RemoteCopy`, or both. It
 * sends no `message`, since Python's errors have no such field: the class here may make one of its
 * fields in `setCopyableState`.
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
   * Gives the state to send: the message and the error's own fields, unless overridden.
   *
   * @returns Any value; a plain object as a rule.
   */
  getStateToCopy(): unknown {
    return errorState(this);
  }

  /**
   * Gives the state to send to somebody: that for all, unless overridden.
   *
   * @param _perspective On whose behalf the error is sent, or null.
   * @returns Any value; a plain object as a rule.
   */
  getStateToCopyFor(_perspective: object | null): unknown {
    return this.getStateToCopy();
  }

  /**
   * Gives the tag to send: the name of the class, unless overridden.
   *
   * @returns The tag.
   */
  getTypeToCopy(): string {
    return jellyNameOf(classOf(this) as AnyClass);
  }

  /**
   * Gives the tag to send to somebody: that for all, unless overridden.
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
   * Takes the received state: every entry becomes a field, unless overridden; a `message` that is
   * no text is left out.
   *
   * @param state The state; null counts as empty.
   * @throws {JellyError} If the state is no dictionary, or names a method of the class.
   */
  setCopyableState(state: unknown): void {
    const { message, ...fields } = objectOf(stateEntries(state));
    applyState(this, fields);
    if (typeof message !== "string") return;
    Object.defineProperty(this, "message", { value: message, configurable: true, writable: true });
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
    this.setCopyableState(list.next());
    return this;
  }
}

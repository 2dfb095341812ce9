/**
 * The value that stands where something could not be sent.
 *
 * @module
 */

/**
 * What arrives in place of an object that its sender could not or would not send.
 *
 * Twisted's jelly puts an `unpersistable` where an instance of a class is not allowed by its
 * security options; the rest of the message arrives whole. The object is frozen.
 *
 * @example Telling a hole from a value
 * ```ts
 * import { Unpersistable } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * const received: unknown = new Unpersistable("instance of class shop.Till deemed insecure");
 * if (received instanceof Unpersistable) {
 *   assertEquals(received.reason, "instance of class shop.Till deemed insecure");
 * }
 * ```
 */
export class Unpersistable {
  /** Why the sender could not send the object, in its own words. */
  readonly reason: string;

  /**
   * Creates the stand-in.
   *
   * @param reason Why the object is missing.
   */
  constructor(reason: string) {
    this.reason = reason;
    Object.freeze(this);
  }

  /** Gives the name of the class and the reason. */
  toString(): string {
    return `Unpersistable: ${this.reason}`;
  }
}

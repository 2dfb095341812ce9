/**
 * The value that takes the place of something that could not be sent.
 *
 * @module
 */

/**
 * What arrives in place of an object that its sender could not or would not send.
 *
 * Twisted's jelly sends an `unpersistable` in place of an instance whose class its security options
 * do not allow; the rest of the message arrives intact. The object is frozen.
 *
 * @example Telling a missing object from a value
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

  /** Returns the name of the class and the reason. */
  toString(): string {
    return `Unpersistable: ${this.reason}`;
  }
}

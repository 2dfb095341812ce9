/**
 * A limit on the objects that a connection may hold, and what happens when it is exceeded.
 *
 * @module
 */

import { LimitError } from "../errors/errors.ts";
import type { Faults } from "../link/faults.ts";

/**
 * Number of attempts to exceed a limit that are merely refused; the next one closes the connection.
 */
const PATIENCE = 3;

/**
 * A limit on objects.
 *
 * An attempt to exceed it simply fails. A peer that tries a fourth time is beyond hope, as in
 * Twisted: the connection is to be closed.
 */
export class ObjectLimit {
  /** Maximum number of objects. */
  readonly max: number;
  readonly #name: string;
  readonly #faults: Faults;
  #violations = 0;

  /**
   * Creates a limit that nothing has tried to exceed.
   *
   * @param name Name of the option.
   * @param max Its value.
   * @param faults Closes the connection.
   */
  constructor(name: string, max: number, faults: Faults) {
    this.max = max;
    this.#name = name;
    this.#faults = faults;
  }

  /**
   * Counts an attempt to exceed the limit.
   *
   * @param fact What was exceeded, in Twisted's words.
   * @returns The error to throw.
   */
  exceeded(fact: string): LimitError {
    const isHopeless = ++this.#violations > PATIENCE;
    const error = new LimitError(this.#name, `${fact} exceeded.${isHopeless ? "  Goodbye." : ""}`);
    if (isHopeless) this.#faults.dismiss(error);
    return error;
  }
}

/**
 * How many objects a connection may hold, and what happens when it wants more.
 *
 * @module
 */

import type { Faults } from "./broker_hooks.ts";
import { LimitError } from "./errors.ts";

/** So many attempts to pass a limit are refused one by one; the next one closes the connection. */
const PATIENCE = 3;

/**
 * A limit on objects.
 *
 * An attempt to pass it fails alone. Who tries a fourth time is past hope, as in Twisted: then the
 * connection is to be closed.
 */
export class ObjectLimit {
  /** Most objects. */
  readonly max: number;
  readonly #name: string;
  readonly #faults: Faults;
  #violations = 0;

  /**
   * Creates a limit that nobody has tried to pass.
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
   * Counts an attempt to pass the limit.
   *
   * @param fact What was exceeded, as Twisted says it.
   * @returns The error to throw.
   */
  exceeded(fact: string): LimitError {
    const isHopeless = ++this.#violations > PATIENCE;
    const error = new LimitError(this.#name, `${fact} exceeded.${isHopeless ? "  Goodbye." : ""}`);
    if (isHopeless) this.#faults.dismiss(error);
    return error;
  }
}

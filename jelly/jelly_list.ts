/**
 * The items after a tag, as a rule reads them.
 *
 * @module
 */

import { JellyError } from "./errors.ts";
import type { Sexp } from "./banana/sexp.ts";
import type { Source } from "./source.ts";

/** The items of a list after its tag, which a rule reads one by one. */
export interface JellyList {
  /** Number of items left. */
  readonly length: number;
  /**
   * Reads the next item as a value.
   *
   * @returns The value.
   * @throws {JellyError} If no item is left.
   */
  next(): unknown;
  /**
   * Reads the next item as it stands, as an s-expression.
   *
   * @returns The item.
   * @throws {JellyError} If no item is left.
   */
  nextSexp(): Sexp;
}

/** The items that a source is about to read. */
export class SourceList implements JellyList {
  /** Number of items left. */
  length: number;
  readonly #source: Source;
  readonly #unjelly: () => unknown;

  /**
   * Creates a list.
   *
   * @param source The source, positioned before the items.
   * @param length Number of items.
   * @param unjelly Reads one item as a value.
   */
  constructor(source: Source, length: number, unjelly: () => unknown) {
    this.#source = source;
    this.length = length;
    this.#unjelly = unjelly;
  }

  /**
   * Reads the next item as a value.
   *
   * @returns The value.
   */
  next(): unknown {
    this.#take();
    return this.#unjelly();
  }

  /**
   * Reads the next item as an s-expression.
   *
   * @returns The item.
   */
  nextSexp(): Sexp {
    this.#take();
    return this.#source.sexp();
  }

  /** Skips the items that are left. */
  finish(): void {
    for (; this.length !== 0; this.length--) this.#source.skip();
  }

  #take(): void {
    if (this.length === 0) throw new JellyError("Cannot read value: a list is too short");
    this.length--;
  }
}

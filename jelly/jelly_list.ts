/**
 * What follows a tag, for a rule to read.
 *
 * @module
 */

import { JellyError } from "./errors.ts";
import type { Sexp } from "./sexp.ts";
import type { Source } from "./source.ts";

/**
 * The items of a list behind its tag, read one after the other by a rule.
 */
export interface JellyList {
  /** How many items are left. */
  readonly length: number;
  /**
   * Reads the next item as a value.
   *
   * @returns The value.
   * @throws {JellyError} If there is none.
   */
  next(): unknown;
  /**
   * Reads the next item as it stands, as an s-expression.
   *
   * @returns The item.
   * @throws {JellyError} If there is none.
   */
  nextSexp(): Sexp;
}

/** The items that a source stands before. */
export class SourceList implements JellyList {
  /** How many items are left. */
  length: number;
  readonly #source: Source;
  readonly #unjelly: () => unknown;

  /**
   * Creates a list.
   *
   * @param source Stands before the items.
   * @param length How many there are.
   * @param unjelly Reads one as a value.
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

  /** Passes over what is left. */
  finish(): void {
    for (; this.length !== 0; this.length--) this.#source.skip();
  }

  #take(): void {
    if (this.length === 0) throw new JellyError("Cannot read value: a list is too short");
    this.length--;
  }
}

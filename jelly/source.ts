/**
 * Where the unjellier reads: bytes or a tree.
 *
 * @module
 */

import type { Sexp } from "./sexp.ts";

/** What the next element is; the values are the type bytes of banana. */
export type ElementType = number;

/**
 * Gives the elements of one expression, from the outside in.
 *
 * Two sources exist: `BananaReader` (bytes that a scanner has passed) and
 * `TreeSource` (s-expressions); the unjellier makes the same calls to both.
 */
export interface Source {
  /** Items of the list that was entered last. */
  readonly count: number;
  /**
   * Goes to the next element.
   *
   * @returns `LIST` (its items follow; see {@linkcode Source.count}), `STRING`
   * or `VOCAB` (a byte string), `FLOAT`, or another type byte for an integer.
   */
  next(): ElementType;
  /** Reads the integer that `next` found: a number if it is safe, else a bigint. */
  integer(): number | bigint;
  /** Reads the float that `next` found. */
  float(): number;
  /**
   * Counts values that take much more memory than their bytes do.
   *
   * @param count How many; one unless given.
   * @throws {BananaError} If there are too many.
   */
  heavy(count?: number): void;
  /** Reads the byte string that `next` found, as a copy; it counts as heavy. */
  bytes(): Uint8Array;
  /** Reads the byte string that `next` found, as UTF-8. */
  text(): string;
  /** The same, for a text that likely came before: a key or a name. */
  name(): string;
  /**
   * Goes to the next element, which must be a byte string, and reads it as a tag.
   *
   * @returns The number of a known word, else the text; undefined if the
   * element is no byte string.
   */
  tag(): number | string | undefined;
  /** Goes to the next element and reads it as a tree. */
  sexp(): Sexp;
  /**
   * Goes past the head of a dictionary's pair, as far as its value, if the source knows it at a glance.
   *
   * @returns The key, a text; undefined if the head must be read element by element.
   */
  knownKey(): string | undefined;
  /**
   * Reads what is behind the beginning of a list of two, if the source sees at a glance that it is a text.
   *
   * @returns The text; undefined if the list must be read element by element.
   */
  shortText(): string | undefined;
  /**
   * Passes over the next element, with all that is in it.
   */
  skip(): void;
}

/**
 * What the unjellier reads from: bytes or a tree.
 *
 * @module
 */

import type { Sexp } from "./banana/sexp.ts";

/** The kind of an element; the values are the type bytes of banana. */
export type ElementType = number;

/**
 * Provides the elements of one expression, from the outside in.
 *
 * There are two sources: `BananaReader` (bytes that a scanner has checked) and `TreeSource`
 * (s-expressions); the unjellier makes the same calls to both.
 */
export interface Source {
  /** Number of items in the list that was entered last. */
  readonly count: number;
  /**
   * Advances to the next element.
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
   * @param count How many. Defaults to 1.
   * @throws {BananaError} If there are too many.
   */
  heavy(count?: number): void;
  /** Reads the byte string that `next` found, as a copy; it counts as heavy. */
  bytes(): Uint8Array;
  /** Reads the byte string that `next` found, as UTF-8. */
  text(): string;
  /**
   * Reads the byte string that `next` found, as UTF-8; for a text that has probably occurred
   * before, such as a key or a name.
   */
  name(): string;
  /**
   * Advances to the next element and reads it as a tag.
   *
   * @returns The number of a known word, or else the text; undefined if the element is not a byte
   * string.
   */
  tag(): number | string | undefined;
  /** Advances to the next element and reads it as a tree. */
  sexp(): Sexp;
  /**
   * Skips the head of a dictionary pair, up to its value, if the source recognizes it at a glance.
   *
   * @returns The key; undefined if the head must be read element by element.
   */
  knownKey(): string | undefined;
  /**
   * Reads the items of a list of two that was just entered, if the source recognizes at a glance
   * that the list is a text value.
   *
   * @returns The text; undefined if the list must be read element by element.
   */
  shortText(): string | undefined;
  /** Skips the next element and everything in it. */
  skip(): void;
}

/**
 * S-expressions: the tree form of what banana carries and jelly makes.
 *
 * @module
 */

import { Float } from "../values/float.ts";

/**
 * An s-expression, as a tree of JavaScript values.
 *
 * - A safe integer (other than -0) is an int; so is every `bigint`.
 * - Any other number is a float: -0, NaN, the infinities, fractions, integers beyond 2^53.
 * - A {@linkcode Float} is a float whatever its value, so that 1.0 stays a float.
 * - Bytes are atoms and byte strings. There is no type for text: jelly sends it as UTF-8 inside
 *   `["unicode", bytes]`.
 * - An array is a list.
 */
export type Sexp = number | bigint | Float | Uint8Array | readonly Sexp[];

/**
 * Returns whether a value is an int by the rules of {@linkcode Sexp}.
 *
 * @param value Any value.
 * @returns True for a safe integer other than -0.
 */
export function isInt(value: unknown): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

/**
 * Returns the atom for a float.
 *
 * @param value Any number.
 * @returns The number, as a {@linkcode Float} if it would otherwise be taken for an int.
 */
export function floatAtom(value: number): number | Float {
  return isInt(value) ? new Float(value) : value;
}

/**
 * Returns the bytes of an atom, such as the tag of a list.
 *
 * @example A list by hand
 * ```ts
 * import { atom, type Sexp } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * const yes: Sexp = [atom("boolean"), atom("true")];
 * assertEquals(yes[1], Uint8Array.of(0x74, 0x72, 0x75, 0x65));
 * ```
 *
 * @param text Any text; a lone surrogate becomes U+FFFD.
 * @returns The text in UTF-8, in a new array.
 */
export function atom(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/**
 * Returns whether an s-expression is a list.
 *
 * `Array.isArray` does the same, but TypeScript does not use it to narrow read-only arrays.
 *
 * @example Walking a tree
 * ```ts
 * import { atom, isList, type Sexp } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * function count(sexp: Sexp): number {
 *   return isList(sexp) ? sexp.reduce<number>((sum, item) => sum + count(item), 0) : 1;
 * }
 * assertEquals(count([atom("list"), 1, [2, 3]]), 4);
 * ```
 *
 * @param sexp Any s-expression.
 * @returns True for a list, false for a number or bytes.
 */
export function isList(sexp: Sexp): sexp is readonly Sexp[] {
  return Array.isArray(sexp);
}

/**
 * Reads elements from a tree.
 *
 * @module
 */

import { BananaError } from "./banana/errors.ts";
import { HeavyCount } from "./banana/heavy_count.ts";
import { type BananaLimits, DEFAULT_LIMITS } from "./banana/limits.ts";
import { FLOAT, INT, LIST, STRING, wordNumber } from "./banana/tokens.ts";
import { utf8 } from "./banana/utf8.ts";
import { isInt, type Sexp } from "./banana/sexp.ts";
import type { ElementType, Source } from "./source.ts";
import { Float } from "./values/float.ts";

/** A list that is being read. */
interface OpenList {
  readonly items: readonly Sexp[];
  index: number;
}

/**
 * A source that reads an s-expression.
 *
 * @example
 * ```ts
 * import { atom, TreeSource } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * const source = new TreeSource([atom("decref"), 7]);
 * source.next();
 * assertEquals(source.count, 2);
 * source.next();
 * assertEquals(source.text(), "decref");
 * ```
 */
export class TreeSource implements Source {
  /** Number of items in the list that was entered last. */
  count = 0;
  #open: OpenList[] = [];
  #list: OpenList;
  #item: Sexp = 0;
  readonly #heavy: HeavyCount;

  /**
   * Creates a source; unless the program built the tree itself, it must have passed
   * {@linkcode checkTree}.
   *
   * @param sexp The tree.
   * @param limits Limits, of which only the one that `checkTree` cannot check is used: see
   * {@linkcode TreeSource.heavy}.
   */
  constructor(sexp: Sexp, limits: BananaLimits = DEFAULT_LIMITS) {
    this.#list = { items: [sexp], index: 0 };
    this.#heavy = new HeavyCount("read", limits);
  }

  /**
   * Advances to the next element.
   *
   * @returns What it is.
   */
  next(): ElementType {
    while (this.#list.index === this.#list.items.length) this.#list = this.#open.pop()!;
    const item = this.#item = this.#list.items[this.#list.index++]!;
    if (Array.isArray(item)) {
      this.count = item.length;
      this.#open.push(this.#list);
      this.#list = { items: item, index: 0 };
      return LIST;
    }
    if (item instanceof Uint8Array) return STRING;
    if (item instanceof Float) return FLOAT;
    return typeof item === "bigint" || isInt(item) ? INT : FLOAT;
  }

  /**
   * Reads the integer that was found.
   *
   * @returns A number if it is safe, else a bigint.
   */
  integer(): number | bigint {
    const number = Number(this.#item);
    return Number.isSafeInteger(number) ? number : this.#item as bigint;
  }

  /**
   * Reads the float that was found.
   *
   * @returns The number.
   */
  float(): number {
    return Number(this.#item);
  }

  /**
   * Reads the byte string that was found.
   *
   * @returns A copy.
   * @throws {BananaError} If there are too many.
   */
  bytes(): Uint8Array {
    this.heavy();
    return (this.#item as Uint8Array).slice();
  }

  /**
   * Counts values that take much memory.
   *
   * @param count How many. Defaults to 1.
   * @throws {BananaError} If there are too many: more than an eighth of `maxElements`.
   */
  heavy(count?: number): void {
    this.#heavy.add(count);
  }

  /**
   * Reads the byte string that was found as UTF-8.
   *
   * @returns The text.
   * @throws {BananaError} If the bytes are not UTF-8.
   */
  text(): string {
    const bytes = this.#item as Uint8Array;
    return utf8(bytes, 0, bytes.length);
  }

  /**
   * Reads the byte string that was found as UTF-8.
   *
   * @returns The text.
   * @throws {BananaError} If the bytes are not UTF-8.
   */
  name(): string {
    return this.text();
  }

  /**
   * Advances to the next element and reads it as a tag.
   *
   * @returns The number of a known word, or else the text; undefined if it is not a byte string.
   * @throws {BananaError} If the bytes are not UTF-8.
   */
  tag(): number | string | undefined {
    if (this.next() !== STRING) return undefined;
    const text = this.text();
    return wordNumber(text) ?? text;
  }

  /**
   * Advances to the next element and reads it as a tree.
   *
   * @returns The element itself.
   */
  sexp(): Sexp {
    if (this.next() === LIST) this.#list = this.#open.pop()!;
    return this.#item;
  }

  /**
   * Recognizes no pair at a glance.
   *
   * @returns Always undefined.
   */
  knownKey(): undefined {}

  /**
   * Recognizes no text at a glance.
   *
   * @returns Always undefined.
   */
  shortText(): undefined {}

  /** Skips the next element and everything in it. */
  skip(): void {
    this.sexp();
  }
}

/**
 * Checks a tree as a scanner checks bytes: kinds, depth, counts. It does not recurse, so no tree is
 * too deep for it; a tree that contains itself is refused as too deep.
 *
 * @param sexp The tree.
 * @param limits The limits, which apply to strings and lists as they would on the wire.
 * @throws {BananaError} If a part is not an s-expression, or a limit is exceeded.
 */
export function checkTree(sexp: Sexp, limits: BananaLimits): void {
  const open: OpenList[] = [];
  let list: OpenList = { items: [sexp], index: 0 };
  for (let elements = 1;; elements++) {
    while (list.index === list.items.length) {
      const outer = open.pop();
      if (outer === undefined) return;
      list = outer;
    }
    const item: unknown = list.items[list.index++];
    if (elements > limits.maxElements) refuse("maxElements", limits);
    if (Array.isArray(item)) {
      if (item.length > limits.maxListItems) refuse("maxListItems", limits);
      if (open.length === limits.maxDepth) refuse("maxDepth", limits);
      open.push(list);
      list = { items: item, index: 0 };
    } else if (item instanceof Uint8Array) {
      if (item.length > limits.maxStringBytes) refuse("maxStringBytes", limits);
    } else if (!(typeof item === "number" || typeof item === "bigint" || item instanceof Float)) {
      throw new BananaError(`Cannot read tree: it has a part of type ${typeof item}`);
    }
  }
}

function refuse(limit: keyof BananaLimits, limits: BananaLimits): never {
  throw new BananaError(`Cannot read tree: the limit is ${limits[limit]} (${limit})`, { limit });
}

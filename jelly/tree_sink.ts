/**
 * Writes elements as a tree.
 *
 * @module
 */

import { BananaError } from "./banana/errors.ts";
import { type BananaLimits, DEFAULT_LIMITS } from "./banana/limits.ts";
import { checkInteger, checkList, checkReceived, checkString } from "./banana/outgoing.ts";
import { WORD, WORDS } from "./banana/tokens.ts";
import { atom, floatAtom, type Sexp } from "./banana/sexp.ts";
import type { Mark, Sink, Wrap } from "./sink.ts";
import { checkTree } from "./tree_source.ts";

/** A list that is being filled. */
interface OpenList {
  readonly items: Sexp[];
  left: number;
}

/**
 * A sink that builds an s-expression.
 *
 * @example
 * ```ts
 * import { atom, TreeSink } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * const sink = new TreeSink();
 * sink.list(2);
 * sink.atom("decref");
 * sink.integer(7);
 * assertEquals(sink.result(), [atom("decref"), 7]);
 * ```
 */
export class TreeSink implements Sink {
  /** Holds the whole expression as its only item. */
  readonly #root: Sexp[] = [];
  readonly #open: OpenList[] = [];
  #list: OpenList = { items: this.#root, left: 1 };
  /** The list that holds each element and its index there, by the element's mark. */
  readonly #places: { items: Sexp[]; index: number }[] = [];
  readonly #limits: BananaLimits;

  /**
   * Creates an empty sink.
   *
   * @param limits Limits, which apply as they would on the wire; see {@linkcode BananaLimits} for
   * the defaults.
   */
  constructor(limits: BananaLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** The place of the next element; reading this property records the place. */
  get mark(): Mark {
    const { items } = this.#list;
    return this.#places.push({ items, index: items.length }) - 1;
  }

  /**
   * Begins a list.
   *
   * @param length How many items follow.
   * @throws {BananaError} If the list is too long.
   */
  list(length: number): void {
    checkList(length, this.#limits);
    const items: Sexp[] = [];
    this.#put(items);
    if (length === 0) return;
    this.#open.push(this.#list);
    this.#list = { items, left: length };
  }

  /**
   * Begins a list with a known word.
   *
   * @param word Its number in `WORDS`.
   * @param items How many items follow the word.
   * @throws {BananaError} If the list is too long.
   */
  tagged(word: number, items: number): void {
    this.list(1 + items);
    this.word(word);
  }

  /**
   * Writes an integer.
   *
   * @param value A safe integer or a bigint; a bigint that is safe becomes a number.
   * @throws {BananaError} If the integer is too large.
   */
  integer(value: number | bigint): void {
    if (typeof value === "bigint") checkInteger(value, this.#limits);
    const number = Number(value);
    this.#put(Number.isSafeInteger(number) ? number : value);
  }

  /**
   * Writes a float.
   *
   * @param value Any number.
   */
  float(value: number): void {
    this.#put(floatAtom(value));
  }

  /**
   * Writes a byte string.
   *
   * @param value The bytes; they are copied.
   * @throws {BananaError} If the string is too long.
   */
  bytes(value: Uint8Array): void {
    checkString(value.length, this.#limits);
    this.#put(value.slice());
  }

  /**
   * Writes a text as a byte string.
   *
   * @param text The text.
   * @throws {BananaError} If the text is too long or has a lone surrogate.
   */
  atom(text: string): void {
    checkString(text.length, this.#limits);
    if (!text.isWellFormed()) {
      throw new BananaError("Cannot send text as UTF-8: it has a lone surrogate");
    }
    const bytes = atom(text);
    checkString(bytes.length, this.#limits);
    this.#put(bytes);
  }

  /**
   * Writes a known word.
   *
   * @param number Its number in `WORDS`.
   */
  word(number: number): void {
    this.#put(atom(WORDS[number]!));
  }

  /**
   * Writes a text value.
   *
   * @param value The text.
   * @throws {BananaError} If the text is too long or has a lone surrogate.
   */
  text(value: string): void {
    this.list(2);
    this.word(WORD.unicode);
    this.atom(value);
  }

  /**
   * Writes the beginning of a dictionary pair.
   *
   * @param key The key.
   * @throws {BananaError} If the key is too long or has a lone surrogate.
   */
  pair(key: string): void {
    this.list(2);
    this.text(key);
  }

  /**
   * Wraps elements as references.
   *
   * @param wraps The elements by their marks.
   */
  wrap(wraps: Wrap[]): void {
    for (const { mark, id } of wraps) {
      const { items, index } = this.#places[mark]!;
      items[index] = [atom("reference"), id, items[index]!];
    }
  }

  /**
   * Checks what is known only at the end: how deep the lists are, and how many elements there are.
   *
   * @throws {BananaError} If a limit is exceeded.
   */
  check(): void {
    checkReceived(() => checkTree(this.result(), this.#limits));
  }

  /**
   * Returns the expression.
   *
   * @returns What was written.
   */
  result(): Sexp {
    return this.#root[0]!;
  }

  #put(item: Sexp): void {
    this.#list.items.push(item);
    this.#list.left--;
    // A list that is full is closed at once, even if this last item is a list still to be filled.
    while (this.#list.left === 0 && this.#open.length !== 0) this.#list = this.#open.pop()!;
  }
}

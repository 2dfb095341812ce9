/**
 * Reads elements from banana bytes.
 *
 * @module
 */

import type { Sexp } from "../sexp.ts";
import { Float } from "../values/float.ts";
import { NameCache } from "./name_cache.ts";
import { FLOAT, LIST, LONGNEG, NEG, STRING, VOCAB, WORD, wordNumber, WORDS } from "./tokens.ts";
import { utf8 } from "./utf8.ts";

const encoder = new TextEncoder();

/** Prefixes of up to seven bytes are safe integers. */
const SAFE_BYTES = 7;

/**
 * A cursor over one whole expression.
 *
 * The bytes must have passed a `BananaScanner`: the reader trusts every
 * length, and does not look where the bytes end.
 *
 * @example
 * ```ts
 * import { BananaReader } from "@perspective/broker/jelly/banana";
 * import { assertEquals } from "@std/assert";
 *
 * const reader = new BananaReader();
 * reader.reset(Uint8Array.of(2, 0x80, 19, 0x87, 6, 0x81), 0);
 * assertEquals(reader.sexp(), [new TextEncoder().encode("version"), 6]);
 * ```
 */
export class BananaReader {
  /** Items of the list that was entered last; bytes of the string that was found last. */
  count = 0;
  readonly #names: NameCache;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView | undefined;
  #at = 0;
  #type = 0;
  /** Where the prefix of the current element begins. */
  #from = 0;

  /**
   * Creates a reader of nothing.
   *
   * @param names Texts that are known already; may be shared with other readers.
   */
  constructor(names: NameCache = new NameCache()) {
    this.#names = names;
  }

  /** Where the next element begins. */
  get position(): number {
    return this.#at;
  }

  /**
   * Goes to the beginning of an expression.
   *
   * @param bytes Where the bytes are; they must stay as they are while they are read.
   * @param at Where the expression begins.
   */
  reset(bytes: Uint8Array, at: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = undefined;
    }
    this.#at = at;
  }

  /** Lets go of the bytes. */
  release(): void {
    this.reset(NO_BYTES, 0);
  }

  /**
   * Goes to the next element.
   *
   * @returns Its type byte.
   */
  next(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    this.#from = at;
    let byte = bytes[at++]!;
    let prefix = 0;
    if (byte < LIST) {
      prefix = byte;
      byte = bytes[at++]!;
      for (let factor = 128; byte < LIST; factor *= 128) {
        prefix += byte * factor;
        byte = bytes[at++]!;
      }
    }
    this.count = prefix;
    this.#at = at;
    return this.#type = byte;
  }

  /**
   * Reads the integer that was found.
   *
   * @returns A number if it is a safe integer, else a bigint.
   */
  integer(): number | bigint {
    const negative = this.#type === NEG || this.#type === LONGNEG;
    if (this.#at - this.#from <= SAFE_BYTES + 1) {
      return negative && this.count !== 0 ? -this.count : this.count;
    }
    const digits: string[] = [];
    for (let at = this.#at - 2; at >= this.#from; at--) {
      digits.push(this.#bytes[at]!.toString(2).padStart(7, "0"));
    }
    const value = BigInt(`0b${digits.join("")}`);
    const signed = negative ? -value : value;
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  /**
   * Reads the float that was found.
   *
   * @returns The number.
   */
  float(): number {
    const view = this.#view ??= new DataView(this.#bytes.buffer, this.#bytes.byteOffset);
    const value = view.getFloat64(this.#at);
    this.#at += 8;
    return value;
  }

  /**
   * Reads the byte string that was found.
   *
   * @returns A copy of the bytes.
   */
  bytes(): Uint8Array {
    if (this.#type === VOCAB) return encoder.encode(WORDS[this.count]);
    const from = this.#at;
    return this.#bytes.slice(from, this.#at = from + this.count);
  }

  /**
   * Reads the byte string that was found as UTF-8.
   *
   * @returns The text.
   * @throws {BananaError} If the bytes are not UTF-8.
   */
  text(): string {
    if (this.#type === VOCAB) return WORDS[this.count]!;
    const from = this.#at;
    return utf8(this.#bytes, from, this.#at = from + this.count);
  }

  /**
   * Reads the byte string that was found as UTF-8, from memory if it came before.
   *
   * @returns The text.
   * @throws {BananaError} If the bytes are not UTF-8.
   */
  name(): string {
    if (this.#type === VOCAB) return WORDS[this.count]!;
    const from = this.#at;
    return this.#names.text(this.#bytes, from, this.#at = from + this.count);
  }

  /**
   * Goes to the next element and reads it as a tag.
   *
   * @returns The number of a known word, else the text; undefined if it is no byte string.
   * @throws {BananaError} If the bytes are not UTF-8.
   */
  tag(): number | string | undefined {
    switch (this.next()) {
      case VOCAB:
        return this.count;
      case STRING: {
        const bytes = this.#bytes;
        const at = this.#at;
        // Every text value has this tag, and the vocabulary lacks it.
        if (
          this.count === 7 && bytes[at] === 0x75 && bytes[at + 1] === 0x6e &&
          bytes[at + 2] === 0x69 && bytes[at + 3] === 0x63 && bytes[at + 4] === 0x6f &&
          bytes[at + 5] === 0x64 && bytes[at + 6] === 0x65
        ) {
          this.#at = at + 7;
          return WORD.unicode;
        }
        const name = this.name();
        return wordNumber(name) ?? name;
      }
      default:
        return undefined;
    }
  }

  /**
   * Goes to the next element and reads it as a tree.
   *
   * @returns An s-expression.
   */
  sexp(): Sexp {
    switch (this.next()) {
      case LIST: {
        const items: Sexp[] = [];
        for (let left = this.count; left !== 0; left--) items.push(this.sexp());
        return items;
      }
      case STRING:
      case VOCAB:
        return this.bytes();
      case FLOAT: {
        const value = this.float();
        return Number.isSafeInteger(value) && !Object.is(value, -0) ? new Float(value) : value;
      }
      default:
        return this.integer();
    }
  }

  /**
   * Passes over the next element.
   *
   * @returns How many elements that were, with all that is in it.
   */
  skip(): number {
    let passed = 0;
    for (let left = 1; left !== 0; left--) {
      passed++;
      switch (this.next()) {
        case LIST:
          left += this.count;
          break;
        case STRING:
          this.#at += this.count;
          break;
        case FLOAT:
          this.#at += 8;
          break;
      }
    }
    return passed;
  }

  /**
   * Remembers the place before the next element, to look ahead from it.
   *
   * @returns The place.
   */
  save(): number {
    return this.#at;
  }

  /**
   * Goes back to a remembered place.
   *
   * @param place The place.
   */
  restore(place: number): void {
    this.#at = place;
  }
}

const NO_BYTES = new Uint8Array(0);

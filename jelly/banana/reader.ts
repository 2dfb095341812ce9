/**
 * Reads elements from banana bytes.
 *
 * @module
 */

import { floatAtom, type Sexp } from "./sexp.ts";
import { HeavyCount } from "./heavy_count.ts";
import { isPairHead, isTextTag, PAIR_HEAD_BYTES, TEXT_TAG_BYTES, viewOf } from "./heads.ts";
import { type BananaLimits, DEFAULT_LIMITS } from "./limits.ts";
import { NameCache } from "./name_cache.ts";
import { bigPrefixValue, prefixValue } from "./prefix.ts";
import { FLOAT, LIST, LONGNEG, NEG, STRING, VOCAB, WORD, wordNumber, WORDS } from "./tokens.ts";
import { utf8 } from "./utf8.ts";

const encoder = new TextEncoder();

const NOWHERE = -1;

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = viewOf(NO_BYTES);

/**
 * A cursor over one whole expression.
 *
 * The bytes must have passed a `BananaScanner`: the reader trusts every length, and does not check
 * where the bytes end.
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
  /** Number of items in the list that was entered last, or of bytes in the string found last. */
  count = 0;
  readonly #names: NameCache;
  readonly #heavy: HeavyCount;
  #bytes: Uint8Array = NO_BYTES;
  #view: DataView = NO_VIEW;
  #at = 0;
  /** Where the expression begins. */
  #start = 0;
  #type = 0;
  /** Where the prefix of the current element begins, if it is a long one. */
  #from = 0;
  /** Where the pair whose key is being read begins, and where the key itself begins. */
  #pair = NOWHERE;
  #key = NOWHERE;

  /**
   * Creates a reader of nothing.
   *
   * @param names A cache of known texts; may be shared with other readers.
   * @param limits Limits, of which only the one that scanners cannot check is used: see
   * {@linkcode BananaReader.heavy}.
   */
  constructor(names: NameCache = new NameCache(), limits: BananaLimits = DEFAULT_LIMITS) {
    this.#names = names;
    this.#heavy = new HeavyCount("read", limits);
  }

  /** Size in bytes of the buffer to read from; 0 once it is released. */
  get size(): number {
    return this.#bytes.length;
  }

  /**
   * Moves to the beginning of an expression.
   *
   * @param bytes The buffer that holds the bytes; they must not change while they are read.
   * @param at Where the expression begins.
   */
  reset(bytes: Uint8Array, at: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = viewOf(bytes);
    }
    this.#at = this.#start = at;
    this.#key = NOWHERE;
    this.#heavy.reset();
  }

  /**
   * How far the buffer was read.
   *
   * @internal
   */
  get position(): number {
    return this.#at;
  }

  /**
   * Moves back to the beginning of the expression.
   *
   * @internal
   */
  restart(): void {
    this.reset(this.#bytes, this.#start);
  }

  /** Releases the bytes. */
  release(): void {
    this.#bytes = NO_BYTES;
    this.#view = NO_VIEW;
    this.#at = 0;
  }

  /**
   * Advances to the next element.
   *
   * @returns Its type byte.
   */
  next(): number {
    const bytes = this.#bytes;
    const at = this.#at;
    let type = bytes[at]!;
    if (type >= LIST) {
      this.count = 0;
      this.#at = at + 1;
      return this.#type = type;
    }
    const prefix = type;
    type = bytes[at + 1]!;
    if (type < LIST) return this.#longPrefix();
    this.count = prefix;
    this.#at = at + 2;
    return this.#type = type;
  }

  /** Advances to the next element, whose prefix has more than one byte. */
  #longPrefix(): number {
    const bytes = this.#bytes;
    const from = this.#at;
    let at = from + 2;
    while (bytes[at]! < LIST) at++;
    this.count = prefixValue(bytes, from, at);
    this.#from = from;
    this.#at = at + 1;
    return this.#type = bytes[at]!;
  }

  /**
   * Reads the integer that was found.
   *
   * @returns A number if it is a safe integer, else a bigint.
   */
  integer(): number | bigint {
    const { count } = this;
    const negative = this.#type === NEG || this.#type === LONGNEG;
    if (count <= Number.MAX_SAFE_INTEGER) return negative && count !== 0 ? -count : count;
    const value = bigPrefixValue(this.#bytes, this.#from, this.#at - 1);
    return negative ? -value : value;
  }

  /**
   * Reads the float that was found.
   *
   * @returns The number.
   */
  float(): number {
    const at = this.#at;
    this.#at = at + 8;
    return this.#view.getFloat64(at);
  }

  /**
   * Reads the byte string that was found.
   *
   * @returns A copy of the bytes.
   * @throws {BananaError} If the expression has too many of them.
   */
  bytes(): Uint8Array {
    this.heavy();
    if (this.#type === VOCAB) return encoder.encode(WORDS[this.count]);
    const from = this.#at;
    return this.#bytes.slice(from, this.#at = from + this.count);
  }

  /**
   * Counts values that take much more memory than their bytes do, byte strings included.
   *
   * @param count How many. Defaults to 1.
   * @throws {BananaError} If the expression has too many of them: more than an eighth of `maxElements`.
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
    if (this.#type === VOCAB) return WORDS[this.count]!;
    return this.#textAt(this.#at, this.count);
  }

  #textAt(from: number, length: number): string {
    const to = this.#at = from + length;
    if (from !== this.#key) return utf8(this.#bytes, from, to);
    return this.#names.key(this.#bytes, this.#pair, from, to);
  }

  /**
   * Reads the items of a list of two that was just entered, if the list is a short text value.
   *
   * @returns The text, or undefined if the list must be read element by element.
   * @throws {BananaError} If the bytes are not UTF-8.
   */
  shortText(): string | undefined {
    const at = this.#at;
    if (!isTextTag(this.#view, at)) return undefined;
    const bytes = this.#bytes;
    const length = bytes[at + TEXT_TAG_BYTES]!;
    if (length >= LIST || bytes[at + TEXT_TAG_BYTES + 1] !== STRING) return undefined;
    return this.#textAt(at + TEXT_TAG_BYTES + 2, length);
  }

  /**
   * Reads the byte string that was found as UTF-8, from the cache if it occurred before.
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
   * Skips the head of a dictionary pair, if it occurred before and is expected here.
   *
   * @returns The key, or undefined if the head must be read element by element.
   */
  knownKey(): string | undefined {
    const at = this.#at;
    const known = this.#names.expected(this.#view, at);
    if (known !== undefined) {
      this.#at = at + known.length;
      return known.text;
    }
    this.#pair = at;
    const isPair = at + PAIR_HEAD_BYTES <= this.#view.byteLength && isPairHead(this.#view, at);
    this.#key = isPair ? at + PAIR_HEAD_BYTES + 2 : NOWHERE;
    return undefined;
  }

  /**
   * Advances to the next element and reads it as a tag.
   *
   * @returns The number of a known word, or else the text; undefined if it is not a byte string.
   * @throws {BananaError} If the bytes are not UTF-8.
   */
  tag(): number | string | undefined {
    // Every text value has this tag, which the vocabulary lacks.
    if (isTextTag(this.#view, this.#at)) {
      this.#at += TEXT_TAG_BYTES;
      return WORD.unicode;
    }
    switch (this.next()) {
      case VOCAB:
        return this.count;
      case STRING: {
        const name = this.name();
        return wordNumber(name) ?? name;
      }
      default:
        return undefined;
    }
  }

  /**
   * Advances to the next element and reads it as a tree.
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
      case FLOAT:
        return floatAtom(this.float());
      default:
        return this.integer();
    }
  }

  /** Skips the next element and everything in it. */
  skip(): void {
    for (let left = 1; left !== 0; left--) {
      if (this.next() === LIST) left += this.count;
      else this.pass();
    }
  }

  /**
   * Skips the payload of the atom that was found.
   *
   * @internal
   */
  pass(): void {
    if (this.#type === STRING) this.#at += this.count;
    else if (this.#type === FLOAT) this.#at += 8;
  }
}

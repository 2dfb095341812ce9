/**
 * Writes elements as banana bytes into one growing buffer.
 *
 * @module
 */

import { BananaError } from "./errors.ts";
import { PAIR_HEAD_BYTES, TEXT_HEAD_BYTES, viewOf, writePairHead, writeTextHead } from "./heads.ts";
import { type KeyCache, MAX_KEY_BYTES } from "./key_cache.ts";
import { type BananaLimits, DEFAULT_LIMITS } from "./limits.ts";
import { checkInteger, checkList, checkMessage, checkReceived, checkString } from "./outgoing.ts";
import { prefixBytes } from "./prefix.ts";
import { BananaScanner } from "./scanner.ts";
import {
  type Dialect,
  FLOAT,
  INT,
  LIST,
  LONGINT,
  LONGNEG,
  maybeVocabulary,
  NEG,
  STRING,
  VOCAB,
  VOCABULARY,
  vocabularyNumber,
  WORDS,
} from "./tokens.ts";
import { writeAscii } from "./utf8.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Up to this length, a loop over the characters is faster than a call of `encodeInto`. */
const SHORT_TEXT = 48;
/** Size of the first buffer: enough for a small call, cheap for an idle connection. */
const FIRST_BYTES = 256;
/** A type byte, and as many prefix bytes as a length or a 53-bit integer takes at most. */
const HEAD_BYTES = 9;
/** The type byte and eight bytes of a float. */
const FLOAT_BYTES = 9;

const NO_BYTES = new Uint8Array(0);

/** Options of {@linkcode BananaWriter}. */
export interface BananaWriterOptions {
  /** The dialect to begin with. Defaults to `none`. */
  dialect?: Dialect;
  /** Limits on each expression; see {@linkcode BananaLimits} for the defaults. */
  limits?: BananaLimits;
  /** A cache of encoded keys, which writers of many connections may share. Defaults to none. */
  keys?: KeyCache;
}

/**
 * A growing buffer of banana bytes.
 *
 * The buffer may hold several expressions, one after the other; each begins with
 * {@linkcode BananaWriter.begin}, and one that turns out to be impossible is discarded by
 * {@linkcode BananaWriter.cancel}. The bytes belong to the writer until
 * {@linkcode BananaWriter.take} hands them over.
 *
 * @example
 * ```ts
 * import { BananaWriter } from "@perspective/broker/jelly/banana";
 * import { assertEquals } from "@std/assert";
 *
 * const writer = new BananaWriter({ dialect: "pb" });
 * writer.begin();
 * writer.list(2);
 * writer.atom("version");
 * writer.integer(6);
 * assertEquals([...writer.written()], [2, 0x80, 19, 0x87, 6, 0x81]);
 * ```
 */
export class BananaWriter {
  readonly #limits: BananaLimits;
  /** Whether the dialect has the vocabulary. */
  #hasWords = false;
  /** Keys as encoded in dialect `pb`; and the same cache, but only while that dialect is in use. */
  readonly #allKeys: KeyCache | undefined;
  #keys: KeyCache | undefined;
  /** Up to this length, a text is written character by character. */
  readonly #shortText: number;
  #bytes: Uint8Array = NO_BYTES;
  #view: DataView = viewOf(NO_BYTES);
  /** Size of the buffer in bytes. */
  #size = 0;
  /** Where the written bytes begin, where the next byte goes, and where the expression began. */
  #from = 0;
  #at = 0;
  #start = 0;

  /**
   * Creates an empty writer.
   *
   * @param options Dialect, limits, and a cache of keys.
   */
  constructor(options: BananaWriterOptions = {}) {
    const { dialect = "none", limits = DEFAULT_LIMITS, keys } = options;
    this.#limits = limits;
    // Known keys are written without a check of their length, so none are kept if one could be too
    // long.
    this.#allKeys = limits.maxStringBytes < MAX_KEY_BYTES ? undefined : keys;
    this.#shortText = Math.min(SHORT_TEXT, limits.maxStringBytes);
    this.dialect = dialect;
  }

  /** The dialect in use; a change applies from the next expression on. */
  get dialect(): Dialect {
    return this.#hasWords ? "pb" : "none";
  }
  set dialect(dialect: Dialect) {
    this.#hasWords = dialect === "pb";
    this.#keys = this.#hasWords ? this.#allKeys : undefined;
  }

  /** Number of bytes written to the buffer. */
  get length(): number {
    return this.#at - this.#from;
  }

  /** Number of bytes that the buffer can hold before it has to grow. */
  get capacity(): number {
    return this.#size;
  }

  /** Where the next element will begin. */
  get mark(): number {
    return this.#at;
  }

  /** Begins an expression, at the place to which {@linkcode BananaWriter.cancel} returns. */
  begin(): void {
    this.#start = this.#at;
  }

  /** Discards what was written since {@linkcode BananaWriter.begin}. */
  cancel(): void {
    this.#at = this.#start;
  }

  /**
   * Ends an expression that {@linkcode BananaWriter.begin} began.
   *
   * @throws {BananaError} If it has more bytes or elements than a message may have; it stays in the
   * buffer.
   */
  end(): void {
    const length = this.#at - this.#start;
    checkMessage(length, this.#limits);
    // Every element takes at least two bytes, so there is rarely a need to count them.
    if (length > 2 * this.#limits.maxElements) this.check();
  }

  /**
   * Returns the written bytes in place.
   *
   * @returns A view that is valid until the next write.
   */
  written(): Uint8Array {
    return this.#bytes.subarray(this.#from, this.#at);
  }

  /**
   * Returns a copy of the written bytes.
   *
   * @returns A new array.
   */
  copy(): Uint8Array {
    return new Uint8Array(this.written());
  }

  /**
   * Hands over the written bytes and starts again in another buffer.
   *
   * @param spare A buffer to write to from now on. Defaults to a new one.
   * @returns The bytes; they belong to the caller.
   */
  take(spare?: Uint8Array): Uint8Array {
    const taken = this.written();
    this.#use(spare ?? NO_BYTES);
    this.clear();
    return taken;
  }

  /**
   * Discards what was written and starts again in the same buffer.
   *
   * @param headroom Number of bytes to leave free before what is written. Defaults to 0.
   */
  clear(headroom: number = 0): void {
    this.#from = headroom;
    this.#at = headroom;
    this.#start = headroom;
  }

  /**
   * Begins a list.
   *
   * @param length How many items follow.
   * @throws {BananaError} If the list is too long.
   */
  list(length: number): void {
    checkList(length, this.#limits);
    this.#head(length, LIST);
  }

  /**
   * Begins a list with a known word.
   *
   * @param word Its number in `WORDS`.
   * @param items How many items follow the word.
   * @throws {BananaError} If the list is too long.
   */
  tagged(word: number, items: number): void {
    if (items >= 127 || word >= VOCABULARY.length || !this.#hasWords) {
      this.list(1 + items);
      return this.word(word);
    }
    // Most lists begin with four bytes, which are written in one step.
    checkList(1 + items, this.#limits);
    this.#reserve(4);
    this.#view.setInt32(this.#at, 1 + items << 24 | LIST << 16 | word << 8 | VOCAB);
    this.#at += 4;
  }

  /**
   * Writes an integer.
   *
   * @param value A safe integer, or a bigint of at most 448 bits (with the default prefix limit).
   * @throws {BananaError} If the integer is too large.
   */
  integer(value: number | bigint): void {
    if (typeof value === "bigint") return this.#bigint(value);
    if (value >= 0) this.#head(value, value <= 0x7fffffff ? INT : LONGINT);
    else this.#head(-value, value >= -0x80000000 ? NEG : LONGNEG);
  }

  /**
   * Writes a float.
   *
   * @param value Any number; one with an integer value stays a float.
   */
  float(value: number): void {
    this.#reserve(FLOAT_BYTES);
    this.#bytes[this.#at] = FLOAT;
    this.#view.setFloat64(this.#at + 1, value);
    this.#at += FLOAT_BYTES;
  }

  /**
   * Writes a byte string.
   *
   * @param value The bytes; they are copied.
   * @throws {BananaError} If the string is too long.
   */
  bytes(value: Uint8Array): void {
    const { length } = value;
    if (this.#hasWords && maybeVocabulary(length, value[0] ?? 0)) {
      const number = vocabularyNumber(decoder.decode(value));
      if (number !== 0) return this.#head(number, VOCAB);
    }
    checkString(length, this.#limits);
    this.#reserve(length + HEAD_BYTES);
    this.#head(length, STRING);
    this.#bytes.set(value, this.#at);
    this.#at += length;
  }

  /**
   * Writes a text as a UTF-8 byte string.
   *
   * @param text A tag, a name, an atom.
   * @throws {BananaError} If the text is too long or has a lone surrogate.
   */
  atom(text: string): void {
    const { length } = text;
    if (this.#hasWords && length > 0 && maybeVocabulary(length, text.charCodeAt(0))) {
      const number = vocabularyNumber(text);
      if (number !== 0) return this.#head(number, VOCAB);
    }
    if (length > this.#shortText) return this.#long(text);
    this.#reserve(length + HEAD_BYTES);
    const at = this.#at;
    // A prefix of no bytes would do for the empty string, but Twisted sends a zero.
    this.#view.setInt16(at, length << 8 | STRING);
    if (!writeAscii(this.#view, at + 2, text)) return this.#long(text);
    this.#at = at + 2 + length;
  }

  /**
   * Writes a known word, without looking it up.
   *
   * @param number Its number in `WORDS`.
   */
  word(number: number): void {
    if (number < VOCABULARY.length && this.#hasWords) this.#head(number, VOCAB);
    else this.atom(WORDS[number]!);
  }

  /**
   * Writes a text value: `[unicode, UTF-8 bytes]`.
   *
   * @param value Any text without lone surrogates.
   * @throws {BananaError} If the text is too long or has a lone surrogate.
   */
  text(value: string): void {
    this.#reserve(TEXT_HEAD_BYTES);
    writeTextHead(this.#view, this.#at);
    this.#at += TEXT_HEAD_BYTES;
    this.atom(value);
  }

  /**
   * Writes the beginning of a dictionary pair with a text key.
   *
   * @param key Any text without lone surrogates.
   * @throws {BananaError} If the text is too long or has a lone surrogate.
   */
  pair(key: string): void {
    const known = this.#keys?.get(key);
    if (known === undefined) return this.#newPair(key);
    this.#reserve(known.length);
    known.write(this.#view, this.#at);
    this.#at += known.length;
  }

  /**
   * Inserts the head of a `reference` before elements that are already in the buffer.
   *
   * Everything after the first of them moves once, however many there are.
   *
   * @param wraps The elements, in any order; each begins within the expression.
   */
  wrap(wraps: { readonly mark: number; readonly id: number }[]): void {
    if (wraps.length === 0) return;
    const end = this.#at;
    const heads = new BananaWriter({ dialect: this.dialect });
    const sorted = wraps.toSorted((a, b) => a.mark - b.mark);
    const ends = sorted.map(({ id }) => {
      heads.list(3);
      heads.atom("reference");
      heads.integer(id);
      return heads.length;
    });
    this.#reserve(heads.length);
    const bytes = this.#bytes;
    let to = end + heads.length;
    let from = end;
    for (let i = sorted.length - 1; i >= 0; i--) {
      const { mark } = sorted[i]!;
      bytes.copyWithin(to - (from - mark), mark, from);
      to -= from - mark;
      from = mark;
      const head = heads.#bytes.subarray(i === 0 ? 0 : ends[i - 1]!, ends[i]!);
      bytes.set(head, to - head.length);
      to -= head.length;
    }
    this.#at = end + heads.length;
  }

  /**
   * Checks what is known only once an expression is complete: the depth of its lists and the number
   * of its elements.
   *
   * @throws {BananaError} If its receiver would refuse it.
   */
  check(): void {
    const scanner = new BananaScanner(this.#limits);
    scanner.dialect = this.dialect;
    checkReceived(() => scanner.scan(this.#bytes, this.#start, this.#at));
  }

  #newPair(key: string): void {
    const from = this.#at;
    this.#reserve(PAIR_HEAD_BYTES);
    writePairHead(this.#view, from);
    this.#at = from + PAIR_HEAD_BYTES;
    this.atom(key);
    this.#keys?.add(key, this.#bytes.subarray(from, this.#at));
  }

  /** Writes a prefix and a type byte. */
  #head(prefix: number, type: number): void {
    if (prefix > 127) return this.#longHead(prefix, type);
    this.#reserve(2);
    const at = this.#at;
    this.#bytes[at] = prefix;
    this.#bytes[at + 1] = type;
    this.#at = at + 2;
  }

  #longHead(prefix: number, type: number): void {
    this.#reserve(HEAD_BYTES);
    const bytes = this.#bytes;
    let at = this.#at;
    while (prefix > 0x7fffffff) {
      bytes[at++] = prefix % 128;
      prefix = Math.floor(prefix / 128);
    }
    while (prefix > 127) {
      bytes[at++] = prefix & 127;
      prefix >>>= 7;
    }
    bytes[at] = prefix;
    bytes[at + 1] = type;
    this.#at = at + 2;
  }

  #bigint(value: bigint): void {
    if (value >= -0x80000000n && value <= 0x7fffffffn) return this.integer(Number(value));
    checkInteger(value, this.#limits);
    this.#reserve(this.#limits.maxPrefixBytes + 1);
    let rest = value < 0n ? -value : value;
    while (rest !== 0n) {
      this.#bytes[this.#at++] = Number(rest & 127n);
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = value < 0n ? LONGNEG : LONGINT;
  }

  /** Writes a long text, or one that is not ASCII, as a byte string. */
  #long(text: string): void {
    if (!text.isWellFormed()) {
      throw new BananaError("Cannot send text as UTF-8: it has a lone surrogate");
    }
    checkString(text.length, this.#limits);
    this.#reserve(3 * text.length + HEAD_BYTES);
    // Most likely, the prefix is as long as if every character took one byte; if not, the text is
    // moved.
    const guess = this.#at + prefixBytes(text.length) + 1;
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(guess));
    checkString(written, this.#limits);
    const place = this.#at + prefixBytes(written) + 1;
    if (place !== guess) this.#bytes.copyWithin(place, guess, guess + written);
    this.#head(written, STRING);
    this.#at += written;
  }

  /** Makes room; the buffer doubles, so that every byte is copied once or twice on average. */
  #reserve(more: number): void {
    if (this.#at + more > this.#size) this.#grow(this.#at + more);
  }

  #grow(needed: number): void {
    // A short element may ask for more room than it takes, so only the written bytes count.
    checkMessage(this.#at - this.#start, this.#limits);
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length, FIRST_BYTES));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#use(larger);
  }

  #use(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#size = bytes.length;
  }
}

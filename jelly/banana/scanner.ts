/**
 * Finds where an expression ends, and along the way checks everything that can be checked without
 * knowing what it means.
 *
 * This is the only place where lengths, counts and depths from the network are checked. What has
 * passed may be read without another check.
 *
 * @module
 */

import { BananaError } from "./errors.ts";
import { isPairHead, isTextHead, PAIR_HEAD_BYTES, TEXT_HEAD_BYTES, viewOf } from "./heads.ts";
import { type BananaLimits, DEFAULT_LIMITS } from "./limits.ts";
import { prefixValue } from "./prefix.ts";
import { type Dialect, FLOAT, LIST, STRING, VOCAB, VOCABULARY } from "./tokens.ts";

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = viewOf(NO_BYTES);
/** The most that is kept from one expression to the next, so that an idle scanner is small. */
const KEPT_LISTS = 64;
const KEPT_BYTES = 64 * 1024;

/**
 * Walks over the bytes of one expression as they arrive.
 *
 * A byte is looked at again only if a chunk ended in the middle of a prefix or of the head of a
 * text. A scanner holds a few numbers and, while an expression is unfinished, one number for each
 * open list; it allocates nothing for what has only been announced.
 *
 * @example
 * ```ts
 * import { BananaScanner } from "@perspective/broker/jelly/banana";
 * import { assertEquals } from "@std/assert";
 *
 * const scanner = new BananaScanner();
 * const bytes = Uint8Array.of(2, 0x80, 1, 0x81, 2, 0x81, 3, 0x81);
 * assertEquals(scanner.scan(bytes, 0, 5), -1); // not the whole list yet
 * assertEquals(scanner.scan(bytes, 0, 8), 6); // the list ends before byte 6
 * ```
 */
export class BananaScanner {
  /** The dialect in use; undefined until one is agreed on: until then there is no vocabulary. */
  dialect: Dialect | undefined;
  readonly #limits: BananaLimits;
  readonly #knowsTexts: boolean;
  /** Number of items still to come in each open list but the innermost. */
  #open: number[] = [];
  /** Number of items still to come in the innermost open list; 1 for the expression itself. */
  #left = 1;
  #depth = 0;
  /** Number of elements, including those that open lists announce, and the expression itself. */
  #elements = 1;
  /** How far the scan has come in the expression; may be beyond the bytes that have arrived. */
  #offset = 0;
  /** The bytes that were scanned last, and a view of them. */
  #bytes: Uint8Array = NO_BYTES;
  #view: DataView = NO_VIEW;

  /**
   * Creates a scanner.
   *
   * @param limits Limits on each expression; see {@linkcode BananaLimits} for the defaults.
   */
  constructor(limits: BananaLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
    // A text that is scanned in one step cannot exceed these limits.
    this.#knowsTexts = limits.maxStringBytes >= LIST && limits.maxListItems >= 2;
  }

  /** Minimum number of bytes in the expression, as far as is known. */
  get needed(): number {
    return this.#offset;
  }

  /**
   * Continues with the expression that begins at `start`.
   *
   * If it returns -1, call it again with the same bytes and those that followed; they may have
   * moved to another place.
   *
   * @param bytes The buffer that holds the bytes.
   * @param start Where the expression begins.
   * @param end Where the bytes that have arrived so far end.
   * @returns Where the expression ends, or -1 if its end has not arrived yet.
   * @throws {BananaError} If no expression can begin like this, or it exceeds a limit.
   */
  scan(bytes: Uint8Array, start: number, end: number): number {
    const { maxStringBytes, maxListItems, maxDepth } = this.#limits;
    const view = this.#viewOf(bytes);
    const lastStep = this.#knowsTexts ? end - PAIR_HEAD_BYTES - 2 : -1;
    const deepestStep = maxDepth - 1;
    const open = this.#open;
    let at = start + this.#offset;
    let left = this.#left;
    let depth = this.#depth;
    let elements = this.#elements;
    while (left !== 0) {
      // Most elements are parts of short texts, or of pairs with such a key: these take one step.
      if (at <= lastStep && depth < deepestStep) {
        const isPair = isPairHead(view, at);
        if (isPair || isTextHead(view, at)) {
          const string = at + (isPair ? PAIR_HEAD_BYTES : TEXT_HEAD_BYTES);
          const length = bytes[string]!;
          if (length < LIST && bytes[string + 1] === STRING) {
            at = string + 2 + length;
            if (isPair) {
              elements += 4;
              open[depth++] = left - 1;
              left = 1;
            } else {
              elements += 2;
              left--;
              while (left === 0 && depth !== 0) left = open[--depth]!;
            }
            continue;
          }
        }
      }
      const token = at;
      if (at >= end) return this.#pause(at - start, left, depth, elements);
      let type = bytes[at++]!;
      let prefix = 0;
      if (type < LIST) {
        prefix = type;
        if (at === end) return this.#pause(token - start, left, depth, elements);
        type = bytes[at++]!;
        if (type < LIST) {
          at = this.#prefixEnd(bytes, token, end);
          if (at === end) return this.#pause(token - start, left, depth, elements);
          prefix = prefixValue(bytes, token, at);
          type = bytes[at++]!;
        }
      }
      if (type === STRING) {
        if (prefix > maxStringBytes) this.#refuse("maxStringBytes", `string has ${prefix} bytes`);
        at += prefix;
      } else if (type === LIST) {
        if (prefix > maxListItems) this.#refuse("maxListItems", `list has ${prefix} items`);
        if (depth === maxDepth) this.#refuse("maxDepth", `lists are nested ${depth + 1} deep`);
        elements += prefix;
        if (prefix !== 0) {
          open[depth++] = left - 1;
          left = prefix;
          continue;
        }
      } else if (type === VOCAB) {
        this.#checkWord(prefix);
      } else if (type === FLOAT) {
        at += 8;
      } else if (type > VOCAB) {
        throw new BananaError(
          `Cannot read message: 0x${type.toString(16)} is not a type byte of banana`,
        );
      }
      left--;
      while (left === 0 && depth !== 0) left = open[--depth]!;
    }
    // The last string or float may be incomplete: then only its end is left to look for.
    if (at > end) return this.#pause(at - start, 0, 0, elements);
    this.#checkSize(at - start, elements);
    this.reset();
    return at;
  }

  /** Forgets an unfinished expression. */
  reset(): void {
    if (this.#open.length > KEPT_LISTS) this.#open = [];
    if (this.#bytes.length > KEPT_BYTES) {
      this.#bytes = NO_BYTES;
      this.#view = NO_VIEW;
    }
    this.#left = 1;
    this.#depth = 0;
    this.#elements = 1;
    this.#offset = 0;
  }

  /** Returns a view of the bytes: the last one, or a new one for other bytes. */
  #viewOf(bytes: Uint8Array): DataView {
    if (this.#bytes !== bytes) {
      this.#bytes = bytes;
      this.#view = viewOf(bytes);
    }
    return this.#view;
  }

  #pause(offset: number, left: number, depth: number, elements: number): -1 {
    this.#checkSize(offset, elements);
    this.#offset = offset;
    this.#left = left;
    this.#depth = depth;
    this.#elements = elements;
    return -1;
  }

  #checkSize(length: number, elements: number): void {
    const { maxMessageBytes, maxElements } = this.#limits;
    if (length > maxMessageBytes) this.#refuse("maxMessageBytes", `${length} bytes or more`);
    if (elements > maxElements) this.#refuse("maxElements", `${elements} elements`);
  }

  /** Finds the type byte after a long prefix; returns `end` if it has not arrived. */
  #prefixEnd(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    while (at < end && bytes[at]! < LIST) at++;
    if (at - from > this.#limits.maxPrefixBytes) {
      this.#refuse("maxPrefixBytes", `prefix has ${at - from} bytes or more`);
    }
    return at;
  }

  #checkWord(number: number): void {
    if (this.dialect !== "pb") {
      throw new BananaError(
        `Cannot read word ${number} of the vocabulary: the dialect is ${this.dialect ?? "not set"}`,
      );
    }
    if (number < 1 || number >= VOCABULARY.length) {
      throw new BananaError(`Cannot read word ${number} of the vocabulary: there is no such word`);
    }
  }

  #refuse(limit: keyof BananaLimits, fact: string): never {
    throw new BananaError(
      `Cannot read message: ${fact}, and the limit is ${this.#limits[limit]} (${limit})`,
      { limit },
    );
  }
}

/**
 * Finds where an expression ends, and checks on the way all that can be
 * checked without knowing what it means.
 *
 * This is the one place where lengths, counts and depths from the network are
 * looked at. What has passed may be read without another check.
 *
 * @module
 */

import { BananaError } from "./errors.ts";
import { type BananaLimits, DEFAULT_LIMITS } from "./limits.ts";
import {
  type Dialect,
  FLOAT,
  INT,
  LIST,
  LONGINT,
  LONGNEG,
  NEG,
  STRING,
  VOCAB,
  VOCABULARY,
} from "./tokens.ts";

/**
 * Walks over the bytes of one expression as they come.
 *
 * No byte is looked at twice, but for a prefix that was cut in the middle. A
 * scanner holds a few numbers and, while an expression is unfinished, one
 * number for each open list: never a byte, and nothing that was only announced.
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
  /** The dialect in use; undefined while none is agreed, when no vocabulary is legal. */
  dialect: Dialect | undefined;
  readonly #limits: BananaLimits;
  /** Items still to come in each open list but the innermost. */
  #open: number[] = [];
  /** Items still to come in the innermost open list; 1 for the expression itself. */
  #left = 1;
  #depth = 0;
  #elements = 0;
  /** How far the scan is, from the beginning of the expression; may lie behind the bytes at hand. */
  #offset = 0;

  /**
   * Creates a scanner.
   *
   * @param limits The limits that hold for each expression; Twisted's and ours unless given.
   */
  constructor(limits: BananaLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** How many bytes the expression has at least, as far as that is known. */
  get needed(): number {
    return this.#offset;
  }

  /**
   * Goes on with the expression that begins at `start`.
   *
   * When it returns -1, call it again with the same bytes and those that
   * followed; they may have moved to another place.
   *
   * @param bytes Where the bytes are.
   * @param start Where the expression begins.
   * @param end Where the bytes end that have come so far.
   * @returns Where the expression ends, or -1 if that has not come yet.
   * @throws {BananaError} If no expression can begin like this, or it passes a limit.
   */
  scan(bytes: Uint8Array, start: number, end: number): number {
    let at = start + this.#offset;
    let left = this.#left;
    let elements = this.#elements;
    while (left !== 0) {
      const token = at;
      if (at >= end) return this.#pause(token - start, left, elements);
      let type = bytes[at++]!;
      let prefix = 0;
      if (type < LIST) {
        prefix = type;
        if (at === end) return this.#pause(token - start, left, elements);
        type = bytes[at++]!;
        if (type < LIST) {
          at = this.#prefixEnd(bytes, token, end);
          if (at === end) return this.#pause(token - start, left, elements);
          prefix = prefixValue(bytes, token, at);
          type = bytes[at++]!;
        }
      }
      if (++elements > this.#limits.maxElements) {
        this.#refuse("maxElements", "message", `more than ${this.#limits.maxElements} elements`);
      }
      switch (type) {
        case STRING:
          if (prefix > this.#limits.maxStringBytes) {
            this.#refuse("maxStringBytes", "string", `it has ${prefix} bytes`);
          }
          at += prefix;
          break;
        case LIST:
          if (prefix > this.#limits.maxListItems) {
            this.#refuse("maxListItems", "list", `it has ${prefix} items`);
          }
          if (this.#depth === this.#limits.maxDepth) {
            this.#refuse("maxDepth", "message", `more than ${this.#depth} lists in each other`);
          }
          if (prefix !== 0) {
            this.#open[this.#depth++] = left;
            left = prefix;
            continue;
          }
          break;
        case VOCAB:
          this.#checkWord(prefix);
          break;
        case FLOAT:
          at += 8;
          break;
        case INT:
        case NEG:
        case LONGINT:
        case LONGNEG:
          break;
        default:
          throw new BananaError(
            `Cannot read message: 0x${type.toString(16)} is not a type byte of banana`,
          );
      }
      if (at - start > this.#limits.maxMessageBytes) {
        this.#refuse("maxMessageBytes", "message", `it has ${at - start} bytes or more`);
      }
      while (--left === 0 && this.#depth !== 0) left = this.#open[--this.#depth]!;
    }
    if (at > end) {
      // The last string or float is not all there; nothing is left to look at but its end.
      this.#offset = at - start;
      this.#left = 0;
      return -1;
    }
    this.reset();
    return at;
  }

  /** Forgets an unfinished expression. */
  reset(): void {
    if (this.#open.length > 64) this.#open = [];
    this.#left = 1;
    this.#depth = 0;
    this.#elements = 0;
    this.#offset = 0;
  }

  #pause(offset: number, left: number, elements: number): -1 {
    this.#offset = offset;
    this.#left = left;
    this.#elements = elements;
    return -1;
  }

  /** Finds the type byte behind a long prefix, or `end` if it has not come. */
  #prefixEnd(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    while (at < end && bytes[at]! < LIST) at++;
    if (at - from > this.#limits.maxPrefixBytes) {
      this.#refuse("maxPrefixBytes", "prefix", `it has ${at - from} bytes or more`);
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
      throw new BananaError(`Cannot read word ${number} of the vocabulary: there is none`);
    }
  }

  #refuse(limit: keyof BananaLimits, what: string, fact: string): never {
    throw new BananaError(
      `Cannot read ${what}: ${fact}, and the limit is ${this.#limits[limit]} (${limit})`,
      { limit },
    );
  }
}

/** Value of a prefix, as near as a number comes; more than any limit when it is large. */
function prefixValue(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = to - 1; at >= from; at--) value = value * 128 + bytes[at]!;
  return value;
}

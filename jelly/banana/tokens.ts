/**
 * The bytes that banana is made of: type bytes, dialects, and the vocabulary
 * (docs/protocol.md, "Banana"; `twisted/spread/banana.py`).
 *
 * @module
 */

/** Type byte of a list; the prefix counts its items. */
export const LIST = 0x80;
/** Type byte of an integer from 0 up to 2^31 - 1; the prefix is its value. */
export const INT = 0x81;
/** Type byte of a byte string; the prefix counts its bytes, which follow. */
export const STRING = 0x82;
/** Type byte of an integer from -2^31 to -1; the prefix is its absolute value. */
export const NEG = 0x83;
/** Type byte of a float: no prefix, eight bytes follow, the most significant first. */
export const FLOAT = 0x84;
/** Type byte of an integer above 2^31 - 1. */
export const LONGINT = 0x85;
/** Type byte of an integer below -2^31. */
export const LONGNEG = 0x86;
/** Type byte of a word of the vocabulary, in dialect `pb` only; the prefix is its number. */
export const VOCAB = 0x87;

/** A dialect of banana: `pb` has the vocabulary, `none` does not. */
export type Dialect = "pb" | "none";

/** The dialects that this library speaks, the preferred one first. */
export const DIALECTS: readonly Dialect[] = Object.freeze(["pb", "none"] as const);

/**
 * Numbers of the known words, by name. Those up to 31 are sent as numbers in dialect `pb`; a reader
 * returns the others as numbers too.
 */
export const WORD = {
  None: 1,
  class: 2,
  dereference: 3,
  reference: 4,
  dictionary: 5,
  function: 6,
  instance: 7,
  list: 8,
  module: 9,
  persistent: 10,
  tuple: 11,
  unpersistable: 12,
  copy: 13,
  cache: 14,
  cached: 15,
  remote: 16,
  local: 17,
  lcache: 18,
  version: 19,
  login: 20,
  password: 21,
  challenge: 22,
  logged_in: 23,
  not_logged_in: 24,
  cachemessage: 25,
  message: 26,
  answer: 27,
  error: 28,
  decref: 29,
  decache: 30,
  uncache: 31,
  // The words below have a meaning of their own, but are not in the vocabulary.
  unicode: 32,
  boolean: 33,
  set: 34,
  frozenset: 35,
  decimal: 36,
  datetime: 37,
  date: 38,
  time: 39,
  timedelta: 40,
  method: 41,
  didNotUnderstand: 42,
} as const;
Object.freeze(WORD);

/** Name of a known word. */
export type Word = keyof typeof WORD;

/** All known words; a word's number is its index. Number 0 is not in use. */
export const WORDS: readonly string[] = Object.freeze(["", ...Object.keys(WORD)]);

/** The words that dialect `pb` sends as a number; a word's number is its index. */
export const VOCABULARY: readonly string[] = Object.freeze(WORDS.slice(0, 1 + WORD.uncache));

const numbers = new Map(WORDS.map((word, number) => [word, number]));

/** For every first letter, the lengths of the vocabulary's words that begin with it, as bits. */
const lengths = new Uint32Array(128);
for (const word of VOCABULARY.slice(1)) lengths[word.charCodeAt(0)]! |= 1 << word.length;

/**
 * Finds the number of a known word.
 *
 * @param text Any text.
 * @returns Its number in {@linkcode WORDS}, or undefined.
 */
export function wordNumber(text: string): number | undefined {
  return text === "" ? undefined : numbers.get(text);
}

/**
 * Returns quickly whether some bytes or text may be a word of the vocabulary, so that a writer
 * looks up only what is likely to be one.
 *
 * @param length The number of bytes.
 * @param first The first byte, or the code of the first letter.
 * @returns False if there is no such word; true if there may be one.
 */
export function maybeVocabulary(length: number, first: number): boolean {
  return length < 14 && first < 128 && (lengths[first]! & (1 << length)) !== 0;
}

/**
 * Finds the number of a word of the vocabulary.
 *
 * @param text Any text.
 * @returns Its number from 1 to 31, or 0.
 */
export function vocabularyNumber(text: string): number {
  const number = wordNumber(text);
  return number === undefined || number >= VOCABULARY.length ? 0 : number;
}

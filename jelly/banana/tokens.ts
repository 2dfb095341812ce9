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

/** A dialect of banana: `pb` has the vocabulary, `none` has not. */
export type Dialect = "pb" | "none";

/** The dialects that this library speaks, the preferred one first. */
export const DIALECTS: readonly Dialect[] = Object.freeze(["pb", "none"] as const);

/**
 * The words that dialect `pb` sends as a number; a word's number is its index.
 * Number 0 is not in use.
 */
export const VOCABULARY: readonly string[] = Object.freeze([
  "",
  "None",
  "class",
  "dereference",
  "reference",
  "dictionary",
  "function",
  "instance",
  "list",
  "module",
  "persistent",
  "tuple",
  "unpersistable",
  "copy",
  "cache",
  "cached",
  "remote",
  "local",
  "lcache",
  "version",
  "login",
  "password",
  "challenge",
  "logged_in",
  "not_logged_in",
  "cachemessage",
  "message",
  "answer",
  "error",
  "decref",
  "decache",
  "uncache",
]);

/**
 * Words with a meaning of their own that the vocabulary lacks. A reader gives
 * a known word as a number: its index in the vocabulary, or from 32 up its
 * place here.
 */
const MORE_WORDS: readonly Word[] = [
  "unicode",
  "boolean",
  "set",
  "frozenset",
  "decimal",
  "datetime",
  "date",
  "time",
  "timedelta",
  "method",
  "didNotUnderstand",
];

/** All known words; a word's number is its index. */
export const WORDS: readonly string[] = Object.freeze([...VOCABULARY, ...MORE_WORDS]);

/** Name of a known word. */
export type Word =
  | "None"
  | "class"
  | "dereference"
  | "reference"
  | "dictionary"
  | "function"
  | "instance"
  | "list"
  | "module"
  | "persistent"
  | "tuple"
  | "unpersistable"
  | "copy"
  | "cache"
  | "cached"
  | "remote"
  | "local"
  | "lcache"
  | "version"
  | "login"
  | "password"
  | "challenge"
  | "logged_in"
  | "not_logged_in"
  | "cachemessage"
  | "message"
  | "answer"
  | "error"
  | "decref"
  | "decache"
  | "uncache"
  | "unicode"
  | "boolean"
  | "set"
  | "frozenset"
  | "decimal"
  | "datetime"
  | "date"
  | "time"
  | "timedelta"
  | "method"
  | "didNotUnderstand";

/** Numbers of the known words, by name. */
export const WORD: Readonly<Record<Word, number>> = Object.freeze(
  Object.fromEntries(WORDS.map((word, number) => [word, number]).slice(1)),
) as Readonly<Record<Word, number>>;

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
 * Tells quickly whether some bytes or text may be a word of the vocabulary, so
 * that a writer looks up only what is likely to be one.
 *
 * @param length How many bytes.
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

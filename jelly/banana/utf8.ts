/**
 * Reads text, and writes short text.
 *
 * @module
 */

import { BananaError } from "./errors.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const { fromCharCode } = String;

/** Up to this length, joining characters one by one is faster than a call of `TextDecoder`. */
const SHORT_TEXT = 64;

/**
 * Reads UTF-8.
 *
 * @param bytes The buffer that holds the bytes.
 * @param from Where the text begins.
 * @param to Where it ends.
 * @returns The text; a byte order mark stays in it, as in Python.
 * @throws {BananaError} If the bytes are not UTF-8.
 */
export function utf8(bytes: Uint8Array, from: number, to: number): string {
  if (to - from <= SHORT_TEXT) {
    const text = ascii(bytes, from, to);
    if (text !== undefined) return text;
  }
  try {
    return decoder.decode(bytes.subarray(from, to));
  } catch (cause) {
    throw new BananaError("Cannot read text: its bytes are not UTF-8", { cause });
  }
}

/**
 * Writes ASCII characters, four at a time.
 *
 * @param view Where to write; it must have room for every character.
 * @param at The place of the first.
 * @param text The characters.
 * @returns False if any character is not ASCII: then what was written is of no use.
 */
export function writeAscii(view: DataView, at: number, text: string): boolean {
  const { length } = text;
  let any = 0;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const c0 = text.charCodeAt(i), c1 = text.charCodeAt(i + 1);
    const c2 = text.charCodeAt(i + 2), c3 = text.charCodeAt(i + 3);
    any |= c0 | c1 | c2 | c3;
    view.setInt32(at + i, c0 << 24 | c1 << 16 | c2 << 8 | c3);
  }
  for (; i < length; i++) {
    const c0 = text.charCodeAt(i);
    any |= c0;
    view.setUint8(at + i, c0);
  }
  return any < 128;
}

/** Reads ASCII, eight characters at a time; undefined if any byte is not ASCII. */
function ascii(b: Uint8Array, from: number, to: number): string | undefined {
  let text = "";
  let i = from;
  let any = 0;
  for (; i + 8 <= to; i += 8) {
    const b0 = b[i]!, b1 = b[i + 1]!, b2 = b[i + 2]!, b3 = b[i + 3]!;
    const b4 = b[i + 4]!, b5 = b[i + 5]!, b6 = b[i + 6]!, b7 = b[i + 7]!;
    any |= b0 | b1 | b2 | b3 | b4 | b5 | b6 | b7;
    text += fromCharCode(b0, b1, b2, b3, b4, b5, b6, b7);
  }
  if (i + 4 <= to) {
    const b0 = b[i]!, b1 = b[i + 1]!, b2 = b[i + 2]!, b3 = b[i + 3]!;
    any |= b0 | b1 | b2 | b3;
    text += fromCharCode(b0, b1, b2, b3);
    i += 4;
  }
  if (i + 2 <= to) {
    const b0 = b[i]!, b1 = b[i + 1]!;
    any |= b0 | b1;
    text += fromCharCode(b0, b1);
    i += 2;
  }
  if (i < to) {
    any |= b[i]!;
    text += fromCharCode(b[i]!);
  }
  return any < 128 ? text : undefined;
}

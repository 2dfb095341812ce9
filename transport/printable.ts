/**
 * Texts of others on one line of ours.
 *
 * @module
 */

/** Most characters that are shown of a text. */
const MAX_TEXT = 1000;
/** Characters that end a line, or that a terminal obeys. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

/**
 * Makes a text harmless that a peer may have made up: it is neither to look like a line of its own, nor to
 * command a terminal, nor to be endless.
 *
 * @param text The text.
 * @param most Most characters of it that are shown; 1,000 unless given.
 * @returns One line, with control characters written out.
 */
export function oneLine(text: string, most: number = MAX_TEXT): string {
  return escaped(text.length <= most ? text : `${text.slice(0, most).toWellFormed()}…`);
}

/**
 * Writes control characters out.
 *
 * @param text The text.
 * @returns The text without any.
 */
export function escaped(text: string): string {
  return text.replace(CONTROLS, (char) => `\\u{${char.charCodeAt(0).toString(16)}}`);
}

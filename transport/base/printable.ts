/**
 * Makes text from elsewhere printable.
 *
 * @module
 */

/** Maximum characters of a text that are shown. */
const MAX_TEXT = 1000;
/** Characters that end a line, or that a terminal obeys. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

/**
 * Makes a text harmless that a peer may have made up: it must not look like a line of its own,
 * control a terminal, or be endless.
 *
 * @param text The text.
 * @param most Maximum characters of it that are shown; 1,000 unless given.
 * @returns One line, with control characters escaped.
 */
export function oneLine(text: string, most: number = MAX_TEXT): string {
  return escaped(text.length <= most ? text : `${text.slice(0, most).toWellFormed()}…`);
}

/**
 * Escapes control characters.
 *
 * @param text The text.
 * @returns The text, with none left.
 */
export function escaped(text: string): string {
  return text.replace(CONTROLS, (char) => `\\u{${char.charCodeAt(0).toString(16)}}`);
}

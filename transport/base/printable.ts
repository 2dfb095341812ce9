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
 * Makes a text that may come from a peer harmless: it must not look like a line of its own, control
 * a terminal, or be endless.
 *
 * @param text The text.
 * @param most Maximum characters of it that are shown. Defaults to 1,000.
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

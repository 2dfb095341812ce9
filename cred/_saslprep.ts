/**
 * SASLprep (RFC 4013): one form for names and passwords that look the same.
 *
 * All of it except for two rules: the direction of writing is not checked, and characters that
 * Unicode did not yet have in 2002 are accepted.
 *
 * @module
 */

/** Table B.1: characters that are dropped. */
const DROPPED = /[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;

/** Table C.1.2: spaces other than that of ASCII. */
const SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/gu;

/**
 * Tables C.2 to C.9: control characters, private use, surrogates, code points that are not
 * characters, and characters that are inappropriate for plain text, describe ideographs, change
 * the display, or are tags.
 */
const REFUSED = new RegExp(
  [
    String.raw`[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}`,
    String.raw`\u06dd\u070f\u180e\u2028\u2029\u2061-\u2063\u{1d173}-\u{1d17a}`,
    String.raw`\ufff9-\ufffd\u2ff0-\u2ffb`,
    String.raw`\u0340\u0341\u200e\u200f\u202a-\u202e\u206a-\u206f\u{e0001}\u{e0020}-\u{e007f}]`,
  ].join(""),
  "u",
);

/**
 * Converts a string to the form in which it is compared.
 *
 * @param text A name or a password.
 * @returns That form, or `undefined` if SASLprep refuses a character in it, such as a control
 * character.
 */
export function saslprep(text: string): string | undefined {
  const prepared = text.replace(DROPPED, "").replace(SPACES, " ").normalize("NFKC");
  return REFUSED.test(prepared) ? undefined : prepared;
}

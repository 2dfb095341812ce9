/**
 * The bytes that precede every text and every key, written and recognized four at a time.
 *
 * A text value is `[unicode, text]`, and a dictionary is full of pairs whose key is one: most of
 * the bytes of a message are these heads. A loop over their bytes would take most of the time.
 *
 * @module
 */

/** Bytes of a text value before its string: `02 80 07 82 "unicode"`. */
export const TEXT_HEAD_BYTES = 11;
/** Bytes of the tag in it: `07 82 "unicode"`. */
export const TEXT_TAG_BYTES = 9;
/** Bytes of a dictionary's pair before the string of its key: `02 80`, and the head of a text value. */
export const PAIR_HEAD_BYTES = 13;

/** `02 80 07 82`, `02 80 02 80` and `07 82 "un"`. */
const TEXT_LIST = 0x02800782, PAIR_LIST = 0x02800280, TAG_UN = 0x0782756e;
/** Four letters of `unicode` each. */
const UNIC = 0x756e6963, ICOD = 0x69636f64, CODE = 0x636f6465;

/**
 * Creates a view of some bytes.
 *
 * @param bytes The bytes.
 * @returns A view of exactly these bytes.
 */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Writes the head of a text value.
 *
 * @param view Where to write; it must have room for {@linkcode TEXT_HEAD_BYTES}.
 * @param at The place of the first byte.
 */
export function writeTextHead(view: DataView, at: number): void {
  view.setInt32(at, TEXT_LIST);
  view.setInt32(at + 4, UNIC);
  view.setInt32(at + 7, CODE);
}

/**
 * Returns whether the head of a text value is at a place.
 *
 * @param view Where to look; {@linkcode TEXT_HEAD_BYTES} must be there.
 * @param at The place of the first byte.
 */
export function isTextHead(view: DataView, at: number): boolean {
  return view.getInt32(at) === TEXT_LIST && view.getInt32(at + 4) === UNIC &&
    view.getInt32(at + 7) === CODE;
}

/**
 * Returns whether the tag of a text value is at a place.
 *
 * @param view Where to look.
 * @param at The place of the first byte.
 */
export function isTextTag(view: DataView, at: number): boolean {
  return at + TEXT_TAG_BYTES <= view.byteLength && view.getInt32(at) === TAG_UN &&
    view.getInt32(at + 4) === ICOD && view.getInt32(at + 5) === CODE;
}

/**
 * Writes the head of a pair.
 *
 * @param view Where to write; it must have room for {@linkcode PAIR_HEAD_BYTES}.
 * @param at The place of the first byte.
 */
export function writePairHead(view: DataView, at: number): void {
  view.setInt32(at, PAIR_LIST);
  view.setInt32(at + 4, TAG_UN);
  view.setInt32(at + 8, ICOD);
  view.setInt32(at + 9, CODE);
}

/**
 * Returns whether the head of a pair is at a place.
 *
 * @param view Where to look; {@linkcode PAIR_HEAD_BYTES} must be there.
 * @param at The place of the first byte.
 */
export function isPairHead(view: DataView, at: number): boolean {
  return view.getInt32(at) === PAIR_LIST && view.getInt32(at + 4) === TAG_UN &&
    view.getInt32(at + 8) === ICOD &&
    view.getInt32(at + 9) === CODE;
}

/**
 * Prints s-expressions for people to read.
 *
 * @module
 */

import { isInt, isList, type Sexp } from "./banana/sexp.ts";
import { Float } from "./values/float.ts";

/** Options for {@linkcode inspectSexp}. */
export interface InspectSexpOptions {
  /** Maximum depth of the lists to look into, from 1 to 1000. Defaults to 20. */
  depth?: number;
  /** Maximum number of numbers, byte strings and lists to print in all. Defaults to 1000. */
  maxItems?: number;
  /** Maximum number of bytes to print of each byte string. Defaults to 200. */
  maxBytes?: number;
  /** Width in characters beyond which a list is broken into lines. Defaults to 80. */
  width?: number;
}

/**
 * Prints an s-expression in a form like JSON.
 *
 * Bytes are printed as quoted text if they are printable UTF-8, otherwise as `hex"00ff"`. Floats
 * have a point or an exponent; ints have neither. Lists too wide for a line are broken, and
 * indented by two spaces for each level. Omissions are marked:
 * `... 3 more`, `[...]`, `"abc"... (655360 bytes)`. The options bound the work and the length of
 * the result, whatever the expression.
 *
 * @example A message
 * ```ts
 * import { atom, Float, inspectSexp } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * const sexp = [atom("answer"), 7, [atom("tuple"), new Float(1), Uint8Array.of(0, 255)]];
 * assertEquals(inspectSexp(sexp), `["answer", 7, ["tuple", 1.0, hex"00ff"]]`);
 * ```
 *
 * @param sexp The expression.
 * @param options Limits on what is printed.
 * @returns One or more lines, without a line break at the end.
 * @throws {RangeError} If an option is not a whole number in its range.
 */
export function inspectSexp(sexp: Sexp, options: InspectSexpOptions = {}): string {
  const { depth = 20, maxItems = 1000, maxBytes = 200, width = 80 } = options;
  const printer = new Printer({
    depth: wholeNumber("depth", depth, 1000),
    maxItems: wholeNumber("maxItems", maxItems),
    maxBytes: wholeNumber("maxBytes", maxBytes),
    width: wholeNumber("width", width),
  });
  return layOut(printer.print(sexp, 1), 0, width);
}

/** A piece of output: an atom as text, or a list with the width it has on one line. */
type Piece = string | { readonly pieces: readonly Piece[]; readonly width: number };

class Printer {
  readonly #limits: Required<InspectSexpOptions>;
  #itemsLeft: number;

  constructor(limits: Required<InspectSexpOptions>) {
    this.#limits = limits;
    this.#itemsLeft = limits.maxItems;
  }

  print(sexp: Sexp, depth: number): Piece {
    this.#itemsLeft -= 1;
    if (isList(sexp)) return this.#printList(sexp, depth);
    if (sexp instanceof Uint8Array) return printBytes(sexp, this.#limits.maxBytes);
    if (sexp instanceof Float) return printFloat(sexp.value);
    if (typeof sexp === "bigint" || isInt(sexp)) return String(sexp);
    if (typeof sexp === "number") return printFloat(sexp);
    return `<no s-expression: ${typeof sexp}>`;
  }

  #printList(list: readonly Sexp[], depth: number): Piece {
    if (list.length > 0 && depth > this.#limits.depth) return "[...]";
    const pieces: Piece[] = [];
    let width = "[]".length;
    for (const item of list) {
      const full = this.#itemsLeft <= 0;
      const piece = full ? `... ${list.length - pieces.length} more` : this.print(item, depth + 1);
      width += widthOf(piece) + (pieces.length > 0 ? ", ".length : 0);
      pieces.push(piece);
      if (full) break;
    }
    return { pieces, width };
  }
}

function widthOf(piece: Piece): number {
  return typeof piece === "string" ? piece.length : piece.width;
}

/**
 * Turns pieces into lines.
 *
 * A list that does not fit keeps its atoms side by side, as many as fit on a line, and puts each
 * nested list on a line of its own. `tail` is the width of the brackets and comma after the piece.
 */
function layOut(piece: Piece, indent: number, width: number, tail = 0): string {
  if (typeof piece === "string") return piece;
  const { pieces } = piece;
  if (indent + piece.width + tail <= width) {
    return `[${pieces.map((inner) => layOut(inner, 0, Infinity)).join(", ")}]`;
  }
  const inset = indent + 2;
  let text = "[";
  let column = indent + 1;
  for (const [index, inner] of pieces.entries()) {
    const last = index === pieces.length - 1;
    const innerTail = last ? tail + 1 : 1;
    if (index > 0) {
      const besideAtom = typeof inner === "string" && typeof pieces[index - 1] === "string";
      const fits = column + 1 + widthOf(inner) + innerTail <= width;
      text += besideAtom && fits ? " " : `\n${" ".repeat(inset)}`;
      column = besideAtom && fits ? column + 1 : inset;
    }
    text += layOut(inner, inset, width, innerTail) + (last ? "]" : ",");
    column += widthOf(inner) + 1;
  }
  return text;
}

function printFloat(value: number): string {
  const text = Object.is(value, -0) ? "-0" : String(value);
  return /^-?[0-9]+$/.test(text) ? `${text}.0` : text;
}

function printBytes(bytes: Uint8Array, maxBytes: number): string {
  const shown = bytes.subarray(0, maxBytes);
  const text = printableText(shown, shown.length < bytes.length);
  const quoted = text === undefined ? `hex"${shown.toHex()}"` : JSON.stringify(text);
  return shown.length < bytes.length ? `${quoted}... (${bytes.length} bytes)` : quoted;
}

/** Reads bytes as text; `undefined` if they are not text, or not fit to be shown. */
function printableText(bytes: Uint8Array, cutShort: boolean): string | undefined {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const text = decoder.decode(bytes, { stream: cutShort });
    return /^[^\p{C}\p{Zl}\p{Zp}]*$/u.test(text.replace(/[\t\r\n]/g, "")) ? text : undefined;
  } catch {
    return undefined;
  }
}

function wholeNumber(name: string, value: number, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw new RangeError(
    `Cannot inspect with ${name} "${value}": it is not a whole number from 1 to ${most}`,
  );
}

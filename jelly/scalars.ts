/**
 * Reads the values that contain no others: what follows the tags of texts, booleans, decimals and
 * times. All of these functions ignore surplus items, as Twisted does.
 *
 * @module
 */

import { FLOAT, LIST, STRING, VOCAB } from "./banana/tokens.ts";
import { JellyError } from "./errors.ts";
import type { Source } from "./source.ts";
import { Decimal } from "./values/decimal.ts";
import { readTime, type TimeKind } from "./values/times.ts";

/**
 * Skips elements.
 *
 * @param source The source, positioned before them.
 * @param items The number of elements.
 */
export function skipItems(source: Source, items: number): void {
  for (let i = 0; i < items; i++) source.skip();
}

/**
 * Reads an integer.
 *
 * @param source The source, positioned before it.
 * @param what What it is a part of, for an error.
 * @returns The integer.
 * @throws {JellyError} If the next element is not an integer.
 */
export function readInteger(source: Source, what: string): number | bigint {
  switch (source.next()) {
    case LIST:
    case STRING:
    case VOCAB:
    case FLOAT:
      throw new JellyError(`Cannot read ${what}: it needs an integer`);
    default:
      return source.integer();
  }
}

/**
 * Reads a value that is one byte string of UTF-8.
 *
 * @param source The source, positioned before its items.
 * @param items The number of items after the tag.
 * @param what What the value is, for an error.
 * @returns The string.
 * @throws {JellyError} If the first item is not a byte string.
 */
export function readText(source: Source, items: number, what: string): string {
  const type = items >= 1 ? source.next() : LIST;
  if (type !== STRING && type !== VOCAB) {
    throw new JellyError(`Cannot read ${what}: it needs a byte string`);
  }
  const text = source.text();
  skipItems(source, items - 1);
  return text;
}

/**
 * Reads a boolean.
 *
 * @param source The source, positioned before its items.
 * @param items The number of items after the tag.
 * @returns The boolean.
 * @throws {JellyError} If it is neither true nor false.
 */
export function readBoolean(source: Source, items: number): boolean {
  const text = readText(source, items, "boolean");
  if (text !== "true" && text !== "false") {
    throw new JellyError(
      `Cannot read boolean "${text.slice(0, 20)}": it is neither true nor false`,
    );
  }
  return text === "true";
}

/**
 * Reads a decimal.
 *
 * @param source The source, positioned before its items.
 * @param items The number of items after the tag.
 * @returns The decimal.
 * @throws {JellyError} If the first two items are not a coefficient and an exponent.
 */
export function readDecimal(source: Source, items: number): Decimal {
  source.heavy();
  if (items < 2) throw new JellyError("Cannot read decimal: it needs a value and an exponent");
  const coefficient = readInteger(source, "decimal");
  const exponent = readInteger(source, "decimal");
  skipItems(source, items - 2);
  try {
    return new Decimal(coefficient, Number(exponent));
  } catch (cause) {
    throw new JellyError(`Cannot read decimal: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Reads a date, a time, or a duration.
 *
 * @param source The source, positioned before its items.
 * @param items The number of items after the tag.
 * @param kind The tag.
 * @returns The value, of `Temporal`.
 * @throws {JellyError} If there is no such time.
 */
export function readTimeValue(source: Source, items: number, kind: TimeKind): unknown {
  source.heavy();
  const text = readText(source, items, kind);
  try {
    return readTime(kind, text);
  } catch (cause) {
    throw new JellyError(messageOf(cause), { cause });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * How errors appear on the console: as much as an operator reads, and no more.
 *
 * A peer may have made up the contents of an error: strings with line breaks, dictionaries with
 * thousands of keys, errors in errors.
 *
 * @module
 */

import { escaped } from "../../transport/base/printable.ts";

/** Maximum number of characters of one stack, or of all strings together. */
const MAX_TEXT = 10_000;
/** Maximum number of characters of all stacks together. */
const MAX_STACKS = 50_000;
/** Maximum number of lines of one stack. */
const MAX_LINES = 200;
/** Maximum number of characters of a field's name. */
const MAX_NAME = 100;
/** Maximum number of items of one object. */
const MAX_ITEMS = 50;
/** Maximum number of items of all objects together. */
const MAX_ALL_ITEMS = 500;
/** Maximum depth of nested errors and objects. */
const MAX_DEPTH = 8;
/** Stands for what is not shown. */
const LEFT_OUT = "…";

/**
 * Returns a value that shows an error on the console, whatever it is: its stack, its cause and its
 * fields, all bounded, and without line breaks and control characters. All lines but the first are
 * indented.
 *
 * @param error What was thrown.
 * @returns A value for the console, which looks like the error.
 */
export function shown(error: unknown): unknown {
  return new Excerpt().of(error, 0);
}

/** Copies values as far as there is room. */
class Excerpt {
  /**
   * Number of characters of strings and of stacks, and number of items of objects, that may still
   * be shown.
   */
  #textLeft = MAX_TEXT;
  #stacksLeft = MAX_STACKS;
  #itemsLeft = MAX_ALL_ITEMS;

  /** Returns what shows a value at some depth. */
  of(value: unknown, depth: number): unknown {
    if (typeof value === "string") return this.#text(value);
    if (typeof value !== "object" || value === null) return value;
    if (depth > MAX_DEPTH) return LEFT_OUT;
    if (value instanceof Error) return this.#error(value, depth);
    if (Array.isArray(value)) return this.#list(value, value.length, depth);
    if (value instanceof Set) return new Set(this.#list(value, value.size, depth));
    if (value instanceof Map) return this.#map(value, depth);
    if (ArrayBuffer.isView(value)) return this.#view(value);
    const names = Object.keys(value);
    // Dates and the like, which are short.
    if (names.length === 0) return value;
    return this.#withFields(emptyLike(value), { original: value, names, depth });
  }

  #error(error: Error, depth: number): Error {
    const stack = cut(String(error.stack), Math.min(MAX_TEXT, this.#stacksLeft));
    this.#stacksLeft -= Math.min(stack.length, this.#stacksLeft);
    const [first, ...lines] = stack.split("\n", MAX_LINES).map(escaped);
    const copy = new Error();
    copy.stack = [first, ...lines.map((line) => line.replace(/^(?! {4})/, "    "))].join("\n");
    const names = Object.keys(error).filter((name) => name !== "cause" && !(name in copy));
    this.#withFields(copy, { original: error, names, depth });
    if (error.cause !== undefined) copy.cause = this.of(error.cause, depth + 1);
    return copy;
  }

  /** Adds the fields of the original with these names to a copy. */
  #withFields<T extends object>(
    copy: T,
    { original, names, depth }: { original: object; names: readonly string[]; depth: number },
  ): T {
    const count = this.#room(names.length);
    const show = (name: string, value: unknown) =>
      void Object.defineProperty(copy, name, { value, enumerable: true, configurable: true });
    for (const name of names.slice(0, count)) {
      const field = Object.getOwnPropertyDescriptor(original, name);
      const value = field?.get === undefined ? this.of(field?.value, depth + 1) : LEFT_OUT;
      show(escaped(cut(name, MAX_NAME)), value);
    }
    if (count < names.length) show(LEFT_OUT, more(names.length - count));
    return copy;
  }

  #list(items: Iterable<unknown>, size: number, depth: number): unknown[] {
    const count = this.#room(size);
    const copy: unknown[] = [];
    for (const item of items) {
      if (copy.length === count) break;
      copy.push(this.of(item, depth + 1));
    }
    if (count < size) copy.push(more(size - count));
    return copy;
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): Map<unknown, unknown> {
    let left = this.#room(map.size);
    const rest = map.size - left;
    const copy = new Map<unknown, unknown>();
    for (const [key, value] of map) {
      if (left-- === 0) break;
      copy.set(this.of(key, depth + 1), this.of(value, depth + 1));
    }
    if (rest !== 0) copy.set(LEFT_OUT, more(rest));
    return copy;
  }

  /** Bytes and other numbers, of which the console shows the first hundred. */
  #view(view: ArrayBufferView): unknown {
    return this.#room(view.byteLength) === 0 && view.byteLength !== 0 ? LEFT_OUT : view;
  }

  /** Takes room for items of an object, as far as there is any. */
  #room(size: number): number {
    const count = Math.min(size, MAX_ITEMS, this.#itemsLeft);
    this.#itemsLeft -= count;
    return count;
  }

  #text(text: string): string {
    const part = cut(text, this.#textLeft);
    this.#textLeft -= Math.min(part.length, this.#textLeft);
    return escaped(part);
  }
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most).toWellFormed()}${LEFT_OUT}`;
}

/** Creates an object without fields that the console shows with the same class name. */
function emptyLike(object: object): object {
  const prototype: { constructor?: { name?: unknown } } | null = Object.getPrototypeOf(object);
  const name = prototype?.constructor?.name;
  if (typeof name !== "string" || name === "Object") return {};
  // Not of the program's own class, whose code for the console may need more than fields.
  const classes = { [name]: class {} };
  return new classes[name]!();
}

function more(count: number): string {
  return `${count} more`;
}

/**
 * Finds where in a value a part of it is, to name it in an error.
 *
 * @module
 */

import { FrozenSet } from "./values/frozen_set.ts";

/** How many parts are looked at; a fault in a larger value is named without its path. */
const MAX_PARTS = 100_000;
/** Longer paths help nobody. */
const MAX_LETTERS = 200;

/**
 * Finds the path from a value to a part of it.
 *
 * @param root The value.
 * @param part The part, an object or any other value.
 * @returns The path, such as `[1].user.onClick`; empty for the value itself, undefined if
 * the part was not found.
 */
export function pathTo(root: unknown, part: unknown): string | undefined {
  const queue: { value: unknown; path: string }[] = [{ value: root, path: "" }];
  const seen = new Set<unknown>();
  for (let i = 0; i < queue.length && i < MAX_PARTS; i++) {
    const { value, path } = queue[i]!;
    if (Object.is(value, part)) return path;
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (path.length > MAX_LETTERS) continue;
    for (const [step, inner] of steps(value)) {
      if (queue.length === MAX_PARTS) break;
      queue.push({ value: inner, path: path + step });
    }
  }
  return undefined;
}

/** Names the parts of a value that the jellier goes into by itself. */
function* steps(value: object): Generator<[string, unknown]> {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) yield [`[${i}]`, value[i]];
  } else if (value instanceof Map) {
    let i = 0;
    for (const [key, inner] of value) {
      yield [`.keys()[${i++}]`, key];
      yield [`.get(${printed(key)})`, inner];
    }
  } else if (value instanceof Set || value instanceof FrozenSet) {
    let i = 0;
    for (const inner of value) yield [`.values()[${i++}]`, inner];
  } else if (isPlain(value)) {
    for (const key of Object.keys(value)) {
      yield [
        /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`,
        Reflect.get(value, key),
      ];
      yield [`[${JSON.stringify(key)}] (the key)`, key];
    }
  }
}

/**
 * Tells whether an object is a plain one, made by `{}` or `Object.create(null)`.
 *
 * @param value Any object.
 * @returns True if it has no class of its own.
 */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function printed(key: unknown): string {
  if (typeof key === "object" && key !== null) return "…";
  return typeof key === "string" ? JSON.stringify(key) : String(key);
}

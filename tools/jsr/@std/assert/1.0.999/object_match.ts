import { assertEquals } from "./equals.ts";

/** Asserts that an object has the properties that another one has, at every depth. */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  assertEquals(common(actual, expected, new Map()), common(expected, expected, new Map()), msg);
}

/** Copies from `actual` what `expected` asks about. */
function common(actual: unknown, expected: unknown, seen: Map<unknown, unknown>): unknown {
  if (!isContainer(actual) || !isContainer(expected)) return actual;
  if (seen.has(actual)) return seen.get(actual);
  if (Array.isArray(actual) && Array.isArray(expected)) {
    const copy: unknown[] = [];
    seen.set(actual, copy);
    for (const [i, item] of actual.slice(0, expected.length).entries()) {
      copy.push(common(item, expected[i], seen));
    }
    return copy;
  }
  if (actual instanceof Map && expected instanceof Map) {
    const copy = new Map();
    seen.set(actual, copy);
    for (const [key, value] of actual) {
      if (expected.has(key)) copy.set(key, common(value, expected.get(key), seen));
    }
    return copy;
  }
  if (actual instanceof Set && expected instanceof Set) return actual.intersection(expected);
  const copy: Record<PropertyKey, unknown> = {};
  seen.set(actual, copy);
  for (const key of Reflect.ownKeys(expected)) {
    if (!(key in actual)) continue;
    const value = common(actual[key as never], expected[key as never], seen);
    Object.defineProperty(copy, key, { value, enumerable: true });
  }
  return copy;
}

/** Whether a value is looked into; dates, patterns and bytes are compared as they are. */
function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof Date) &&
    !(value instanceof RegExp) && !ArrayBuffer.isView(value);
}

/**
 * Compares values and their identities: one object on one side must be one on the other.
 *
 * @module
 */

import { AssertionError } from "@std/assert";
import { Decimal } from "../../jelly/values/decimal.ts";
import { FrozenSet } from "../../jelly/values/frozen_set.ts";
import { Method } from "../../jelly/values/method.ts";
import { Tuple } from "../../jelly/values/tuple.ts";
import { Unpersistable } from "../../jelly/values/unpersistable.ts";

/** Classes whose instances are compared by value, not by identity. */
const TEMPORAL = [
  Temporal.PlainDateTime,
  Temporal.PlainDate,
  Temporal.PlainTime,
  Temporal.Duration,
];

/**
 * Checks that two values are the same graph: equal in every part, of the same classes, in the same
 * order, and with the same objects shared in the same places. Does not recurse, as graphs may be
 * deep.
 *
 * The object `leaf` may be in both, and is not looked into. With `anyOrder`, dictionaries may have
 * their keys in any order, if these are not containers.
 */
export function assertSameGraph(
  actual: unknown,
  expected: unknown,
  { leaf, anyOrder = false }: { leaf?: object; anyOrder?: boolean } = {},
): void {
  const partners = new Map<object, object>();
  const taken = new Set<object>();
  const left: { a: unknown; b: unknown; path: string }[] = [{ a: actual, b: expected, path: "" }];
  for (let pair = left.pop(); pair !== undefined; pair = left.pop()) {
    const { a, b, path } = pair;
    if (a === leaf && b === leaf) continue;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
      if (!Object.is(a, b)) differ(path, a, b);
      continue;
    }
    const known = partners.get(b);
    if (known !== undefined || taken.has(a)) {
      if (known !== a) differ(path, "an object of another place", "one and the same object");
      continue;
    }
    if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) {
      differ(path, a.constructor?.name, b.constructor?.name);
    }
    const text = textOf(b);
    if (text !== undefined) {
      if (textOf(a) !== text) differ(path, textOf(a), text);
      continue;
    }
    partners.set(b, a);
    taken.add(a);
    const [partsOfA, partsOfB] = [a, b].map((value) => partsOf(value, anyOrder)) as [
      unknown[],
      unknown[],
    ];
    if (partsOfA.length !== partsOfB.length) {
      differ(`${path}.length`, partsOfA.length, partsOfB.length);
    }
    if (b instanceof Tuple && !Object.isFrozen(a)) differ(path, "an open tuple", "a frozen one");
    for (let i = partsOfB.length - 1; i >= 0; i--) {
      left.push({
        a: partsOfA[i],
        b: partsOfB[i],
        path: path.length > 200 ? path : `${path}/${i}`,
      });
    }
  }
}

/** Returns the text of a value that is compared by text; undefined for others. */
function textOf(value: object): string | undefined {
  if (value instanceof Uint8Array) return value.toHex();
  if (value instanceof Decimal) return `${value.coefficient}e${value.exponent}`;
  if (value instanceof Unpersistable) return value.reason;
  if (TEMPORAL.some((kind) => value instanceof kind)) return String(value);
  return undefined;
}

function partsOf(value: object, anyOrder: boolean): unknown[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return inOrder([...value], anyOrder);
  if (value instanceof Set || value instanceof FrozenSet) return [...value];
  if (value instanceof Method) return [value.name, value.self];
  return inOrder(Object.entries(value), anyOrder);
}

function inOrder(pairs: [unknown, unknown][], anyOrder: boolean): unknown[] {
  if (anyOrder) {
    pairs = pairs.map((pair) => ({ name: keyName(pair[0]), pair })).sort(byName).map(({ pair }) =>
      pair
    );
  }
  return pairs.flat(1);
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

/** Names a key, so that keys that differ in Python have different names. */
export function keyName(key: unknown): string {
  return `${typeof key} ${key}`;
}

function differ(path: string, actual: unknown, expected: unknown): never {
  throw new AssertionError(
    `The graphs differ at "${path}": ${Deno.inspect(actual)} is not ${Deno.inspect(expected)}`,
  );
}

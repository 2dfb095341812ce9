/**
 * Random values from fast-check: of every kind, shared, and cyclic.
 *
 * @module
 */

import fc from "npm:fast-check@^4.0.0";
import { Decimal } from "../../jelly/values/decimal.ts";
import { FrozenSet } from "../../jelly/values/frozen_set.ts";
import { keyName } from "./graphs.ts";
import { tuple } from "../../jelly/values/tuple.ts";

/** Options for {@linkcode graphs}. */
export interface GraphOptions {
  /**
   * Only what Twisted preserves: keys that are hashable and differ in Python, sets of one item, and
   * no tuples in cycles, which Twisted leaves half built if they are shared.
   */
  python?: boolean;
}

const { PlainDate, PlainTime, Duration } = Temporal;

const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
  fc.string({ maxLength: 80 }),
  fc.constantFrom("", "list", "None", "unicode", "__proto__", "constructor", "then", "0", "\ufeff"),
);
const bytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => Uint8Array.from(bytes));
const integer = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.constantFrom(0, 127, 128, 2 ** 31));
const bigint = fc.bigInt({ min: -(2n ** 448n) + 1n, max: 2n ** 448n - 1n })
  .filter((value) => !Number.isSafeInteger(Number(value)));
const float = fc.oneof(fc.double(), fc.constantFrom(-0, NaN, Infinity, -Infinity, 2 ** 53, 1e300))
  .filter((value) => !Number.isSafeInteger(value) || Object.is(value, -0));
const date = fc.tuple(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 1, max: 12 }))
  .chain(([year, month]) =>
    fc.integer({ min: 1, max: new Temporal.PlainYearMonth(year, month).daysInMonth })
      .map((day) => new PlainDate(year, month, day))
  );
const time = fc.integer({ min: 0, max: 86_400_000_000 - 1 }).map((micros) =>
  new PlainTime().add(Duration.from({ seconds: Math.floor(micros / 1e6) }))
    .add(Duration.from({ microseconds: micros % 1e6 }))
);
const dateTime = fc.tuple(date, time).map(([date, time]) => date.toPlainDateTime(time));
const duration = fc.tuple(
  fc.constantFrom(1, -1),
  fc.integer({ min: 0, max: 999_999 }),
  fc.integer({ min: 0, max: 86_399 }),
  fc.integer({ min: 0, max: 999_999 }),
).map(([sign, days, seconds, microseconds]) => {
  const length = Duration.from({ days, seconds, microseconds });
  return sign === 1 ? length : length.negated();
});
const decimal = fc.tuple(
  fc.bigInt({ min: -(10n ** 100n), max: 10n ** 100n }),
  fc.integer({ min: -500, max: 500 }),
).map(([coefficient, exponent]) => new Decimal(coefficient, exponent));

/** Values that contain no others. */
const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  integer,
  bigint,
  float,
  text,
  bytes,
  date,
  time,
  dateTime,
  duration,
  decimal,
);

/** Values that can be keys in Python, and differ there if they differ here. */
const pythonKey: fc.Arbitrary<unknown> = fc.oneof(
  fc.constant(null),
  integer,
  bigint,
  text,
  bytes,
  date,
);

const KINDS = ["list", "dictionary", "map", "set", "tuple", "frozenset"] as const;
type Kind = (typeof KINDS)[number];

/** A part of a container: a value without parts, or the number of another container. */
type Part = { leaf: unknown } | { node: number };

/** A container, with more parts than it may use. */
interface Recipe {
  kind: Kind;
  parts: Part[];
  keys: unknown[];
  names: string[];
}

/** Graphs of up to 20 containers. */
export function graphs(options: GraphOptions = {}): fc.Arbitrary<unknown> {
  const part: fc.Arbitrary<Part> = fc.oneof(
    { arbitrary: leaf.map((leaf) => ({ leaf })), weight: 2 },
    { arbitrary: fc.nat(19).map((node) => ({ node })), weight: 3 },
  );
  const recipe: fc.Arbitrary<Recipe> = fc.record({
    kind: fc.constantFrom(...KINDS),
    parts: fc.array(part, { maxLength: 5 }),
    keys: options.python
      ? fc.uniqueArray(pythonKey, { minLength: 5, maxLength: 5, selector: keyName })
      : fc.array(leaf, { minLength: 5, maxLength: 5 }),
    names: fc.array(text, { minLength: 5, maxLength: 5 }),
  });
  const recipes = fc.array(recipe, { minLength: 1, maxLength: 20 });
  return fc.oneof(
    { arbitrary: leaf, weight: 1 },
    { arbitrary: recipes.map((recipes) => build(recipes, options)), weight: 9 },
  );
}

/** Builds the containers of the recipes, and returns the first. */
function build(recipes: Recipe[], { python = false }: GraphOptions): unknown {
  const isFixed = ({ kind }: Recipe) => kind === "tuple" || kind === "frozenset";
  const nodes: object[] = recipes.map(({ kind }) => {
    switch (kind) {
      case "list":
        return [];
      case "dictionary":
        return {};
      case "map":
        return new Map();
      default:
        return new Set();
    }
  });
  const take = (part: Part, from: number): unknown => {
    if ("leaf" in part) return part.leaf;
    const index = part.node % recipes.length;
    // An immutable container can hold only containers that were made before it.
    const isThere = isFixed(recipes[index]!) ? index > from : !python || from < 0;
    return isThere ? nodes[index] : null;
  };
  const items = ({ parts, keys }: Recipe, from: number, kind: Kind) => {
    const items = parts.map((part) => take(part, from));
    if (!python || kind === "list") return items;
    // In Python, all empty tuples are one object, and so are all empty frozensets.
    return kind === "tuple" ? [1, ...items] : keys.slice(0, 1);
  };
  for (let i = recipes.length - 1; i >= 0; i--) {
    const recipe = recipes[i]!;
    if (recipe.kind === "tuple") nodes[i] = tuple(...items(recipe, i, "tuple"));
    if (recipe.kind === "frozenset") nodes[i] = new FrozenSet(items(recipe, i, "frozenset"));
  }
  recipes.forEach((recipe, i) => {
    const node = nodes[i]!;
    const { kind, parts, keys, names } = recipe;
    if (Array.isArray(node) && kind === "list") node.push(...items(recipe, -1, kind));
    else if (node instanceof Set) { for (const item of items(recipe, -1, kind)) node.add(item); }
    else if (node instanceof Map) {
      parts.forEach((part, j) => {
        // Any container may be a key here.
        const key = !python && j % 2 === 1 ? take(parts[j - 1]!, -1) : keys[j];
        // Objects have keys that are indexes before others, and so may a map that was an object
        // first.
        const isIndex = typeof key === "string" && /^\d+$/.test(key);
        node.set(isIndex ? `${key}th` : key, take(part, -1));
      });
      // With only strings as keys, or none at all, it would arrive as a plain object.
      if ([...node.keys()].every((key) => typeof key === "string")) node.set(0, null);
    } else if (kind === "dictionary") {
      parts.forEach((part, j) =>
        Object.defineProperty(node, names[j]!, {
          value: take(part, -1),
          writable: true,
          enumerable: true,
          configurable: true,
        })
      );
    }
  });
  return nodes[0];
}

/** Prototypes whose instances are fully described by their string form. */
const SAID_BY_TEXT = new Set<unknown>([
  RegExp,
  URL,
  URLSearchParams,
  Intl.Locale,
  Temporal.Duration,
  Temporal.Instant,
  Temporal.PlainDate,
  Temporal.PlainDateTime,
  Temporal.PlainMonthDay,
  Temporal.PlainTime,
  Temporal.PlainYearMonth,
  Temporal.ZonedDateTime,
].map((type) => type.prototype));

/**
 * Compares two values as `@std/assert` does: by structure and prototype, with `NaN` equal to
 * itself, `0` equal to `-0`, and cycles allowed.
 */
export function equal(a: unknown, b: unknown): boolean {
  return new Comparison().same(a, b);
}

class Comparison {
  /** Pairs being compared, so that a cycle ends where it closes. */
  readonly #pairs = new Map<object, object>();

  same(a: unknown, b: unknown): boolean {
    if (a === b || Object.is(a, b)) return true;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
    if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
    if (plainly(Object.getPrototypeOf(a)) !== plainly(Object.getPrototypeOf(b))) return false;
    if (a instanceof WeakMap || a instanceof WeakSet) {
      throw new TypeError(`Cannot compare ${a.constructor.name} instances`);
    }
    if (a instanceof WeakRef) return this.same(a.deref(), (b as WeakRef<object>).deref());
    if (ArrayBuffer.isView(a) && !(a instanceof DataView)) return sameItems(a, b);
    if (a instanceof ArrayBuffer || a instanceof SharedArrayBuffer) {
      return sameItems(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
    }
    if (this.#pairs.get(a) === b) return true;
    if (Object.keys(a).length !== Object.keys(b).length) return false;
    this.#pairs.set(a, b);
    if (a instanceof Set) return this.#sameMembers(a, b as Set<unknown>);
    if (a instanceof Map) return this.#sameEntries(a, b as Map<unknown, unknown>);
    if (SAID_BY_TEXT.has(Object.getPrototypeOf(a))) return String(a) === String(b);
    return this.#sameProperties(a, b);
  }

  #sameMembers(a: Set<unknown>, b: Set<unknown>): boolean {
    if (a.size !== b.size) return false;
    return [...a].every((x) => b.has(x) || !isPrimitive(x) && [...b].some((y) => this.same(x, y)));
  }

  #sameEntries(a: Map<unknown, unknown>, b: Map<unknown, unknown>): boolean {
    if (a.size !== b.size) return false;
    return [...a].every(([key, value]) =>
      b.has(key) ? this.same(value, b.get(key)) : !isPrimitive(key) &&
        [...b].some(([k, v]) => this.same(key, k) && this.same(value, v))
    );
  }

  #sameProperties(a: object, b: object): boolean {
    for (const key of new Set([...propertiesOf(a), ...propertiesOf(b)])) {
      if (!(key in a) || !(key in b)) return false;
      if (!this.same(a[key as keyof typeof a], b[key as keyof typeof b])) return false;
    }
    return true;
  }
}

function isPrimitive(value: unknown): boolean {
  return value === null || typeof value !== "object" && typeof value !== "function";
}

/** The prototype to compare; an object without one counts as plain. */
function plainly(prototype: unknown): unknown {
  return prototype ?? Object.prototype;
}

function sameItems(a: object, b: object): boolean {
  const left = a as ArrayLike<unknown>, right = b as ArrayLike<unknown>;
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) {
    if (left[i] !== right[i] && !Object.is(left[i], right[i])) return false;
  }
  return true;
}

/**
 * Returns the keys to compare: an object's own keys, and for instances also the getters and methods
 * of their classes. A hidden property of a plain object or array does not count.
 */
function propertiesOf(object: object): PropertyKey[] {
  const prototype = Object.getPrototypeOf(object);
  if (prototype === null || prototype === Object.prototype || prototype === Array.prototype) {
    return Reflect.ownKeys({ ...object });
  }
  const keys: PropertyKey[] = [];
  for (
    let at: object | null = object;
    at !== null && at !== Object.prototype && at !== Array.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    keys.push(...Reflect.ownKeys(at));
  }
  return keys;
}

/**
 * Turns values into outgoing elements (`twisted.spread.jelly._Jellier`).
 *
 * @module
 */

import { HeavyCount } from "./banana/heavy_count.ts";
import { type BananaLimits, DEFAULT_LIMITS } from "./banana/limits.ts";
import { WORD } from "./banana/tokens.ts";
import { JellyError } from "./errors.ts";
import { isJellyable } from "./jellyable.ts";
import { isClass, jellyNameOf } from "./names.ts";
import { isStackOverflow } from "./overflow.ts";
import { explained, keyStep, located } from "./path.ts";
import { globalRegistry, type JellyRegistry } from "./registry.ts";
import { SeenObjects } from "./seen.ts";
import { SecurityOptions, type Taster } from "./security.ts";
import type { Sink, Wrap } from "./sink.ts";
import { classOf, ownState } from "./state.ts";
import { Decimal } from "./values/decimal.ts";
import { Float } from "./values/float.ts";
import { FrozenSet } from "./values/frozen_set.ts";
import { Method } from "./values/method.ts";
import { writeTime, type WrittenTime } from "./values/times.ts";
import { Tuple } from "./values/tuple.ts";
import { Unpersistable } from "./values/unpersistable.ts";

const { hasOwnProperty } = Object.prototype;

/** An identifier in the program's store, as sent on the wire; a list if it has several parts. */
export type PersistentId = string | number | bigint | Uint8Array | readonly PersistentId[];

/** Options of {@linkcode Jellier}. */
export interface JellierOptions {
  /** Which classes may be sent as plain state, without a `jellyFor`. Defaults to none. */
  security?: Taster;
  /** The names of classes, functions and modules. Defaults to the global registry. */
  registry?: JellyRegistry;
  /** Limits on the depth and size of the value; see {@linkcode BananaLimits} for the defaults. */
  limits?: BananaLimits;
  /** Returns the identifier by which the peer finds an object in its own store, or undefined. */
  persistentStore?: (object: object, jellier: Jellier) => PersistentId | undefined;
  /**
   * Whether values that no rule covers are sent as `unpersistable`, as in Twisted, instead of
   * refused. Defaults to false.
   */
  unpersistable?: boolean;
  /** The connection that the value is for, if any. */
  invoker?: object;
}

/**
 * Writes values to a sink.
 *
 * Each call of {@linkcode Jellier.write} writes a separate message, in which objects that occur
 * more than once keep their identity; nothing is kept from one to the next.
 *
 * @example
 * ```ts
 * import { inspectSexp, Jellier, TreeSink } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * const sink = new TreeSink();
 * new Jellier(sink).write([1, null]);
 * assertEquals(inspectSexp(sink.result()), '["list", 1, ["None"]]');
 * ```
 */
export class Jellier {
  /**
   * The connection that the value is for, if any; `jellyFor` may look at it. Connections that share
   * a jellier set it before each message.
   */
  invoker: object | undefined;
  readonly #sink: Sink;
  readonly #security: Taster;
  readonly #registry: JellyRegistry;
  readonly #persistentStore: JellierOptions["persistentStore"];
  readonly #unpersistable: boolean;
  readonly #maxDepth: number;
  readonly #heavy: HeavyCount;
  readonly #seen = new SeenObjects();
  /** Numbers of the objects that occurred more than once, and the elements to wrap for them. */
  #ids: Map<object, number> | undefined;
  #wraps: Wrap[] = [];
  #depth = 0;
  #deepest = 0;

  /**
   * Creates a jellier.
   *
   * @param sink What to write to.
   * @param options Rules and limits.
   */
  constructor(sink: Sink, options: JellierOptions = {}) {
    this.#sink = sink;
    this.#security = options.security ?? new SecurityOptions();
    this.#registry = options.registry ?? globalRegistry;
    this.#persistentStore = options.persistentStore;
    this.#unpersistable = options.unpersistable ?? false;
    const { limits = DEFAULT_LIMITS } = options;
    this.#maxDepth = limits.maxDepth;
    this.#heavy = new HeavyCount("send", limits);
    this.invoker = options.invoker;
  }

  /**
   * Writes a whole value.
   *
   * @param value The value.
   * @param name What to call the value in the path of an error.
   * @throws {JellyError} If any part of it cannot be sent; the error's path says which.
   * The caller must then discard what was already written of the value.
   */
  write(value: unknown, name: string = "value"): void {
    this.#whole(() => this.jelly(value), value, name);
  }

  /**
   * Writes values as one tuple: the arguments of a call.
   *
   * @param items The values; the array itself has no identity on the wire.
   * @param name What to call the tuple in the path of an error.
   * @throws {JellyError} If any part of it cannot be sent; the error's path says which.
   */
  writeTuple(items: readonly unknown[], name: string): void {
    this.#whole(() => this.#array(WORD.tuple, items), items, name);
  }

  /**
   * Writes a part of a value; for `jellyFor` methods, which must write exactly one element.
   *
   * @param value The part.
   */
  jelly(value: unknown): void {
    if (typeof value === "string") this.#sink.text(value);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "object" && value !== null) this.#object(value);
    else this.#primitive(value);
  }

  /**
   * Records that an object begins here, so that where it occurs again, the peer gets the same
   * object. Call this before writing anything of the object.
   *
   * @param object The object.
   */
  prepare(object: object): void {
    this.#seen.add(object, this.#sink.mark);
  }

  /**
   * Writes a list that begins with a tag.
   *
   * @param tag The tag.
   * @param values The values after the tag.
   */
  tagged(tag: string, ...values: readonly unknown[]): void {
    this.#enter(1);
    this.#sink.list(1 + values.length);
    this.#sink.atom(tag);
    for (const value of values) this.jelly(value);
    this.#depth--;
  }

  #object(value: object): void {
    if (Array.isArray(value)) {
      if (this.#isNew(value)) this.#array(value instanceof Tuple ? WORD.tuple : WORD.list, value);
    } else if (isPlain(value)) {
      if (this.#registry.hasModules && this.#module(value)) return;
      if (this.#isNew(value)) this.#plain(value);
    } else this.#other(value);
  }

  #other(value: object): void {
    if (isJellyable(value)) {
      if (this.#seen.has(value)) return this.#dereference(value);
      this.#heavy.add();
      value.jellyFor(this);
    } else if (value instanceof Uint8Array) {
      this.#heavy.add();
      this.#sink.bytes(value);
    } else if (value instanceof Map) {
      if (this.#isNew(value)) this.#map(value);
    } else if (value instanceof Set) {
      if (this.#isNew(value)) this.#set(WORD.set, value);
    } else if (value instanceof FrozenSet) {
      if (this.#isNew(value)) this.#set(WORD.frozenset, value);
    } else {
      this.#rare(value);
    }
  }

  /** Writes the values that are neither containers nor objects with their own rules. */
  #rare(value: object): void {
    if (value instanceof Float) return this.#sink.float(value.value);
    if (value instanceof Decimal) return this.#decimal(value);
    if (value instanceof Unpersistable) return this.#atom(WORD.unpersistable, value.reason);
    if (value instanceof Method) return this.#method(value);
    const time = timeOf(value);
    if (time !== undefined) return this.#time(time);
    if (this.#module(value)) return;
    if (this.#isNew(value)) this.#instance(value);
  }

  #primitive(value: unknown): void {
    switch (typeof value) {
      case "object":
      case "undefined":
        return this.#sink.tagged(WORD.None, 0);
      case "boolean":
        return this.#atom(WORD.boolean, value ? "true" : "false");
      case "bigint":
        return this.#sink.integer(value);
      case "function":
        return this.#function(value);
      default:
        this.#refuse(value, `a ${typeof value} has no form on the wire`);
    }
  }

  #number(value: number): void {
    // Python has no integer -0: it travels as a float.
    if (Number.isSafeInteger(value) && (value !== 0 || 1 / value > 0)) this.#sink.integer(value);
    else this.#sink.float(value);
  }

  /** Writes a list of a known word and a text. */
  #atom(word: number, text: string): void {
    this.#sink.tagged(word, 1);
    this.#sink.atom(text);
  }

  #time({ kind, text }: WrittenTime): void {
    this.#heavy.add();
    this.#atom(WORD[kind], text);
  }

  #decimal(value: Decimal): void {
    this.#heavy.add();
    this.#sink.tagged(WORD.decimal, 2);
    this.#sink.integer(value.coefficient);
    this.#sink.integer(value.exponent);
  }

  #plain(value: Record<string, unknown>): void {
    // A for-in loop with hasOwnProperty is twice as fast as one over Object.keys.
    let left = 0;
    for (const key in value) if (hasOwnProperty.call(value, key)) left++;
    this.#enter(2);
    this.#sink.tagged(WORD.dictionary, left);
    let key = "";
    let part: unknown;
    try {
      for (key in value) {
        if (!hasOwnProperty.call(value, key)) continue;
        part = key;
        this.#sink.pair(key);
        part = value[key];
        // Most values are strings and numbers, which do without another call.
        if (typeof part === "string") this.#sink.text(part);
        else if (typeof part === "number") this.#number(part);
        else this.jelly(part);
        left--;
      }
    } catch (error) {
      throw located(error, keyStep(key), part);
    }
    if (left !== 0) throw new JellyError("an object changed while it was being written");
    this.#depth -= 2;
  }

  #map(map: Map<unknown, unknown>): void {
    const { size } = map;
    this.#heavy.add();
    this.#enter(2);
    this.#sink.tagged(WORD.dictionary, size);
    let count = 0;
    let key: unknown;
    let part: unknown;
    try {
      for ([key, part] of map) {
        count++;
        if (typeof key === "string") this.#sink.pair(key);
        else {
          this.#sink.list(2);
          this.jelly(key);
        }
        this.jelly(part);
      }
    } catch (error) {
      throw located(error, keyStep(key), part);
    }
    if (count !== size) throw new JellyError("a Map changed while it was being written");
    this.#depth -= 2;
  }

  #array(word: number, array: readonly unknown[]): void {
    const { length } = array;
    this.#enter(1);
    this.#sink.tagged(word, length);
    let i = 0;
    try {
      for (; i < length; i++) this.jelly(array[i]);
    } catch (error) {
      throw located(error, `[${i}]`, array[i]);
    }
    this.#depth--;
  }

  #set(word: number, set: ReadonlySet<unknown>): void {
    const { size } = set;
    this.#heavy.add();
    this.#enter(1);
    this.#sink.tagged(word, size);
    let count = 0;
    let part: unknown;
    try {
      for (part of set) {
        this.jelly(part);
        count++;
      }
    } catch (error) {
      throw located(error, `.values()[${count}]`, part);
    }
    if (count !== size) throw new JellyError("a Set changed while it was being written");
    this.#depth--;
  }

  #function(value: NonNullable<unknown>): void {
    const name = this.#registry.nameOf(value);
    if (name !== undefined) return this.#atom(isClass(value) ? WORD.class : WORD.function, name);
    this.#refuse(
      value,
      "functions and classes travel only by a registered name; " +
        "to let the peer call this, make it a remote_ method of a Referenceable (see referenceable())",
    );
  }

  /** Writes an object as a module if it is registered as one, and returns whether it is. */
  #module(value: object): boolean {
    const name = this.#registry.nameOf(value);
    if (name !== undefined) this.#atom(WORD.module, name);
    return name !== undefined;
  }

  #method(value: Method): void {
    this.#heavy.add();
    this.#enter(1);
    this.#sink.tagged(WORD.method, 3);
    this.#sink.atom(value.name);
    this.jelly(value.self);
    this.jelly(classOf(value.self));
    this.#depth--;
  }

  /** Writes an object without `jellyFor` as an identifier or as its state, or refuses it. */
  #instance(value: object): void {
    const id = this.#persistentStore?.(value, this);
    if (id !== undefined) {
      this.#sink.tagged(WORD.persistent, 1);
      return this.#persistent(id);
    }
    const cls = classOf(value);
    if (cls !== undefined && this.#security.isClassAllowed(cls)) {
      this.#heavy.add();
      const tag = this.#registry.nameOf(cls) ?? jellyNameOf(cls);
      return this.tagged(tag, ownState(value));
    }
    const name = cls?.name ?? Reflect.get(value, Symbol.toStringTag) ?? "null";
    this.#refuse(
      value,
      `an object of class ${name} is neither Referenceable, Copyable nor Cacheable, and is not ` +
        `allowed as plain state${hintFor(value)}`,
    );
  }

  #persistent(id: PersistentId): void {
    if (typeof id === "string") this.#sink.atom(id);
    else if (id instanceof Uint8Array) this.#sink.bytes(id);
    else if (typeof id === "number") this.#number(id);
    else if (typeof id === "bigint") this.#sink.integer(id);
    else {
      this.#enter(1);
      this.#sink.list(id.length);
      for (const part of id) this.#persistent(part);
      this.#depth--;
    }
  }

  /** Records a new object and returns true; one that occurred before is written as a reference. */
  #isNew(object: object): boolean {
    if (this.#seen.add(object, this.#sink.mark)) return true;
    this.#dereference(object);
    return false;
  }

  #dereference(object: object): void {
    const ids = this.#ids ??= new Map();
    let id = ids.get(object);
    if (id === undefined) {
      id = ids.size + 1;
      ids.set(object, id);
      this.#wraps.push({ mark: this.#seen.markOf(object), id });
    }
    this.#sink.tagged(WORD.dereference, 1);
    this.#sink.integer(id);
  }

  #refuse(value: unknown, fact: string): void {
    if (this.#unpersistable) return this.#atom(WORD.unpersistable, fact);
    throw new JellyError(fact, { culprit: value });
  }

  #enter(lists: number): void {
    const depth = this.#depth += lists;
    if (depth <= this.#deepest) return;
    if (depth > this.#maxDepth) throw tooDeep(this.#maxDepth);
    this.#deepest = depth;
  }

  #whole(write: () => void, value: unknown, name: string): void {
    try {
      write();
      if (this.#wraps.length !== 0) this.#sink.wrap(this.#wraps);
      // Not counted so far: the list of the message, that of a text, and those of references, one
      // of which may surround each list on the way to the deepest. Measuring is worthwhile only if
      // all of these together could exceed the limit.
      const deepest = this.#deepest + 2 + Math.min(this.#deepest, this.#wraps.length);
      if (deepest > this.#maxDepth) this.#sink.check();
    } catch (error) {
      const fault = isStackOverflow(error) ? tooDeep(this.#maxDepth) : error;
      throw explained(fault, name, value);
    } finally {
      this.#seen.clear();
      this.#heavy.reset();
      this.#depth = 0;
      this.#deepest = 0;
      if (this.#ids !== undefined) {
        this.#ids = undefined;
        this.#wraps = [];
      }
    }
  }
}

/**
 * Returns whether an object is plain, as made by `{}` or `Object.create(null)`. An object whose
 * constructor is `Object` counts as one: asking for the prototype takes several times as long.
 */
function isPlain(value: object): value is Record<string, unknown> {
  if (value.constructor === Object) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Suggests what to send instead of some values that programs often try to send. */
function hintFor(value: object): string {
  if (value instanceof Promise) return "; send what it resolves to";
  if (value instanceof Error) return "; throw it, or send failure2Copyable(error)";
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return "; bytes are sent as a Uint8Array";
  }
  if (value instanceof ReadableStream || Symbol.asyncIterator in value) {
    return "; a stream is sent in pages: see StreamPager and docs/paging.md";
  }
  if (Symbol.iterator in value) return "; send an array of its items";
  return "";
}

function tooDeep(limit: number): JellyError {
  return new JellyError(`lists are nested more than ${limit} deep (maxDepth)`, {
    limit: "maxDepth",
  });
}

/** Returns a date, time or duration in the form in which it is sent; undefined for other values. */
function timeOf(value: object): WrittenTime | undefined {
  try {
    return writeTime(value);
  } catch (cause) {
    throw new JellyError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

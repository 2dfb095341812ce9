/**
 * The walk out: values to elements (`twisted.spread.jelly._Jellier`).
 *
 * @module
 */

import { BananaError } from "./banana/errors.ts";
import { type BananaLimits, DEFAULT_LIMITS } from "./banana/limits.ts";
import { WORD } from "./banana/tokens.ts";
import { JellyError } from "./errors.ts";
import { type IJellyable, isJellyable } from "./jellyable.ts";
import { type AnyClass, jellyNameOf } from "./names.ts";
import { isPlain, pathTo } from "./path.ts";
import { globalRegistry, type JellyRegistry } from "./registry.ts";
import { SeenObjects } from "./seen.ts";
import { DummySecurityOptions, type Taster } from "./security.ts";
import type { Sink, Wrap } from "./sink.ts";
import { ownState } from "./state.ts";
import { Decimal } from "./values/decimal.ts";
import { Float } from "./values/float.ts";
import { FrozenSet } from "./values/frozen_set.ts";
import { Method } from "./values/method.ts";
import { writeTime } from "./values/times.ts";
import { Tuple } from "./values/tuple.ts";
import { Unpersistable } from "./values/unpersistable.ts";

/** An identifier in a store of the program's own, as it goes on the wire. */
export type PersistentId = string | number | bigint | Uint8Array;

/** Options of {@linkcode Jellier}. */
export interface JellierOptions {
  /** Which classes may be sent as their state though they have no `jellyFor`; all unless given. */
  security?: Taster;
  /** The names of classes, functions and modules; the global registry unless given. */
  registry?: JellyRegistry;
  /** Depth and size of what may be sent; see {@linkcode BananaLimits} for the defaults. */
  limits?: BananaLimits;
  /** Gives the identifier under which the other end finds an object by itself, or undefined. */
  persistentStore?: (object: object, jellier: Jellier) => PersistentId | undefined;
  /** Sends what no rule covers as `unpersistable`, as Twisted does, instead of refusing it. */
  unpersistable?: boolean;
  /** The connection that the value is for, if it is for one. */
  invoker?: object;
}

/**
 * Writes values to a sink.
 *
 * One jellier serves one connection: each call of {@linkcode Jellier.write}
 * is a message of its own, in which objects that occur more than once keep their identity.
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
  /** The connection that the value is for, if it is for one; `jellyFor` may look at it. */
  readonly invoker: object | undefined;
  readonly #sink: Sink;
  readonly #security: Taster;
  readonly #registry: JellyRegistry;
  readonly #persistentStore: JellierOptions["persistentStore"];
  readonly #unpersistable: boolean;
  readonly #maxDepth: number;
  readonly #seen = new SeenObjects();
  /** Numbers of the objects that came more than once, and the places to mark for it. */
  #ids: Map<object, number> | undefined;
  #wraps: Wrap[] = [];
  #depth = 0;
  #deepest = 0;
  /** What was written last that a limit may be about. */
  #culprit: unknown;
  /** The path from the culprit on, within objects that wrote themselves. */
  #trail = "";

  /**
   * Creates a jellier.
   *
   * @param sink Where to write.
   * @param options Rules and limits.
   */
  constructor(sink: Sink, options: JellierOptions = {}) {
    this.#sink = sink;
    this.#security = options.security ?? new DummySecurityOptions();
    this.#registry = options.registry ?? globalRegistry;
    this.#persistentStore = options.persistentStore;
    this.#unpersistable = options.unpersistable ?? false;
    // One list for the message around the value, one for the text at the very bottom.
    this.#maxDepth = (options.limits ?? DEFAULT_LIMITS).maxDepth - 2;
    this.invoker = options.invoker;
  }

  /**
   * Writes a whole value.
   *
   * @param value The value.
   * @param name What to call the value in the path of an error.
   * @throws {JellyError} If some part of it cannot be sent; its path says which.
   * What was written of the value before is for the caller to take back.
   */
  write(value: unknown, name: string = "value"): void {
    this.#whole(value, name, () => this.jelly(value));
  }

  #whole(value: unknown, name: string, write: () => void): void {
    try {
      write();
      this.#wrap();
    } catch (error) {
      throw this.#explained(error, value, name);
    } finally {
      this.#seen.clear();
      this.#depth = 0;
      this.#deepest = 0;
      this.#culprit = undefined;
      if (this.#ids !== undefined) {
        this.#ids = undefined;
        this.#wraps = [];
      }
    }
  }

  /**
   * Writes values as one tuple: the arguments of a call.
   *
   * @param items The values; the array itself has no identity on the wire.
   * @param name What to call the tuple in the path of an error.
   * @throws {JellyError} If some part of it cannot be sent; its path says which.
   */
  writeTuple(items: readonly unknown[], name: string): void {
    this.#whole(items, name, () => this.#items(WORD.tuple, items.length, items));
  }

  /**
   * Writes a part of a value: for `jellyFor` methods, which write exactly one element.
   *
   * @param value The part.
   */
  jelly(value: unknown): void {
    switch (typeof value) {
      case "string":
        this.#culprit = value;
        this.#sink.text(value);
        break;
      case "number":
        if (Number.isSafeInteger(value) && (value !== 0 || 1 / value > 0)) {
          this.#sink.integer(value);
        } else this.#sink.float(value);
        break;
      case "object":
        if (value === null) this.#none();
        else this.#object(value);
        break;
      case "boolean":
        this.#sink.list(2);
        this.#sink.word(WORD.boolean);
        this.#sink.atom(value ? "true" : "false");
        break;
      case "undefined":
        this.#none();
        break;
      case "bigint":
        this.#culprit = value;
        this.#sink.integer(value);
        break;
      case "function":
        this.#function(value);
        break;
      default:
        this.#refuse(value, `a ${typeof value} has no form on the wire`);
    }
  }

  /**
   * Notes that an object begins here, so that where it comes again, it is the
   * same object on the other side. Call it before anything is written.
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
   * @param values The values behind it.
   */
  tagged(tag: string, ...values: readonly unknown[]): void {
    this.#enter(1);
    this.#sink.list(1 + values.length);
    this.#sink.atom(tag);
    for (const value of values) {
      try {
        this.jelly(value);
      } catch (error) {
        // The state may be an object that only this call knows: follow the path within it now.
        this.#trail = (pathTo(value, this.#culprit) ?? "") + this.#trail;
        throw error;
      }
    }
    this.#depth--;
  }

  #object(value: object): void {
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      if (this.#isNew(value)) this.#plain(value as Record<string, unknown>);
    } else if (Array.isArray(value)) {
      if (this.#isNew(value)) {
        this.#items(value instanceof Tuple ? WORD.tuple : WORD.list, value.length, value);
      }
    } else if (isJellyable(value)) {
      this.#jellyable(value);
    } else if (value instanceof Uint8Array) {
      this.#culprit = value;
      this.#sink.bytes(value);
    } else if (value instanceof Map) {
      if (this.#isNew(value)) this.#map(value);
    } else if (value instanceof Set) {
      if (this.#isNew(value)) this.#items(WORD.set, value.size, value);
    } else if (value instanceof FrozenSet) {
      if (this.#isNew(value)) this.#items(WORD.frozenset, value.size, value);
    } else {
      this.#rare(value);
    }
  }

  /** Writes the values that are neither containers nor objects with rules of their own. */
  #rare(value: object): void {
    if (value instanceof Float) return this.#sink.float(value.value);
    if (value instanceof Decimal) {
      this.#culprit = value;
      this.#sink.list(3);
      this.#sink.word(WORD.decimal);
      this.#sink.integer(value.coefficient);
      this.#sink.integer(value.exponent);
      return;
    }
    if (value instanceof Unpersistable) return this.#unpersist(value.reason);
    if (value instanceof Method) return this.#method(value);
    const time = this.#time(value);
    if (time !== undefined) {
      this.#sink.list(2);
      this.#sink.word(WORD[time.kind]);
      this.#sink.atom(time.text);
      return;
    }
    const module = this.#registry.nameOf(value);
    if (module !== undefined) return this.#named(WORD.module, module);
    this.#instance(value);
  }

  #none(): void {
    this.#sink.list(1);
    this.#sink.word(WORD.None);
  }

  #plain(value: Record<string, unknown>): void {
    const sink = this.#sink;
    const keys = Object.keys(value);
    this.#culprit = value;
    this.#enter(2);
    sink.list(1 + keys.length);
    sink.word(WORD.dictionary);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      this.#culprit = key;
      sink.pair(key);
      this.jelly(value[key]);
    }
    this.#depth -= 2;
  }

  #map(value: Map<unknown, unknown>): void {
    const sink = this.#sink;
    this.#culprit = value;
    this.#enter(2);
    sink.list(1 + value.size);
    sink.word(WORD.dictionary);
    for (const [key, inner] of value) {
      if (typeof key === "string") {
        this.#culprit = key;
        sink.pair(key);
      } else {
        sink.list(2);
        this.jelly(key);
      }
      this.jelly(inner);
    }
    this.#depth -= 2;
  }

  #items(word: number, length: number, items: Iterable<unknown>): void {
    this.#culprit = items;
    this.#enter(1);
    this.#sink.list(1 + length);
    this.#sink.word(word);
    if (Array.isArray(items)) {
      for (let i = 0; i < length; i++) this.jelly(items[i]);
    } else {
      for (const item of items) this.jelly(item);
    }
    this.#depth--;
  }

  #jellyable(value: IJellyable): void {
    if (this.#seen.has(value)) return this.#dereference(value);
    try {
      value.jellyFor(this);
    } catch (error) {
      this.#culprit = value;
      throw error;
    }
  }

  #function(value: NonNullable<unknown>): void {
    const name = this.#registry.nameOf(value);
    if (name === undefined) {
      return this.#refuse(value, "a function travels only by a registered name");
    }
    this.#named(isClass(value) ? WORD.class : WORD.function, name);
  }

  #named(word: number, name: string): void {
    this.#sink.list(2);
    this.#sink.word(word);
    this.#sink.atom(name);
  }

  #method(value: Method): void {
    this.#enter(1);
    this.#sink.list(4);
    this.#sink.word(WORD.method);
    this.#sink.atom(value.name);
    this.jelly(value.self);
    this.jelly(value.self.constructor);
    this.#depth--;
  }

  #time(value: object): ReturnType<typeof writeTime> {
    try {
      return writeTime(value);
    } catch (cause) {
      this.#culprit = value;
      throw new JellyError(cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }

  /** Writes an object of a class without `jellyFor`: by an identifier, or by its state, or not. */
  #instance(value: object): void {
    if (this.#seen.has(value)) return this.#dereference(value);
    const id = this.#persistentStore?.(value, this);
    if (id !== undefined) {
      this.prepare(value);
      return this.#persistent(id);
    }
    const cls: unknown = value.constructor;
    if (typeof cls !== "function" || isBuiltIn(cls)) {
      return this.#refuse(value, `${describe(value)} has no form on the wire`);
    }
    if (!this.#security.isClassAllowed(cls as AnyClass)) {
      return this.#refuse(
        value,
        `${describe(value)} is neither Referenceable, Copyable nor Cacheable, and is not allowed ` +
          "as plain state",
      );
    }
    this.prepare(value);
    try {
      this.tagged(jellyNameOf(cls as AnyClass), ownState(value));
    } catch (error) {
      this.#culprit = value;
      throw error;
    }
  }

  #persistent(id: PersistentId): void {
    this.#sink.list(2);
    this.#sink.word(WORD.persistent);
    if (typeof id === "string") this.#sink.atom(id);
    else if (id instanceof Uint8Array) this.#sink.bytes(id);
    else this.#sink.integer(id);
  }

  #unpersist(reason: string): void {
    this.#sink.list(2);
    this.#sink.word(WORD.unpersistable);
    this.#sink.atom(reason);
  }

  /** Notes an object; one that came before is written as a reference to that place. */
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
    this.#sink.list(2);
    this.#sink.word(WORD.dereference);
    this.#sink.integer(id);
  }

  #enter(lists: number): void {
    const depth = this.#depth += lists;
    if (depth <= this.#deepest) return;
    if (depth > this.#maxDepth) throw tooDeep(this.#maxDepth + 2);
    this.#deepest = depth;
  }

  /** Marks the objects that came more than once; each mark is a list around its object. */
  #wrap(): void {
    if (this.#wraps.length === 0) return;
    // At the worst, every list on the way to the deepest one is marked.
    if (this.#deepest + Math.min(this.#deepest, this.#wraps.length) > this.#maxDepth) {
      throw tooDeep(this.#maxDepth + 2);
    }
    this.#sink.wrap(this.#wraps);
  }

  #refuse(value: unknown, fact: string): void {
    if (this.#unpersistable) return this.#unpersist(fact);
    this.#culprit = value;
    throw new JellyError(fact);
  }

  /** Tells where in the value an error happened; errors of the program's own pass as they are. */
  #explained(error: unknown, value: unknown, name: string): unknown {
    const trail = this.#trail;
    this.#trail = "";
    const fault = error instanceof RangeError && /call stack/.test(error.message)
      ? tooDeep(this.#maxDepth + 2)
      : error;
    if (!(fault instanceof JellyError || fault instanceof BananaError)) return error;
    const found = fault.limit === "maxDepth" ? undefined : pathTo(value, this.#culprit);
    const path = found === undefined ? undefined : name + found + trail;
    const explained = new JellyError(
      `Cannot send ${path ?? name}: ${fault.message.replace(/^Cannot send /, "")}`,
      { cause: error, culprit: this.#culprit, limit: fault.limit },
    );
    explained.path = path;
    return explained;
  }
}

function tooDeep(limit: number): JellyError {
  return new JellyError(`more than ${limit} lists in each other (maxDepth)`, { limit: "maxDepth" });
}

/** Names an object in a refusal. */
function describe(value: object): string {
  if (isPlain(value)) return "an object";
  const { constructor } = value;
  return `an object of class ${typeof constructor === "function" ? constructor.name : "null"}`;
}

/** Tells a class from a function: only its text does. */
function isClass(value: NonNullable<unknown>): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}

/** Tells whether a class belongs to the runtime: such objects have no state that could travel. */
function isBuiltIn(cls: { readonly name: string }): boolean {
  return Reflect.get(globalThis, cls.name) === cls;
}

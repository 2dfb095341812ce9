/**
 * The walk in: elements to values (`twisted.spread.jelly._Unjellier`).
 *
 * @module
 */

import { FLOAT, LIST, STRING, VOCAB, WORD, WORDS } from "./banana/tokens.ts";
import { utf8 } from "./banana/utf8.ts";
import { InsecureJelly, JellyError } from "./errors.ts";
import type { IUnjellyable } from "./jellyable.ts";
import { type AnyClass, moduleNameOf } from "./names.ts";
import { patch, Placeholder } from "./placeholder.ts";
import { globalRegistry, type JellyRegistry, type UnjellyRule } from "./registry.ts";
import { DummySecurityOptions, type Taster } from "./security.ts";
import type { Sexp } from "./sexp.ts";
import type { ElementType, Source } from "./source.ts";
import { applyState, setField, stateEntries } from "./state.ts";
import { Decimal } from "./values/decimal.ts";
import { fillFrozenSet, type FrozenSet, openFrozenSet } from "./values/frozen_set.ts";
import { Method } from "./values/method.ts";
import { readTime, type TimeKind } from "./values/times.ts";
import { openTuple } from "./values/tuple.ts";
import { Unpersistable } from "./values/unpersistable.ts";

// As constants of this module they cost nothing to compare with.
const UNICODE = WORD.unicode;
const DICTIONARY = WORD.dictionary;
const LIST_TAG = WORD.list;
const TUPLE = WORD.tuple;
const NONE = WORD.None;
const BOOLEAN = WORD.boolean;

/** Elements that may be looked at ahead in one value, to tell which dictionaries have text keys. */
const MAX_LOOK_AHEAD = 1_000_000;

/** Options of {@linkcode Unjellier}. */
export interface UnjellierOptions {
  /** What may arrive; everything that is registered unless given. */
  security?: Taster;
  /** The names of classes, functions and modules; the global registry unless given. */
  registry?: JellyRegistry;
  /** Rules for tags that come before those of the registry. */
  rules?: ReadonlyMap<string, UnjellyRule>;
  /** Finds an object by the identifier that `persistentStore` gave it. */
  persistentLoad?: (id: Sexp, unjellier: Unjellier) => unknown;
  /** The connection that the value came from, if it came from one. */
  invoker?: object;
}

/**
 * The items of a list behind its tag, read one after the other by a rule.
 */
export interface JellyList {
  /** How many items are left. */
  readonly length: number;
  /**
   * Reads the next item as a value.
   *
   * @returns The value.
   * @throws {JellyError} If there is none.
   */
  next(): unknown;
  /**
   * Reads the next item as it stands, as an s-expression.
   *
   * @returns The item.
   * @throws {JellyError} If there is none.
   */
  nextSexp(): Sexp;
}

/**
 * Reads values from a source.
 *
 * One unjellier serves one connection: each call of {@linkcode Unjellier.read}
 * is a message of its own.
 *
 * @example
 * ```ts
 * import { atom, TreeSource, Unjellier } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * const source = new TreeSource([atom("list"), 1, [atom("None")]]);
 * assertEquals(new Unjellier(source).read(), [1, null]);
 * ```
 */
export class Unjellier {
  /** The connection that the value came from, if it came from one. */
  readonly invoker: object | undefined;
  readonly #source: Source;
  readonly #security: Taster;
  readonly #registry: JellyRegistry;
  readonly #rules: ReadonlyMap<string, UnjellyRule> | undefined;
  readonly #persistentLoad: UnjellierOptions["persistentLoad"];
  /** The known words that the security options have allowed in this message, as bits. */
  #allowed = 0;
  #allowedMore = 0;
  /** Number of the reference that the next element is to be known by. */
  #naming: number | undefined;
  /** Number that the object is to be known by which a rule is making. */
  #creating: number | undefined;
  #references: Map<number, unknown> | undefined;
  /** How many references were used and have not come. */
  #missing = 0;
  /** Containers that hold a placeholder. */
  readonly #incomplete = new Set<object>();
  /** What a frozen set is to be filled with, once the placeholders in it are resolved. */
  readonly #unfilled = new Map<FrozenSet, unknown[]>();
  /** Objects that want to be told when the whole value is there. */
  #post: Required<Pick<IUnjellyable, "postUnjelly">>[] = [];
  #lookAhead = MAX_LOOK_AHEAD;

  /**
   * Creates an unjellier.
   *
   * @param source Where to read.
   * @param options Rules.
   */
  constructor(source: Source, options: UnjellierOptions = {}) {
    this.#source = source;
    this.#security = options.security ?? new DummySecurityOptions();
    this.#registry = options.registry ?? globalRegistry;
    this.#rules = options.rules;
    this.#persistentLoad = options.persistentLoad;
    this.invoker = options.invoker;
  }

  /**
   * Reads a whole value.
   *
   * @returns The value.
   * @throws {JellyError} If the next element is no value.
   * @throws {InsecureJelly} If it names what is not allowed or not known.
   */
  read(): unknown {
    return this.#whole(() => this.unjelly());
  }

  /**
   * Reads the arguments of a call: a tuple or a list, as a plain array.
   *
   * @returns The items.
   * @throws {JellyError} If the next element is neither.
   */
  readItems(): unknown[] {
    return this.#whole(() => {
      if (this.#source.next() === LIST && this.#source.count !== 0) {
        const items = this.#source.count - 1;
        const tag = this.#source.tag();
        if (tag === TUPLE || tag === LIST_TAG) return this.#array([], items);
      }
      throw new JellyError("Cannot read arguments: they are neither tuple nor list");
    });
  }

  /**
   * Reads the keyword arguments of a call: a dictionary with texts, or UTF-8 bytes, as keys.
   *
   * @returns The arguments by name, or undefined if there are none.
   * @throws {JellyError} If the next element is no such dictionary.
   */
  readNames(): Record<string, unknown> | undefined {
    const entries = stateEntries(this.read());
    if (entries.length === 0) return undefined;
    const names: Record<string, unknown> = {};
    for (const [name, value] of entries) setField(names, name, value);
    return names;
  }

  /**
   * Reads the next element as a part of the value.
   *
   * @returns The part.
   */
  unjelly(): unknown {
    return this.#element(this.#source.next());
  }

  /**
   * Tells that an object exists whose state is still to be read, so that the
   * state may refer to it.
   *
   * @param object The object.
   */
  created(object: object): void {
    if (this.#creating === undefined) return;
    this.#define(this.#creating, object);
    this.#creating = undefined;
  }

  /** Reads a message of its own: what refers to each other is within it. */
  #whole<T>(read: () => T): T {
    this.#allowed = 0;
    this.#allowedMore = 0;
    try {
      const value = read();
      this.#finish();
      return value;
    } finally {
      if (this.#references !== undefined || this.#post.length !== 0) this.#reset();
    }
  }

  #element(type: ElementType): unknown {
    switch (type) {
      case LIST: {
        const { count } = this.#source;
        if (count === 0) throw new JellyError("Cannot read value: a list is empty");
        return this.#tagged(this.#source.tag(), count - 1);
      }
      case STRING:
      case VOCAB:
        return this.#source.bytes();
      case FLOAT:
        return this.#source.float();
      default:
        return this.#source.integer();
    }
  }

  /** Reads what stands behind a tag. */
  #tagged(tag: number | string | undefined, items: number): unknown {
    if (typeof tag !== "number") {
      if (tag === undefined) throw new JellyError("Cannot read value: a list begins with no tag");
      return this.#byName(tag, items);
    }
    if (!this.#isAllowed(tag)) return this.#byName(WORDS[tag]!, items);
    switch (tag) {
      case UNICODE:
        return this.#text(items);
      case DICTIONARY:
        return this.#dictionary(items);
      case LIST_TAG:
        return this.#array([], items);
      case TUPLE:
        return this.#tuple(items);
      case NONE:
        this.#skip(items);
        return null;
      case BOOLEAN:
        return this.#boolean(items);
      case WORD.reference:
        return this.#reference(items);
      case WORD.dereference:
        return this.#dereference(items);
      case WORD.set:
        return this.#set(items);
      case WORD.frozenset:
        return this.#frozenSet(items);
      case WORD.decimal:
        return this.#decimal(items);
      case WORD.datetime:
      case WORD.date:
      case WORD.time:
      case WORD.timedelta:
        return this.#time(WORDS[tag] as TimeKind, items);
      default:
        return this.#byName(WORDS[tag]!, items);
    }
  }

  /** Asks the security options about a known word, once in a message. */
  #isAllowed(word: number): boolean {
    const bit = 1 << (word & 31);
    const allowed = word < 32 ? this.#allowed : this.#allowedMore;
    if ((allowed & bit) !== 0) return true;
    if (!this.#security.isTypeAllowed(WORDS[word]!)) return false;
    if (word < 32) this.#allowed |= bit;
    else this.#allowedMore |= bit;
    return true;
  }

  #text(items: number): string {
    this.#needString(items, "text");
    const text = this.#source.text();
    if (items !== 1) this.#skip(items - 1);
    return text;
  }

  #boolean(items: number): boolean {
    this.#needString(items, "boolean");
    const text = this.#source.text();
    if (text !== "true" && text !== "false") {
      throw new JellyError(
        `Cannot read boolean "${text.slice(0, 20)}": it is neither true nor false`,
      );
    }
    this.#skip(items - 1);
    return text === "true";
  }

  #array(array: unknown[], items: number): unknown[] {
    this.#name(array);
    for (let i = 0; i < items; i++) {
      const item = this.unjelly();
      if (this.#missing !== 0) this.#note(item, array);
      array.push(item);
    }
    return array;
  }

  #tuple(items: number): unknown[] {
    const tuple = this.#array(openTuple(), items);
    // One that holds a placeholder stays open until the end.
    if (!this.#incomplete.has(tuple)) Object.freeze(tuple);
    return tuple;
  }

  #set(items: number): Set<unknown> {
    const set = new Set<unknown>();
    this.#name(set);
    for (let i = 0; i < items; i++) {
      const item = this.unjelly();
      if (this.#missing !== 0) this.#note(item, set);
      set.add(item);
    }
    return set;
  }

  #frozenSet(items: number): unknown {
    const set = openFrozenSet<unknown>();
    this.#name(set);
    const elements: unknown[] = [];
    for (let i = 0; i < items; i++) {
      const item = this.unjelly();
      if (this.#missing !== 0) this.#note(item, elements);
      elements.push(item);
    }
    if (this.#incomplete.has(elements)) this.#unfilled.set(set, elements);
    else fillFrozenSet(set, elements);
    return set;
  }

  /** Reads a dictionary: a plain object as long as every key is a text, else a `Map`. */
  #dictionary(items: number): unknown {
    const naming = this.#naming;
    this.#naming = undefined;
    const object: Record<string, unknown> = {};
    if (naming !== undefined) {
      // What is inside may refer to the dictionary, so what it will be must be known now.
      const texts = this.#hasTextKeys(items);
      if (texts === false) return this.#map(new Map(), items, naming);
      if (texts === true) this.#define(naming, object);
    }
    for (let i = 0; i < items; i++) {
      const key = this.#key();
      const value = this.unjelly();
      if (typeof key !== "string") {
        const map = new Map<unknown, unknown>(Object.entries(object));
        if (this.#incomplete.has(object)) this.#incomplete.add(map);
        return this.#pairs(map, key, value, items - i - 1);
      }
      if (this.#missing !== 0) this.#note(value, object);
      if (key === "__proto__") setField(object, key, value);
      else object[key] = value;
    }
    return object;
  }

  #map(map: Map<unknown, unknown>, items: number, naming: number): unknown {
    this.#define(naming, map);
    return items === 0 ? map : this.#pairs(map, this.#key(), this.unjelly(), items - 1);
  }

  /** Adds a pair that was read, and those that follow. */
  #pairs(map: Map<unknown, unknown>, key: unknown, value: unknown, items: number): unknown {
    for (;; items--) {
      if (this.#missing !== 0) {
        this.#note(key, map);
        this.#note(value, map);
      }
      map.set(key, value);
      if (items === 0) return map;
      key = this.#key();
      value = this.unjelly();
    }
  }

  /** Enters a pair of a dictionary and reads its key. */
  #key(): unknown {
    const source = this.#source;
    if (source.next() !== LIST || source.count !== 2) {
      throw new JellyError("Cannot read dictionary: an item is no pair");
    }
    const type = source.next();
    if (type !== LIST) return this.#element(type);
    const { count } = source;
    if (count !== 2) return this.#element(type);
    const tag = source.tag();
    if (tag !== UNICODE || !this.#isAllowed(UNICODE)) return this.#tagged(tag, 1);
    this.#needString(1, "text");
    return source.name();
  }

  /** Looks ahead whether all keys of a dictionary are texts; undefined if that is too far to look. */
  #hasTextKeys(items: number): boolean | undefined {
    const source = this.#source;
    const place = source.save();
    try {
      for (let i = 0; i < items; i++) {
        if (this.#lookAhead <= 0) return undefined;
        if (source.next() !== LIST || source.count !== 2) return true;
        if (source.next() !== LIST || source.count !== 2) return false;
        if (source.tag() !== UNICODE) return false;
        this.#lookAhead -= source.skip() + source.skip();
      }
      return true;
    } finally {
      source.restore(place);
    }
  }

  #decimal(items: number): Decimal {
    if (items < 2) throw new JellyError("Cannot read decimal: it needs a value and an exponent");
    const coefficient = this.#integer("decimal");
    const exponent = this.#integer("decimal");
    this.#skip(items - 2);
    try {
      return new Decimal(coefficient, Number(exponent));
    } catch (cause) {
      throw new JellyError(`Cannot read decimal: ${messageOf(cause)}`, { cause });
    }
  }

  #time(kind: TimeKind, items: number): unknown {
    this.#needString(items, kind);
    const text = this.#source.text();
    this.#skip(items - 1);
    try {
      return readTime(kind, text);
    } catch (cause) {
      throw new JellyError(messageOf(cause), { cause });
    }
  }

  #reference(items: number): unknown {
    if (items < 2) throw new JellyError("Cannot read reference: it needs a number and a value");
    const id = Number(this.#integer("reference"));
    this.#naming = id;
    const value = this.unjelly();
    this.#naming = undefined;
    this.#skip(items - 2);
    if (value instanceof Placeholder) {
      throw new JellyError(`Cannot read reference ${id}: it stands for another reference`);
    }
    if (this.#references?.get(id) !== value) this.#define(id, value);
    return value;
  }

  #dereference(items: number): unknown {
    this.#naming = undefined;
    if (items < 1) throw new JellyError("Cannot read dereference: it needs a number");
    const id = Number(this.#integer("dereference"));
    this.#skip(items - 1);
    const references = this.#references ??= new Map();
    const known = references.get(id);
    if (known instanceof Placeholder) return known.isResolved ? known.value : known;
    if (known !== undefined || references.has(id)) return known;
    const placeholder = new Placeholder(id);
    references.set(id, placeholder);
    this.#missing++;
    return placeholder;
  }

  /** Lets a number stand for an object. */
  #define(id: number, value: unknown): void {
    const references = this.#references ??= new Map();
    const known = references.get(id);
    if (known instanceof Placeholder) {
      known.resolve(value);
      this.#missing--;
      // Containers that hold the placeholder are still to be mended, at the end.
    } else if (references.has(id)) {
      throw new JellyError(`Cannot read reference ${id}: the number is in use`);
    }
    references.set(id, value);
  }

  /** Lets the number that was announced stand for a container. */
  #name(container: object): void {
    if (this.#naming === undefined) return;
    this.#define(this.#naming, container);
    this.#naming = undefined;
  }

  /** Remembers a container that gets a placeholder. */
  #note(item: unknown, container: object): void {
    if (item instanceof Placeholder) this.#incomplete.add(container);
  }

  /** Reads what stands behind a tag that is no plain value. */
  #byName(tag: string, items: number): unknown {
    const list = new ItemList(this, this.#source, items);
    const outer = this.#creating;
    this.#creating = this.#naming;
    this.#naming = undefined;
    try {
      const value = this.#apply(tag, list);
      list.finish();
      if (typeof value === "object" && value !== null) {
        if (this.#missing !== 0) this.#incomplete.add(value);
        if (hasPostUnjelly(value)) this.#post.push(value);
      }
      return value;
    } finally {
      this.#creating = outer;
    }
  }

  #apply(tag: string, list: JellyList): unknown {
    const rule = this.#rules?.get(tag) ?? this.#registry.rule(tag);
    if (rule !== undefined) return rule(this, list);
    if (!this.#security.isTypeAllowed(tag)) {
      throw new InsecureJelly(`Cannot receive "${tag}": the type is not allowed`);
    }
    switch (tag) {
      case "unpersistable":
        return new Unpersistable(textOf(list.nextSexp(), tag));
      case "persistent":
        return this.#persistentLoad === undefined
          ? new Unpersistable("Persistent callback not found")
          : this.#persistentLoad(list.nextSexp(), this);
      case "module":
        return this.#module(textOf(list.nextSexp(), tag));
      case "class":
        return this.#class(textOf(list.nextSexp(), tag));
      case "function":
        return this.#function(textOf(list.nextSexp(), tag));
      case "method":
        return this.#method(list);
      case "instance":
        return this.#instance(this.#asClass(list.next()), list);
      default:
        return this.#instance(this.#class(tag), list);
    }
  }

  #module(name: string): object {
    if (!this.#security.isModuleAllowed(name)) {
      throw new InsecureJelly(`Cannot receive module "${name}": it is not allowed`);
    }
    const module = this.#registry.value(name);
    if (module === undefined || typeof module === "function") {
      throw new InsecureJelly(`Cannot receive module "${name}": it is not registered`);
    }
    return module;
  }

  #class(name: string): AnyClass {
    this.#checkModule(name);
    const cls = this.#registry.value(name);
    if (cls === undefined) {
      throw new InsecureJelly(`Cannot receive "${name}": no class is registered for it`);
    }
    return this.#asClass(cls);
  }

  #function(name: string): unknown {
    this.#checkModule(name);
    const found = this.#registry.value(name);
    if (typeof found === "function") return found;
    throw new InsecureJelly(`Cannot receive function "${name}": it is not registered`);
  }

  #checkModule(name: string): void {
    const module = moduleNameOf(name);
    if (!this.#security.isModuleAllowed(module)) {
      throw new InsecureJelly(`Cannot receive "${name}": module "${module}" is not allowed`);
    }
  }

  /** Takes a received value for a class, if it is one that is allowed. */
  #asClass(value: unknown): AnyClass {
    if (typeof value !== "function") {
      throw new InsecureJelly("Cannot make instance: what is named is no class");
    }
    if (!this.#security.isClassAllowed(value as AnyClass)) {
      throw new InsecureJelly(`Cannot receive class "${value.name}": it is not allowed`);
    }
    return value as AnyClass;
  }

  #method(list: JellyList): Method {
    const name = textOf(list.nextSexp(), "method");
    const self = list.next();
    const cls = this.#asClass(list.next());
    if (self instanceof Placeholder || typeof self !== "object" || self === null) {
      throw new JellyError(`Cannot receive method "${name}": its object is not there`);
    }
    const { prototype } = cls;
    const own = name === "constructor"
      ? undefined
      : Object.getOwnPropertyDescriptor(prototype, name);
    if (typeof own?.value !== "function" || !(self instanceof cls)) {
      throw new JellyError(`Cannot receive method "${name}": class ${cls.name} has none`);
    }
    return new Method(self, name);
  }

  /** Makes an instance of an allowed class, without its constructor, and gives it its state. */
  #instance(cls: AnyClass, list: JellyList): object {
    const object: object = Object.create(cls.prototype as object);
    this.created(object);
    applyState(object, list.next());
    return object;
  }

  #needString(items: number, what: string): void {
    if (items >= 1) {
      const type = this.#source.next();
      if (type === STRING || type === VOCAB) return;
    }
    throw new JellyError(`Cannot read ${what}: it needs a byte string`);
  }

  #integer(what: string): number | bigint {
    switch (this.#source.next()) {
      case LIST:
      case STRING:
      case VOCAB:
      case FLOAT:
        throw new JellyError(`Cannot read ${what}: it needs an integer`);
      default:
        return this.#source.integer();
    }
  }

  #skip(items: number): void {
    for (let i = 0; i < items; i++) this.#source.skip();
  }

  /** Mends what holds placeholders, and tells the objects that want to know. */
  #finish(): void {
    if (this.#missing !== 0) {
      for (const [id, value] of this.#references!) {
        if (value instanceof Placeholder) {
          throw new JellyError(`Cannot read dereference ${id}: there is no such reference`);
        }
      }
    }
    for (const container of this.#incomplete) patch(container);
    for (const [set, elements] of this.#unfilled) fillFrozenSet(set, elements);
    for (const object of this.#post) object.postUnjelly();
  }

  #reset(): void {
    this.#references = undefined;
    this.#missing = 0;
    this.#naming = undefined;
    this.#incomplete.clear();
    this.#unfilled.clear();
    this.#post = [];
    this.#lookAhead = MAX_LOOK_AHEAD;
  }
}

/** The items behind a tag, for a rule. */
class ItemList implements JellyList {
  /** How many items are left. */
  length: number;
  readonly #unjellier: Unjellier;
  readonly #source: Source;

  constructor(unjellier: Unjellier, source: Source, length: number) {
    this.#unjellier = unjellier;
    this.#source = source;
    this.length = length;
  }

  next(): unknown {
    this.#take();
    return this.#unjellier.unjelly();
  }

  nextSexp(): Sexp {
    this.#take();
    return this.#source.sexp();
  }

  /** Passes over what the rule left. */
  finish(): void {
    for (; this.length !== 0; this.length--) this.#source.skip();
  }

  #take(): void {
    if (this.length === 0) throw new JellyError("Cannot read value: a list is too short");
    this.length--;
  }
}

function hasPostUnjelly(value: object): value is Required<Pick<IUnjellyable, "postUnjelly">> {
  return typeof (value as Partial<IUnjellyable>).postUnjelly === "function";
}

function textOf(sexp: Sexp, what: string): string {
  if (sexp instanceof Uint8Array) return utf8(sexp, 0, sexp.length);
  throw new JellyError(`Cannot read ${what}: it needs a byte string`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Turns incoming elements into values (`twisted.spread.jelly._Unjellier`).
 *
 * @module
 */

import { FLOAT, LIST, STRING, VOCAB, WORD, WORDS } from "./banana/tokens.ts";
import { utf8 } from "./banana/utf8.ts";
import { InsecureJelly, JellyError } from "./errors.ts";
import type { IUnjellyable } from "./jellyable.ts";
import { type JellyList, SourceList } from "./jelly_list.ts";
import { Lookup } from "./lookup.ts";
import type { AnyClass } from "./names.ts";
import { type NumberGuard, NumberGuards } from "./number_guard.ts";
import { isStackOverflow } from "./overflow.ts";
import { Placeholder } from "./placeholder.ts";
import { type ReferenceId, References } from "./references.ts";
import { globalRegistry, type JellyRegistry, type UnjellyRule } from "./registry.ts";
import {
  readBoolean,
  readDecimal,
  readInteger,
  readText,
  readTimeValue,
  skipItems,
} from "./scalars.ts";
import { DummySecurityOptions, type Taster } from "./security.ts";
import type { Sexp } from "./banana/sexp.ts";
import type { Source } from "./source.ts";
import { applyState, maybeIndex, objectOf, setField, stateEntries } from "./state.ts";
import { fillFrozenSet, openFrozenSet } from "./values/frozen_set.ts";
import type { TimeKind } from "./values/times.ts";
import { openTuple } from "./values/tuple.ts";
import { Unpersistable } from "./values/unpersistable.ts";
import { isDictionary, weightOf } from "./weight.ts";

// As module constants, these cost nothing to compare with.
const { unicode: UNICODE, dictionary: DICTIONARY, list: LIST_TAG, tuple: TUPLE } = WORD;
const { None: NONE, boolean: BOOLEAN } = WORD;

/** Options of {@linkcode Unjellier}. */
export interface UnjellierOptions {
  /** What may arrive. Defaults to everything that is registered. */
  security?: Taster;
  /** The names of classes, functions and modules. Defaults to the global registry. */
  registry?: JellyRegistry;
  /** Rules for tags, which take precedence over those of the registry. */
  rules?: ReadonlyMap<string, UnjellyRule>;
  /** Finds an object by the identifier that `persistentStore` gave it. */
  persistentLoad?: (id: Sexp, unjellier: Unjellier) => unknown;
  /** The connection that the value came from, if any. */
  invoker?: object;
}

/** The first pair of a dictionary whose key is not a string. */
interface FirstPair {
  /** The pairs before it. */
  readonly map: Map<unknown, unknown>;
  readonly guard: NumberGuard | undefined;
  readonly key: unknown;
  readonly value: unknown;
}

/**
 * Reads values from a source.
 *
 * Each call of {@linkcode Unjellier.read} reads a separate message; nothing is kept from one to the
 * next.
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
  /**
   * The connection that the value came from, if any; rules may look at it. Connections that share
   * an unjellier set it before each message.
   */
  invoker: object | undefined;
  readonly #source: Source;
  readonly #security: Taster;
  readonly #registry: JellyRegistry;
  readonly #rules: ReadonlyMap<string, UnjellyRule> | undefined;
  readonly #lookup: Lookup;
  readonly #persistentLoad: UnjellierOptions["persistentLoad"];
  /** For every known word, 1 if the security options have allowed it in this message. */
  readonly #allowed = new Uint8Array(WORDS.length);
  /** Guard the sets and dictionaries of this message. */
  readonly #guards = new NumberGuards();
  /** The objects with reference numbers, if there are any. */
  #references: References | undefined;
  /** The object that was referred to last. */
  #shared: unknown;
  /** Reference number of the object that a rule is creating. */
  #creating: ReferenceId | undefined;
  #isLenient = false;
  /** Objects to notify once the whole value has been read. */
  #post: Required<Pick<IUnjellyable, "postUnjelly">>[] = [];

  /**
   * Creates an unjellier.
   *
   * @param source What to read from.
   * @param options Rules.
   */
  constructor(source: Source, options: UnjellierOptions = {}) {
    this.#source = source;
    this.#security = options.security ?? new DummySecurityOptions();
    this.#registry = options.registry ?? globalRegistry;
    this.#lookup = new Lookup(this.#security, this.#registry);
    this.#rules = options.rules;
    this.#persistentLoad = options.persistentLoad;
    this.invoker = options.invoker;
  }

  /**
   * Reads a whole value.
   *
   * @returns The value.
   * @throws {JellyError} If the next element is not a value.
   * @throws {InsecureJelly} If it names something that is not allowed or not known.
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
        if (tag === TUPLE || tag === LIST_TAG) return this.#array(arrayFor(items), items);
      }
      throw new JellyError("Cannot read arguments: they are neither a tuple nor a list");
    });
  }

  /**
   * Reads the keyword arguments of a call: a dictionary with strings, or UTF-8 bytes, as keys.
   *
   * @returns The arguments by name, or undefined if there are none.
   * @throws {JellyError} If the next element is not such a dictionary.
   */
  readNames(): Record<string, unknown> | undefined {
    const state = this.read();
    if (isEmpty(state)) return undefined;
    const entries = stateEntries(state);
    return objectOf(entries);
  }

  /**
   * Reads the next element as a part of the value.
   *
   * @returns The part.
   */
  unjelly(): unknown {
    return this.#element();
  }

  /**
   * Reads parts without failing for types that are not allowed: a part of such a type becomes an
   * {@linkcode Unpersistable}, and the rest is still read.
   *
   * @param read Reads the parts.
   * @returns What `read` returns.
   */
  leniently<T>(read: () => T): T {
    const outer = this.#isLenient;
    this.#isLenient = true;
    try {
      return read();
    } finally {
      this.#isLenient = outer;
    }
  }

  /**
   * Announces an object whose state is still to be read, so that the state can refer to it.
   *
   * Only for rules and `unjellyFor` methods that will return this very object. For all others, such
   * references are filled in once the whole value has been read.
   *
   * @param object The object.
   */
  created(object: object): void {
    if (this.#creating === undefined) return;
    this.#references!.announce(this.#creating, object);
    this.#creating = undefined;
  }

  /**
   * Counts a part that is copied although it may be shared by many others: otherwise a short
   * message could take as much time and memory as a much longer one.
   *
   * @param part The part.
   * @throws {BananaError} If too much is copied.
   * @internal
   */
  copied(part: unknown): void {
    this.#source.heavy(weightOf(part));
  }

  /** Reads the next element; if a reference number is given, the number will stand for it. */
  #element(id?: ReferenceId): unknown {
    const source = this.#source;
    switch (source.next()) {
      case LIST:
        return this.#list(source.count, id);
      case STRING:
      case VOCAB:
        return source.bytes();
      case FLOAT:
        return source.float();
      default:
        return source.integer();
    }
  }

  #list(count: number, id?: ReferenceId): unknown {
    if (count === 0) throw new JellyError("Cannot read value: a list is empty");
    const source = this.#source;
    if (count === 2 && this.#isAllowed(UNICODE)) {
      // Most lists are short text values.
      const text = source.shortText();
      if (text !== undefined) return text;
    }
    const tag = source.tag();
    const items = count - 1;
    if (typeof tag !== "number") {
      if (tag === undefined) {
        throw new JellyError("Cannot read value: a list does not begin with a tag");
      }
      return this.#byName(tag, items, id);
    }
    if (!this.#isAllowed(tag)) return this.#byName(WORDS[tag]!, items, id);
    switch (tag) {
      case UNICODE:
        return readText(source, items, "text");
      case DICTIONARY:
        return this.#dictionary(items);
      case LIST_TAG:
        return this.#array(arrayFor(items), items, id);
      case TUPLE:
        return this.#tuple(items, id);
      case NONE:
        skipItems(source, items);
        return null;
      case BOOLEAN:
        return readBoolean(source, items);
      case WORD.reference:
        return this.#reference(items);
      case WORD.dereference:
        return this.#dereference(items);
      case WORD.set:
        return this.#set(items, id);
      case WORD.frozenset:
        return this.#frozenSet(items, id);
      case WORD.decimal:
        return readDecimal(source, items);
      case WORD.datetime:
      case WORD.date:
      case WORD.time:
      case WORD.timedelta:
        return readTimeValue(source, items, WORDS[tag] as TimeKind);
      default:
        return this.#byName(WORDS[tag]!, items, id);
    }
  }

  /** Asks the security options about a known word, until they have allowed it in this message. */
  #isAllowed(word: number): boolean {
    if (this.#allowed[word] === 1) return true;
    if (!this.#security.isTypeAllowed(WORDS[word]!)) return false;
    this.#allowed[word] = 1;
    return true;
  }

  #array(array: unknown[], items: number, id?: ReferenceId): unknown[] {
    if (id !== undefined) this.#references!.define(id, array);
    for (let i = 0; i < items; i++) {
      const item = this.#element();
      this.#references?.note(array, item);
      array[i] = item;
    }
    return array;
  }

  #tuple(items: number, id?: ReferenceId): unknown[] {
    const tuple = this.#array(openTuple(), items, id);
    // A tuple that holds a placeholder stays open until the end.
    return this.#references?.isIncomplete(tuple) ? tuple : Object.freeze(tuple) as unknown[];
  }

  #set(items: number, id?: ReferenceId): Set<unknown> {
    this.#source.heavy();
    const set = new Set<unknown>();
    if (id !== undefined) this.#references!.define(id, set);
    const guard = this.#guards.guardOf(set, items);
    for (let i = 0; i < items; i++) {
      const item = this.#element();
      this.#references?.note(set, item);
      set.add(item);
      guard?.added(item);
    }
    return set;
  }

  #frozenSet(items: number, id?: ReferenceId): unknown {
    this.#source.heavy();
    const set = openFrozenSet<unknown>();
    if (id !== undefined) this.#references!.define(id, set);
    const elements = this.#array([], items);
    if (this.#references?.isIncomplete(elements)) this.#references.fillLater(set, elements);
    else {
      this.#guards.check(elements);
      fillFrozenSet(set, elements);
    }
    return set;
  }

  /**
   * Reads a dictionary: a plain object if every key is a string, else a `Map`.
   *
   * Which of the two it will be is known only at the end: until then, a placeholder stands for a
   * dictionary that contains itself.
   */
  #dictionary(items: number): unknown {
    const object: Record<string, unknown> = {};
    const knowsKeys = this.#isAllowed(UNICODE);
    for (let i = 0; i < items; i++) {
      const key = (knowsKeys ? this.#source.knownKey() : undefined) ?? this.#key();
      const value = this.#element();
      if (typeof key !== "string") {
        this.#source.heavy();
        const map = new Map<unknown, unknown>();
        if (this.#references?.isIncomplete(object)) this.#references.noteObject(map);
        const guard = this.#guards.guardOf(map, items);
        for (const [text, value] of Object.entries(object)) {
          map.set(text, value);
          guard?.added(text);
        }
        return this.#pairs({ map, guard, key, value }, items - i - 1);
      }
      this.#references?.note(object, value);
      if (key === "__proto__" || maybeIndex(key)) setField(object, key, value);
      else object[key] = value;
    }
    return object;
  }

  /** Adds a pair that was read, then reads and adds the others. */
  #pairs({ map, guard, key, value }: FirstPair, items: number): unknown {
    for (;; items--) {
      this.#references?.note(map, key);
      this.#references?.note(map, value);
      map.set(key, value);
      guard?.added(key);
      if (items === 0) return map;
      key = this.#key();
      value = this.#element();
    }
  }

  /** Enters a pair of a dictionary and reads its key. */
  #key(): unknown {
    const source = this.#source;
    if (source.next() !== LIST || source.count !== 2) {
      throw new JellyError("Cannot read dictionary: an item is not a pair");
    }
    return this.#element();
  }

  #reference(items: number): unknown {
    if (items < 2) throw new JellyError("Cannot read reference: it needs a number and a value");
    const id = readInteger(this.#source, "reference");
    const references = this.#references ??= new References(this.#guards);
    references.claim(id);
    const value = this.#element(id);
    skipItems(this.#source, items - 2);
    if (value instanceof Placeholder) {
      throw new JellyError(`Cannot read reference ${id}: it stands for another reference`);
    }
    references.finished(id, value);
    return value;
  }

  #dereference(items: number): unknown {
    if (items < 1) throw new JellyError("Cannot read dereference: it needs a number");
    const id = readInteger(this.#source, "dereference");
    skipItems(this.#source, items - 1);
    const object = this.#shared = (this.#references ??= new References(this.#guards)).get(id);
    // Wherever strings and bytes are referred to, they may be decoded, or become part of other
    // strings.
    if (typeof object === "string" || object instanceof Uint8Array) this.copied(object);
    return object;
  }

  /** Reads the items after a tag that does not stand for a plain value. */
  #byName(tag: string, items: number, id: ReferenceId | undefined): unknown {
    const list = new SourceList(this.#source, items, () => this.#part());
    const outer = this.#creating;
    this.#creating = id;
    try {
      const value = this.#apply(tag, list);
      list.finish();
      if (typeof value === "object" && value !== null) {
        this.#references?.noteObject(value);
        if (hasPostUnjelly(value)) this.#post.push(value);
      }
      return value;
    } finally {
      this.#creating = outer;
    }
  }

  /** Reads what may be the state of an object; a state that objects share is copied for each. */
  #part(): unknown {
    const part = this.#element();
    if (part === this.#shared && isDictionary(part)) this.copied(part);
    return part;
  }

  #apply(tag: string, list: JellyList): unknown {
    const rule = this.#rules?.get(tag) ?? this.#registry.rule(tag);
    if (rule !== undefined) {
      this.#source.heavy();
      return rule(this, list);
    }
    if (!this.#security.isTypeAllowed(tag)) {
      if (this.#isLenient) return new Unpersistable(`"${tag}" is not allowed`);
      throw notAllowed(tag);
    }
    switch (tag) {
      case "unpersistable":
        return new Unpersistable(textOf(list.nextSexp(), tag));
      case "persistent":
        return this.#persistentLoad === undefined
          ? new Unpersistable("Persistent callback not found")
          : this.#persistentLoad(list.nextSexp(), this);
      case "module":
        return this.#lookup.module(textOf(list.nextSexp(), tag));
      case "class":
        return this.#lookup.class(textOf(list.nextSexp(), tag));
      case "function":
        return this.#lookup.function(textOf(list.nextSexp(), tag));
      case "method":
        this.#source.heavy();
        return this.#lookup.method(textOf(list.nextSexp(), tag), list.next(), list.next());
      case "instance":
        return this.#instance(this.#lookup.asClass(list.next()), list);
      default:
        return this.#instance(this.#lookup.class(tag), list);
    }
  }

  /** Creates an instance of an allowed class, without its constructor, and sets its state. */
  #instance(cls: AnyClass, list: JellyList): object {
    this.#source.heavy();
    const object: object = Object.create(cls.prototype as object);
    this.created(object);
    applyState(object, list.next());
    return object;
  }

  /** Reads a whole value, replaces placeholders, and notifies objects that have `postUnjelly`. */
  #whole<T>(read: () => T): T {
    this.#allowed.fill(0);
    this.#guards.reset();
    try {
      const value = read();
      this.#references?.finish();
      for (const object of this.#post) object.postUnjelly();
      return value;
    } catch (error) {
      if (!isStackOverflow(error)) throw error;
      throw new JellyError("Cannot read value: lists are nested too deep for the call stack", {
        cause: error,
        limit: "maxDepth",
      });
    } finally {
      this.#references = undefined;
      this.#shared = undefined;
      this.#creating = undefined;
      if (this.#post.length !== 0) this.#post = [];
    }
  }
}

/**
 * Creates an array with no more room than its items need. The first item added to an empty array
 * makes room for 17, which would be most of the memory of a message of short lists.
 */
function arrayFor(items: number): unknown[] {
  switch (items) {
    case 1:
      return [undefined];
    case 2:
      return [undefined, undefined];
    case 3:
      return [undefined, undefined, undefined];
    case 4:
      return [undefined, undefined, undefined, undefined];
    default:
      return [];
  }
}

function hasPostUnjelly(value: object): value is Required<Pick<IUnjellyable, "postUnjelly">> {
  return typeof (value as Partial<IUnjellyable>).postUnjelly === "function";
}

function notAllowed(tag: string): InsecureJelly {
  // Usually someone forgot to register a class.
  const hint = WORDS.includes(tag)
    ? ""
    : ", and no class is registered for it (setUnjellyableForClass)";
  return new InsecureJelly(`Cannot receive "${tag}": the type is not allowed${hint}`);
}

/** Returns whether a state has no entries: most calls have no keyword arguments. */
function isEmpty(state: unknown): boolean {
  if (state === null) return true;
  if (typeof state !== "object" || Object.getPrototypeOf(state) !== Object.prototype) return false;
  for (const _ in state) return false;
  return true;
}

function textOf(sexp: Sexp, what: string): string {
  if (sexp instanceof Uint8Array) return utf8(sexp, 0, sexp.length);
  throw new JellyError(`Cannot read ${what}: it needs a byte string`);
}

/**
 * What comes in messages that cannot be read to the end.
 *
 * @module
 */

import {
  BananaError,
  type BananaReader,
  FLOAT,
  LIST,
  STRING,
  VOCAB,
  WORD,
  wordNumber,
} from "../../jelly/banana/mod.ts";
import type { JellyRegistry } from "../../jelly/mod.ts";
import { RemoteCache } from "../flavors/remote_cache.ts";

/** Maximum number of arrivals that are given back for one message. */
const MOST = 10_000;

/**
 * Maximum number of parts of a message that may hold values: what a call of our own dialect has
 * behind them are pairs of a name and a number, which look like arrivals if an argument has the
 * name of their tags.
 */
const VALUE_PARTS = 7;

/** Number of bytes in the longest tag that is looked at. */
const LONGEST_TAG = 256;

/** What arrived: a reference, the first copy of a cached object, or a mention of one. */
export type ArrivalKind = "reference" | "firstCopy" | "cache";

/** An arrival in a message that could not be read. */
export interface UnreadArrival {
  /** What it was. */
  readonly kind: ArrivalKind;
  /** Number of the object. */
  readonly luid: number;
}

/**
 * Finds the references and caches in a message behind the point where reading has failed: the peer
 * has counted them, so they must be given back.
 *
 * References under tags of the program's own are not among them: only the rules for these tags could
 * tell them from other values.
 *
 * @param reader The reader, where reading has failed; it must be reset after this.
 * @param registry Knows the tags of caches.
 * @returns The arrivals, in order.
 */
export function unreadArrivals(reader: BananaReader, registry: JellyRegistry): UnreadArrival[] {
  return new Unread(reader, registry).find();
}

/** Searches a message for arrivals behind the point where reading has failed. */
class Unread {
  readonly #reader: BananaReader;
  readonly #registry: JellyRegistry;
  readonly #from: number;
  readonly #found: UnreadArrival[] = [];

  constructor(reader: BananaReader, registry: JellyRegistry) {
    this.#reader = reader;
    this.#registry = registry;
    this.#from = reader.position;
  }

  find(): UnreadArrival[] {
    const reader = this.#reader;
    reader.restart();
    try {
      if (reader.next() === LIST) this.#elements(Math.min(reader.count, VALUE_PARTS));
    } catch (error) {
      // A tag that is not UTF-8: only a hostile peer sends that, and it may keep the rest.
      if (!(error instanceof BananaError)) throw error;
    }
    return this.#found;
  }

  #element(): void {
    const reader = this.#reader;
    const at = reader.position;
    const type = reader.next();
    if (type === LIST) this.#list(reader.count, at >= this.#from);
    else reader.pass();
  }

  #elements(count: number): void {
    for (let left = count; left !== 0; left--) this.#element();
  }

  #list(count: number, isUnread: boolean): void {
    if (count === 0) return;
    const tag = this.#tag();
    if (tag === WORD.dictionary) return this.#pairs(count - 1);
    const kind = this.#kindOf(tag);
    if (kind === undefined || count === 1) return this.#elements(count - 1);
    const luid = this.#integer();
    if (luid !== undefined && isUnread && this.#found.length < MOST) {
      this.#found.push({ kind, luid });
    }
    this.#elements(count - 2);
  }

  /** Passes over the pairs of a dictionary, which are lists without a tag. */
  #pairs(count: number): void {
    for (let left = count; left !== 0; left--) {
      if (this.#reader.next() === LIST) this.#elements(this.#reader.count);
      else this.#reader.pass();
    }
  }

  /** Returns what comes under a tag, if it is something that the peer counts. */
  #kindOf(tag: number | string | undefined): ArrivalKind | undefined {
    switch (tag) {
      case undefined:
        return undefined;
      case WORD.remote:
        return "reference";
      case WORD.cached:
        return "cache";
    }
    if (typeof tag === "number") return undefined;
    const cls = this.#registry.unjellyableForClass(tag);
    const isCache = cls === RemoteCache || cls?.prototype instanceof RemoteCache;
    return isCache ? "firstCopy" : undefined;
  }

  /** Passes over the first item of a list; returns the number of the word, or the name. */
  #tag(): number | string | undefined {
    const reader = this.#reader;
    switch (reader.next()) {
      case LIST:
        this.#list(reader.count, false);
        return undefined;
      case VOCAB:
        return reader.count;
      case STRING:
        if (reader.count <= LONGEST_TAG) {
          const name = reader.name();
          return wordNumber(name) ?? name;
        }
    }
    reader.pass();
    return undefined;
  }

  /** Passes over an element; returns its value if it is the number of an object. */
  #integer(): number | undefined {
    const reader = this.#reader;
    switch (reader.next()) {
      case LIST:
        this.#list(reader.count, false);
        return undefined;
      case STRING:
      case VOCAB:
      case FLOAT:
        reader.pass();
        return undefined;
    }
    const value = reader.integer();
    return typeof value === "number" ? value : undefined;
  }
}

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
import type { Outbox } from "../link/outbox.ts";
import { writeNumber } from "./message_parts.ts";

/** Maximum number of arrivals that are given back for one message. */
const MOST = 10_000;

/**
 * Maximum number of parts of a message that may hold values: what a call of our own dialect has
 * behind them are pairs of a name and a number, which look like arrivals if an argument has the
 * name of their tags.
 */
const VALUE_PARTS = 7;

/** Number of bytes in the longest of the tags that matter here. */
const LONGEST_TAG = 10;

/**
 * Gives back the references and caches in a message behind the point where reading has failed: the
 * peer has counted them.
 *
 * First copies of cached objects are not among them, nor references under tags of the program's
 * own: only the rules for these tags could tell them from other values.
 *
 * @param reader The reader, where reading has failed; it must be reset after this.
 * @param outbox Where the peer is told.
 */
export function giveBackUnread(reader: BananaReader, outbox: Outbox): void {
  const unread = new Unread(reader);
  for (const [word, luid] of unread.find()) {
    outbox.reply((writer) => writeNumber(writer, word, luid));
  }
}

/** What to answer an arrival with: the name of the message, and the number of the object. */
type Release = readonly [word: number, luid: number];

/** Searches a message for arrivals behind the point where reading has failed. */
class Unread {
  readonly #reader: BananaReader;
  readonly #from: number;
  readonly #found: Release[] = [];

  constructor(reader: BananaReader) {
    this.#reader = reader;
    this.#from = reader.position;
  }

  find(): Release[] {
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
    const release = releaseFor(tag);
    if (release === undefined || count === 1) return this.#elements(count - 1);
    const luid = this.#integer();
    if (luid !== undefined && isUnread && this.#found.length < MOST) {
      this.#found.push([release, luid]);
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

  /** Passes over the first item of a list; returns the number of the word if it may matter. */
  #tag(): number | undefined {
    const reader = this.#reader;
    switch (reader.next()) {
      case LIST:
        this.#list(reader.count, false);
        return undefined;
      case VOCAB:
        return reader.count;
      case STRING:
        if (reader.count <= LONGEST_TAG) return wordNumber(reader.name());
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

/** Returns the message that gives back what comes under a tag, if anything does. */
function releaseFor(tag: number | undefined): number | undefined {
  if (tag === WORD.remote) return WORD.decref;
  return tag === WORD.cached ? WORD.decache : undefined;
}

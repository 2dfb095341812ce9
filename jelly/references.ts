/**
 * The objects in a received value that have numbers: those that occur in it more than once.
 *
 * @module
 */

import { JellyError } from "./errors.ts";
import type { NumberGuards } from "./number_guard.ts";
import { type NumberKey, numberKey } from "./number_key.ts";
import { Placeholder } from "./placeholder.ts";
import { classOf } from "./state.ts";
import { fillFrozenSet, type FrozenSet } from "./values/frozen_set.ts";
import { Tuple } from "./values/tuple.ts";

/** Number of an object in one value. */
export type ReferenceId = number | bigint;

/**
 * Finds objects by their numbers, and replaces the placeholders for objects that came later
 * (`twisted.persisted.crefutil`).
 */
export class References {
  readonly #guards: NumberGuards;
  readonly #claimed = new Set<NumberKey>();
  readonly #objects = new Map<NumberKey, unknown>();
  /** Number of objects that were referred to and have not arrived. */
  #missing = 0;
  /** Whether any was referred to before it arrived: what was made since may hold a placeholder. */
  #hasForward = false;
  /** Objects whose state is being read, and whether anything in it has referred to them. */
  readonly #unread = new Map<NumberKey, boolean>();
  /** Containers and objects that hold a placeholder, or may hold one. */
  readonly #incomplete = new Set<object>();
  /** The items to fill frozen sets with, once the placeholders among them are resolved. */
  readonly #unfilled = new Map<FrozenSet, unknown[]>();

  /**
   * Creates an empty table.
   *
   * @param guards Guards for the sets and dictionaries that are filled at the end.
   */
  constructor(guards: NumberGuards) {
    this.#guards = guards;
  }

  /**
   * Claims a number for an object that is about to be read.
   *
   * @param id The number.
   * @throws {JellyError} If another object has it.
   */
  claim(id: ReferenceId): void {
    const { size } = this.#claimed;
    if (this.#claimed.add(numberKey(id)).size !== size) return;
    throw new JellyError(`Cannot read reference ${id}: the number is in use`);
  }

  /**
   * Assigns a claimed number to an object whose state is still to be read, so that the state can
   * refer to it.
   *
   * @param id The number.
   * @param object The object.
   */
  announce(id: ReferenceId, object: object): void {
    this.#unread.set(numberKey(id), false);
    this.define(id, object);
  }

  /**
   * Assigns a claimed number to an object.
   *
   * @param id The number.
   * @param object The object.
   */
  define(id: ReferenceId, object: unknown): void {
    const key = numberKey(id);
    const known = this.#objects.get(key);
    this.#objects.set(key, object);
    if (known instanceof Placeholder) {
      this.#missing--;
      known.resolve(object);
    }
  }

  /**
   * Assigns a claimed number to the final object, once it has been read.
   *
   * @param id The number.
   * @param object The object.
   * @throws {JellyError} If it is not the announced object, and something refers to that one.
   */
  finished(id: ReferenceId, object: unknown): void {
    const key = numberKey(id);
    if (this.#unread.get(key) === true && this.#objects.get(key) !== object) {
      throw new JellyError(
        `Cannot read reference ${id}: its state refers to the object passed to created(), but ` +
          "unjellyFor returned another one",
      );
    }
    this.#unread.delete(key);
    this.define(id, object);
  }

  /**
   * Returns the object that has a number.
   *
   * @param id The number.
   * @returns The object, or a placeholder for it.
   */
  get(id: ReferenceId): unknown {
    const key = numberKey(id);
    const known = this.#objects.get(key);
    if (known !== undefined) {
      if (this.#unread.has(key)) this.#unread.set(key, true);
      return known;
    }
    const placeholder = new Placeholder();
    this.#objects.set(key, placeholder);
    this.#missing++;
    this.#hasForward = true;
    return placeholder;
  }

  /**
   * Remembers a container if what is put into it is a placeholder.
   *
   * @param container The container.
   * @param part What is put into it.
   */
  note(container: object, part: unknown): void {
    if (part instanceof Placeholder) this.#incomplete.add(container);
  }

  /**
   * Remembers an object whose state may have held placeholders, if there have been any.
   *
   * @param object The object; its own fields are checked at the end.
   */
  noteObject(object: object): void {
    if (this.#hasForward) this.#incomplete.add(object);
  }

  /**
   * Returns whether a container is waiting for an object.
   *
   * @param container The container.
   * @returns True if it must stay open.
   */
  isIncomplete(container: object): boolean {
    return this.#incomplete.has(container);
  }

  /**
   * Leaves a frozen set to be filled at the end.
   *
   * @param set The open set.
   * @param items The items, which were noted as incomplete.
   */
  fillLater(set: FrozenSet, items: unknown[]): void {
    this.#unfilled.set(set, items);
  }

  /**
   * Replaces all placeholders, once the whole value has been read.
   *
   * @throws {JellyError} If an object has not arrived, a field that it belongs in is read-only, or
   * the numbers in a set or dictionary were chosen to make look-ups slow.
   */
  finish(): void {
    if (this.#missing !== 0) {
      for (const [key, object] of this.#objects) {
        if (object instanceof Placeholder) {
          throw new JellyError(`Cannot read dereference ${idOf(key)}: there is no such reference`);
        }
      }
    }
    for (const container of this.#incomplete) mend(container, this.#guards);
    for (const [set, items] of this.#unfilled) {
      this.#guards.check(items);
      fillFrozenSet(set, items);
    }
  }
}

function idOf(key: NumberKey): string {
  return String(key).replace("#", "");
}

/** Replaces the placeholders in a container with what they stand for. */
function mend(container: object, guards: NumberGuards): void {
  if (container instanceof Map) {
    const pairs = [...container];
    container.clear();
    const guard = guards.guardOf(container, pairs.length);
    for (const [key, value] of pairs) {
      const real = resolved(key);
      container.set(real, resolved(value));
      guard?.added(real);
    }
  } else if (container instanceof Set) {
    const items = [...container];
    container.clear();
    const guard = guards.guardOf(container, items.length);
    for (const item of items) {
      const real = resolved(item);
      container.add(real);
      guard?.added(real);
    }
  } else {
    for (const [key, value] of Object.entries(container)) {
      if (value instanceof Placeholder) replace(container, key, value.object);
    }
    // A tuple stays open as long as it is incomplete.
    if (container instanceof Tuple) Object.freeze(container);
  }
}

function resolved(value: unknown): unknown {
  return value instanceof Placeholder ? value.object : value;
}

function replace(container: object, key: string, value: unknown): void {
  if (Reflect.defineProperty(container, key, { value })) return;
  throw new JellyError(
    `Cannot read value: field "${key}" of ${
      classOf(container)?.name ?? "null"
    } is read-only, and the object that belongs there arrived too late to set it`,
  );
}

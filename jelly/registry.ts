/**
 * Which names of the peer's stand for which of our classes.
 *
 * @module
 */

import { KeyCache } from "./banana/key_cache.ts";
import { NameCache } from "./banana/name_cache.ts";
import type { IUnjellyable } from "./jellyable.ts";
import { type AnyClass, jellyNameOf } from "./names.ts";
import type { JellyList } from "./jelly_list.ts";
import type { Unjellier } from "./unjellier.ts";

/** A class whose instances can be made without arguments, and then read themselves. */
export type UnjellyableClass = new () => IUnjellyable;

/**
 * Reads what follows a tag.
 *
 * @param unjellier What reads the whole value.
 * @param list The items behind the tag.
 * @returns The value.
 */
export type UnjellyRule = (unjellier: Unjellier, list: JellyList) => unknown;

/** Makes an object from its received state. */
export type UnjellyableFactory = (state: unknown) => unknown;

/**
 * A table of names: class tags with the classes that receive them, and the
 * classes, functions and modules that may travel by name.
 *
 * Registering a tag allows it, whatever the security options say. A name
 * that nobody registered leads nowhere.
 *
 * @example A class for what Python calls `shop.Till`
 * ```ts
 * import { JellyRegistry, Unjellyable } from "@perspective/broker/jelly";
 *
 * class RemoteTill extends Unjellyable {}
 *
 * const registry = new JellyRegistry();
 * registry.setUnjellyableForClass("shop.Till", RemoteTill);
 * ```
 */
export class JellyRegistry {
  /** Names that were read before; they carry no meaning, and serve all who share the registry. */
  readonly names: NameCache = new NameCache();
  /** Keys that were written before, likewise. */
  readonly keys: KeyCache = new KeyCache();
  readonly #rules = new Map<string, UnjellyRule>();
  readonly #values = new Map<string, object>();
  readonly #nameOf = new Map<object, string>();
  #hasModules = false;

  /** Whether an object was registered that stands for a module. */
  get hasModules(): boolean {
    return this.#hasModules;
  }

  /**
   * Lets a class receive what arrives under a tag.
   *
   * @param tag The tag, or a class of the sender's that is known here.
   * @param cls The receiving class; instances are made without arguments.
   */
  setUnjellyableForClass(tag: string | AnyClass, cls: UnjellyableClass): void {
    this.setRule(tag, (unjellier, list) => new cls().unjellyFor(unjellier, list));
  }

  /**
   * Lets a function make an object from the state that arrives under a tag.
   *
   * @param tag The tag, or a class of the sender's that is known here.
   * @param factory Gets the state, gives the object.
   */
  setUnjellyableFactoryForClass(tag: string | AnyClass, factory: UnjellyableFactory): void {
    this.setRule(tag, (_unjellier, list) => factory(list.next()));
  }

  /**
   * Registers all classes of a module that derive from a base class.
   *
   * The tag of each is the prefix, a dot, and the name under which the module exports it.
   *
   * @param module A namespace object (`import * as shop from "./shop.ts"`), or a plain object of classes.
   * @param baseClass The base class; it is registered itself if the module has it.
   * @param prefix What the tags begin with; empty for none.
   */
  setUnjellyableForClassTree(
    module: Readonly<Record<string, unknown>>,
    baseClass: UnjellyableClass,
    prefix: string,
  ): void {
    for (const [name, value] of Object.entries(module)) {
      if (isSubclass(value, baseClass)) {
        this.setUnjellyableForClass(prefix === "" ? name : `${prefix}.${name}`, value);
      }
    }
  }

  /**
   * Sets the rule for a tag directly.
   *
   * @param tag The tag, or a class of the sender's that is known here.
   * @param rule What reads the items behind the tag.
   */
  setRule(tag: string | AnyClass, rule: UnjellyRule): void {
    this.#rules.set(typeof tag === "string" ? tag : jellyNameOf(tag), rule);
  }

  /**
   * Finds the rule for a tag.
   *
   * @param tag The tag.
   * @returns The rule, or undefined.
   */
  rule(tag: string): UnjellyRule | undefined {
    return this.#rules.get(tag);
  }

  /**
   * Lets a class, a function or a module travel by name, both ways.
   *
   * The security options decide whether a received name is looked up.
   *
   * @param name The name, such as `shop.Till`.
   * @param value A class, a function, or an object that stands for a module.
   */
  register(name: string, value: object): void {
    this.#hasModules ||= typeof value !== "function";
    this.#values.set(name, value);
    this.#nameOf.set(value, name);
  }

  /**
   * Finds what was registered under a name.
   *
   * @param name The name.
   * @returns The class, function or module, or undefined.
   */
  value(name: string): object | undefined {
    return this.#values.get(name);
  }

  /**
   * Finds the name of something registered.
   *
   * @param value A class, a function, or an object.
   * @returns The name, or undefined.
   */
  nameOf(value: object): string | undefined {
    return this.#nameOf.get(value);
  }
}

function isSubclass(value: unknown, base: UnjellyableClass): value is UnjellyableClass {
  return typeof value === "function" && (value === base || value.prototype instanceof base);
}

/** The registry of every connection that is not given another. */
export const globalRegistry: JellyRegistry = new JellyRegistry();

/**
 * Lets a class receive what arrives under a tag, on every connection that has no registry of its own.
 *
 * @param tag The tag, or a class of the sender's that is known here.
 * @param cls The receiving class; instances are made without arguments.
 */
export function setUnjellyableForClass(tag: string | AnyClass, cls: UnjellyableClass): void {
  globalRegistry.setUnjellyableForClass(tag, cls);
}

/**
 * Lets a function make an object from the state that arrives under a tag, on
 * every connection that has no registry of its own.
 *
 * @param tag The tag, or a class of the sender's that is known here.
 * @param factory Gets the state, gives the object.
 */
export function setUnjellyableFactoryForClass(
  tag: string | AnyClass,
  factory: UnjellyableFactory,
): void {
  globalRegistry.setUnjellyableFactoryForClass(tag, factory);
}

/**
 * Registers all classes of a module that derive from a base class, for every
 * connection that has no registry of its own.
 *
 * @param module A namespace object, or a plain object of classes.
 * @param baseClass The base class.
 * @param prefix What the tags begin with; empty for none.
 */
export function setUnjellyableForClassTree(
  module: Readonly<Record<string, unknown>>,
  baseClass: UnjellyableClass,
  prefix: string,
): void {
  globalRegistry.setUnjellyableForClassTree(module, baseClass, prefix);
}

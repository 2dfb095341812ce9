/**
 * Maps names that peers use to our classes.
 *
 * @module
 */

import { KeyCache } from "./banana/key_cache.ts";
import { NameCache } from "./banana/name_cache.ts";
import type { IUnjellyable } from "./jellyable.ts";
import { type AnyClass, jellyNameOf } from "./names.ts";
import type { JellyList } from "./jelly_list.ts";
import type { Unjellier } from "./unjellier.ts";

/** A class whose instances are created without arguments, and then read their own state. */
export type UnjellyableClass = new () => IUnjellyable;

/**
 * Reads the items after a tag.
 *
 * @param unjellier The unjellier that reads the whole value.
 * @param list The items.
 * @returns The value.
 */
export type UnjellyRule = (unjellier: Unjellier, list: JellyList) => unknown;

/** Creates an object from its received state. */
export type UnjellyableFactory = (state: unknown) => unknown;

/**
 * A table of names: class tags with the classes that receive them, and the
 * classes, functions and modules that may travel by name.
 *
 * Registering a tag allows it, whatever the security options say. A name that is not registered is
 * never resolved.
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
  /** A cache of names that were read before, for everything that shares the registry. */
  readonly names: NameCache = new NameCache();
  /** A cache of dictionary keys that were written before, shared in the same way. */
  readonly keys: KeyCache = new KeyCache();
  readonly #rules = new Map<string, UnjellyRule>();
  /** The classes that read what arrives under a tag, where the rule is no other. */
  readonly #classes = new Map<string, UnjellyableClass>();
  readonly #values = new Map<string, object>();
  readonly #nameOf = new Map<object, string>();
  #hasModules = false;

  /** Whether any object that stands for a module was registered. */
  get hasModules(): boolean {
    return this.#hasModules;
  }

  /**
   * Registers a class to receive what arrives under a tag.
   *
   * @param tag The tag, or the sender's class if it is known here.
   * @param cls The receiving class; instances are created without arguments.
   * @throws {TypeError} If the sender's class has no name.
   */
  setUnjellyableForClass(tag: string | AnyClass, cls: UnjellyableClass): void {
    this.setRule(tag, (unjellier, list) => new cls().unjellyFor(unjellier, list));
    this.#classes.set(nameOfTag(tag), cls);
  }

  /**
   * Finds the class that receives what arrives under a tag.
   *
   * @param tag The tag.
   * @returns The class, or undefined if there is none, or another rule.
   */
  unjellyableForClass(tag: string): UnjellyableClass | undefined {
    return this.#classes.get(tag);
  }

  /**
   * Registers a function to create objects from the state that arrives under a tag.
   *
   * @param tag The tag, or the sender's class if it is known here.
   * @param factory Receives the state, returns the object.
   * @throws {TypeError} If the sender's class has no name.
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
   * @param baseClass The base class, which is registered too if the module exports it.
   * @param prefix The prefix of the tags, without the dot; empty for none.
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
   * @param tag The tag, or the sender's class if it is known here.
   * @param rule Reads the items after the tag.
   * @throws {TypeError} If the sender's class has no name.
   */
  setRule(tag: string | AnyClass, rule: UnjellyRule): void {
    const name = nameOfTag(tag);
    this.#rules.set(name, rule);
    this.#classes.delete(name);
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
   * Lets a class, a function or a module travel by name, in both directions.
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

function nameOfTag(tag: string | AnyClass): string {
  return typeof tag === "string" ? tag : jellyNameOf(tag);
}

function isSubclass(value: unknown, base: UnjellyableClass): value is UnjellyableClass {
  return typeof value === "function" && (value === base || value.prototype instanceof base);
}

/** The registry that a connection uses unless it is given another one. */
export const globalRegistry: JellyRegistry = new JellyRegistry();

/**
 * Registers a class to receive what arrives under a tag, on every connection without its own
 * registry.
 *
 * @param tag The tag, or the sender's class if it is known here.
 * @param cls The receiving class; instances are created without arguments.
 * @throws {TypeError} If the sender's class has no name.
 */
export function setUnjellyableForClass(tag: string | AnyClass, cls: UnjellyableClass): void {
  globalRegistry.setUnjellyableForClass(tag, cls);
}

/**
 * Registers a function to create objects from the state that arrives under a tag, on every
 * connection without its own registry.
 *
 * @param tag The tag, or the sender's class if it is known here.
 * @param factory Receives the state, returns the object.
 * @throws {TypeError} If the sender's class has no name.
 */
export function setUnjellyableFactoryForClass(
  tag: string | AnyClass,
  factory: UnjellyableFactory,
): void {
  globalRegistry.setUnjellyableFactoryForClass(tag, factory);
}

/**
 * Registers all classes of a module that derive from a base class, for every connection without its
 * own registry.
 *
 * @param module A namespace object, or a plain object of classes.
 * @param baseClass The base class.
 * @param prefix The prefix of the tags, without the dot; empty for none.
 */
export function setUnjellyableForClassTree(
  module: Readonly<Record<string, unknown>>,
  baseClass: UnjellyableClass,
  prefix: string,
): void {
  globalRegistry.setUnjellyableForClassTree(module, baseClass, prefix);
}

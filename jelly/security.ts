/**
 * Rules on what may arrive: which types, classes and modules a received value may name.
 *
 * @module
 */

import { type AnyClass, jellyNameOf, moduleNameOf } from "./names.ts";

/** What the unjellier consults before it trusts a name that a peer sent. */
export interface Taster {
  /**
   * Returns whether a list may begin with this tag.
   *
   * @param name The tag, such as `dictionary` or `shop.Till`.
   */
  isTypeAllowed(name: string): boolean;

  /**
   * Returns whether a name from this module may be looked up.
   *
   * @param name The part of a dotted name before its last dot; empty for a name without one.
   */
  isModuleAllowed(name: string): boolean;

  /**
   * Returns whether objects of a class may be made.
   *
   * @param cls The class that the name led to.
   */
  isClassAllowed(cls: AnyClass): boolean;
}

/** Types that all options start with; some are Python names that never go on the wire. */
const IMPLICIT_TYPES: readonly string[] = [
  "None",
  "bool",
  "boolean",
  "string",
  "str",
  "int",
  "float",
  "datetime",
  "time",
  "date",
  "timedelta",
  "NoneType",
  "unicode",
  "decimal",
  "set",
  "frozenset",
];

const BASIC_TYPES: readonly string[] = [
  "dictionary",
  "list",
  "tuple",
  "reference",
  "dereference",
  "unpersistable",
  "persistent",
  "long_int",
  "long",
  "dict",
];

/** Types that come with the permission to receive instances. */
const INSTANCE_TYPES: readonly string[] = ["instance", "class", "classobj", "module"];

/**
 * A list of what may arrive, which starts almost empty and grows with `allow…` calls.
 *
 * New options allow plain values only (None, booleans, numbers, text, times, decimals and sets),
 * not even lists. Names are compared exactly: there are no patterns, and allowing a class does not
 * allow its subclasses.
 *
 * As in Twisted, {@linkcode SecurityOptions.isTypeAllowed} lets every dotted name through, since it
 * may be the name of a class: then {@linkcode SecurityOptions.isModuleAllowed} and
 * {@linkcode SecurityOptions.isClassAllowed} decide.
 *
 * @example Allowing one class beside the basic types
 * ```ts
 * import { SecurityOptions } from "@perspective/broker/jelly";
 * import { assert } from "@std/assert";
 *
 * class Till {
 *   static readonly jellyName = "shop.Till";
 * }
 * class Safe {}
 *
 * const security = new SecurityOptions().allowInstancesOf(Till);
 * assert(security.isTypeAllowed("dictionary"));
 * assert(security.isModuleAllowed("shop"));
 * assert(security.isClassAllowed(Till));
 * assert(!security.isClassAllowed(Safe));
 * ```
 */
export class SecurityOptions implements Taster {
  readonly #types = new Set(IMPLICIT_TYPES);
  readonly #modules = new Set<string>();
  readonly #classes = new Set<AnyClass>();

  /**
   * Allows lists, tuples, dictionaries, shared references, `persistent` and `unpersistable`.
   *
   * @returns These options.
   */
  allowBasicTypes(): this {
    return this.allowTypes(...BASIC_TYPES);
  }

  /**
   * Allows lists that begin with certain tags.
   *
   * @param types Tags, or classes for the tags that are their names.
   * @returns These options.
   * @throws {TypeError} If a class has no name.
   */
  allowTypes(...types: readonly (string | AnyClass)[]): this {
    for (const type of types) {
      this.#types.add(typeof type === "string" ? type : jellyNameOf(type));
    }
    return this;
  }

  /**
   * Takes permissions back, including those that new options start with.
   *
   * @param types Tags, or classes for the tags that are their names.
   * @returns These options.
   * @throws {TypeError} If a class has no name.
   */
  disallowTypes(...types: readonly (string | AnyClass)[]): this {
    for (const type of types) {
      this.#types.delete(typeof type === "string" ? type : jellyNameOf(type));
    }
    return this;
  }

  /**
   * Allows instances of certain classes, and with them their modules and the basic types.
   *
   * @param classes The classes themselves; subclasses are not included.
   * @returns These options.
   * @throws {TypeError} If a class has no name.
   */
  allowInstancesOf(...classes: readonly AnyClass[]): this {
    this.allowBasicTypes().allowTypes(...INSTANCE_TYPES);
    for (const cls of classes) {
      const name = jellyNameOf(cls);
      this.allowTypes(name).allowModules(moduleNameOf(name));
      this.#classes.add(cls);
    }
    return this;
  }

  /**
   * Allows names from certain modules.
   *
   * @param names Names of modules, such as `shop.stock`; submodules are not included.
   * @returns These options.
   */
  allowModules(...names: readonly string[]): this {
    for (const name of names) this.#modules.add(name);
    return this;
  }

  /**
   * Returns whether a list may begin with this tag.
   *
   * @param name The tag.
   * @returns True if it was allowed, or contains a dot.
   */
  isTypeAllowed(name: string): boolean {
    return this.#types.has(name) || name.includes(".");
  }

  /**
   * Returns whether names from a module may be looked up.
   *
   * @param name The name of the module.
   * @returns True if exactly this name was allowed.
   */
  isModuleAllowed(name: string): boolean {
    return this.#modules.has(name);
  }

  /**
   * Returns whether instances of a class may be made.
   *
   * @param cls The class.
   * @returns True if exactly this class was allowed.
   */
  isClassAllowed(cls: AnyClass): boolean {
    return this.#classes.has(cls);
  }
}

/**
 * A taster that allows everything, for values from a trusted source.
 *
 * Even so, a name leads only to what was registered.
 *
 * @example Reading one's own file
 * ```ts
 * import { DummySecurityOptions } from "@perspective/broker/jelly";
 * import { assert } from "@std/assert";
 *
 * assert(new DummySecurityOptions().isTypeAllowed("anything"));
 * ```
 */
export class DummySecurityOptions implements Taster {
  /**
   * Allows every tag.
   *
   * @param _name The tag.
   * @returns True.
   */
  isTypeAllowed(_name: string): boolean {
    return true;
  }

  /**
   * Allows every module.
   *
   * @param _name The name of the module.
   * @returns True.
   */
  isModuleAllowed(_name: string): boolean {
    return true;
  }

  /**
   * Allows every class.
   *
   * @param _cls The class.
   * @returns True.
   */
  isClassAllowed(_cls: AnyClass): boolean {
    return true;
  }
}

/**
 * Creates the options that a connection uses unless it is given others: the basic types are
 * allowed.
 *
 * Twisted shares one such object, `globalSecurity`, between all connections; here each call creates
 * a new one, so that what one part of a program allows is not allowed in another.
 *
 * @example A default of one's own
 * ```ts
 * import { defaultSecurity } from "@perspective/broker/jelly";
 * import { assert } from "@std/assert";
 *
 * const security = defaultSecurity().allowTypes("money");
 * assert(security.isTypeAllowed("money"));
 * assert(!defaultSecurity().isTypeAllowed("money"));
 * ```
 *
 * @returns New options.
 */
export function defaultSecurity(): SecurityOptions {
  return new SecurityOptions().allowBasicTypes();
}

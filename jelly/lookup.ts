/**
 * Resolves received names.
 *
 * @module
 */

import { InsecureJelly, JellyError } from "./errors.ts";
import { type AnyClass, isClass, moduleNameOf } from "./names.ts";
import { Placeholder } from "./placeholder.ts";
import type { JellyRegistry } from "./registry.ts";
import type { Taster } from "./security.ts";
import { Method } from "./values/method.ts";

/**
 * Looks received names up in a registry, as far as the security options allow.
 *
 * A received name is only ever used as a key of the registry: a peer cannot cause anything to be
 * loaded, or any property to be read, by naming it.
 */
export class Lookup {
  readonly #security: Taster;
  readonly #registry: JellyRegistry;

  /**
   * Creates a lookup.
   *
   * @param security What may be looked up.
   * @param registry Where to look.
   */
  constructor(security: Taster, registry: JellyRegistry) {
    this.#security = security;
    this.#registry = registry;
  }

  /**
   * Finds a module.
   *
   * @param name Its name.
   * @returns What was registered.
   * @throws {InsecureJelly} If it is not allowed, or not registered.
   */
  module(name: string): object {
    if (!this.#security.isModuleAllowed(name)) {
      throw new InsecureJelly(`Cannot receive module "${name}": it is not allowed`);
    }
    const module = this.#registry.value(name);
    if (module !== undefined && typeof module !== "function") return module;
    throw new InsecureJelly(`Cannot receive module "${name}": it is not registered`);
  }

  /**
   * Finds a class.
   *
   * @param name Its name.
   * @returns What was registered.
   * @throws {InsecureJelly} If the class or its module is not allowed, or it is not registered.
   */
  class(name: string): AnyClass {
    const cls = this.#registry.value(name);
    if (cls === undefined) {
      // Usually the registration was forgotten; security options would not help.
      const fact = "no class is registered for it (setUnjellyableForClass)";
      throw new InsecureJelly(`Cannot receive "${name}": ${fact}`);
    }
    this.#checkModule(name);
    return this.asClass(cls);
  }

  /**
   * Finds a function.
   *
   * @param name Its name.
   * @returns What was registered.
   * @throws {InsecureJelly} If its module is not allowed, or it is not registered.
   */
  function(name: string): object {
    this.#checkModule(name);
    const found = this.#registry.value(name);
    if (typeof found === "function") return found;
    throw new InsecureJelly(`Cannot receive function "${name}": it is not registered`);
  }

  /**
   * Checks that a received value is a class, and an allowed one.
   *
   * @param value The value.
   * @returns The class.
   * @throws {InsecureJelly} If it is not a class, or is not allowed.
   */
  asClass(value: unknown): AnyClass {
    if (!isClass(value)) {
      throw new InsecureJelly("Cannot make instance: the name is not that of a class");
    }
    if (this.#security.isClassAllowed(value)) return value;
    throw new InsecureJelly(`Cannot receive class "${value.name}": it is not allowed`);
  }

  /**
   * Finds a method of an object.
   *
   * @param name Its name.
   * @param self The object.
   * @param value Its class, as received.
   * @returns The method, not called.
   * @throws {InsecureJelly} If `value` is not a class, or is not allowed.
   * @throws {JellyError} If the object is not an instance of the class, or the class itself has no
   * such method.
   */
  method(name: string, self: unknown, value: unknown): Method {
    const cls = this.asClass(value);
    if (self instanceof Placeholder) {
      throw new JellyError(`Cannot receive method "${name}": the object has not arrived yet`);
    }
    const own = Object.getOwnPropertyDescriptor(cls.prototype, name);
    if (name !== "constructor" && typeof own?.value === "function" && self instanceof cls) {
      return new Method(self as object, name);
    }
    throw new JellyError(`Cannot receive method "${name}": class ${cls.name} has no such method`);
  }

  #checkModule(name: string): void {
    const module = moduleNameOf(name);
    if (this.#security.isModuleAllowed(module)) return;
    throw new InsecureJelly(
      `Cannot receive "${name}": module "${module}" is not allowed (allowModules)`,
    );
  }
}

/**
 * Modules that are built into Deno.
 *
 * @module
 */

/**
 * Returns one of Deno's own modules, without an import, which a bundle for browsers cannot contain.
 */
export const builtin: typeof process.getBuiltinModule = (id: string) =>
  globalThis.process.getBuiltinModule(id);

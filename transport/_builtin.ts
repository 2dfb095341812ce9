/**
 * Modules that Deno has built in.
 *
 * @module
 */

/** One of Deno's own modules; not by an import, which a bundle for browsers could not have. */
export const builtin: typeof process.getBuiltinModule = (id: string) =>
  globalThis.process.getBuiltinModule(id);

/**
 * Modules that are built into Deno.
 *
 * @module
 */

/** Those that were used before: looking one up takes longer than a short digest. */
const KNOWN = new Map<string, unknown>();

function find(id: string): unknown {
  let known = KNOWN.get(id);
  if (known === undefined) KNOWN.set(id, known = globalThis.process.getBuiltinModule(id));
  return known;
}

/**
 * Returns one of Deno's own modules, without an import, which a bundle for browsers cannot contain.
 */
export const builtin = find as typeof process.getBuiltinModule;

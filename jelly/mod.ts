/**
 * Jelly: values to s-expressions and back (docs/protocol.md, "Jelly"; `twisted/spread/jelly.py`).
 *
 * @example
 * ```ts
 * import { decodeValue, encodeValue } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * const friends: unknown[] = ["Ada"];
 * friends.push(friends);
 * const copy = decodeValue(encodeValue(friends)) as unknown[];
 * assertEquals(copy[1], copy);
 * ```
 *
 * @module
 */

export * as banana from "./banana/mod.ts";
export * from "./bytes.ts";
export * from "./errors.ts";
export * from "./inspect.ts";
export * from "./jelly.ts";
export * from "./jellier.ts";
export * from "./jellyable.ts";
export type { JellyList } from "./jelly_list.ts";
export * from "./names.ts";
export * from "./registry.ts";
export * from "./security.ts";
export { atom, isList, type Sexp } from "./banana/sexp.ts";
export * from "./sink.ts";
export * from "./source.ts";
export { applyState, ownState } from "./state.ts";
export * from "./tree_sink.ts";
export { checkTree, TreeSource } from "./tree_source.ts";
export { Unjellier, type UnjellierOptions } from "./unjellier.ts";
export * from "./values/decimal.ts";
export * from "./values/float.ts";
export { FrozenSet } from "./values/frozen_set.ts";
export * from "./values/method.ts";
export { Tuple, tuple, type TupleConstructor } from "./values/tuple.ts";
export * from "./values/unpersistable.ts";

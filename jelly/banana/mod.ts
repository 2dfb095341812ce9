/**
 * Banana, the wire codec: s-expressions to bytes and back
 * (docs/protocol.md, "Banana"; `twisted/spread/banana.py`).
 *
 * @example
 * ```ts
 * import { decode, encode } from "@perspective/broker/jelly/banana";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(decode(encode([1, [2, -3n]])), [1, [2, -3]]);
 * ```
 *
 * @module
 */

export * from "./decoder.ts";
export * from "./encode.ts";
export * from "./errors.ts";
export { KeyCache } from "./key_cache.ts";
export { KnownKey } from "./known_key.ts";
export * from "./limits.ts";
export * from "./name_cache.ts";
export * from "./reader.ts";
export * from "./scanner.ts";
export * from "./tokens.ts";
export * from "./writer.ts";

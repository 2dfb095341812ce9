/**
 * Stand-in for the functions of `@std/crypto` that this project uses.
 *
 * @module
 */

export * from "./crypto.ts";
export * from "./timing_safe_equal.ts";

/**
 * Stand-in for the functions of `@std/assert` that this project uses.
 *
 * @module
 */

export { AssertionError } from "./assertion_error.ts";
export * from "./equal.ts";
export * from "./equals.ts";
export * from "./object_match.ts";
export * from "./simple.ts";
export * from "./throwing.ts";

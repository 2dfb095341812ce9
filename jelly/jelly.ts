/**
 * Converts values to s-expressions and back in one call.
 *
 * @module
 */

import { type BananaLimits, bananaLimits } from "./banana/limits.ts";
import { Jellier, type JellierOptions } from "./jellier.ts";
import { explained } from "./path.ts";
import type { Sexp } from "./banana/sexp.ts";
import { TreeSink } from "./tree_sink.ts";
import { checkTree, TreeSource } from "./tree_source.ts";
import { Unjellier, type UnjellierOptions } from "./unjellier.ts";

/** Options of {@linkcode jelly}. */
export interface JellyOptions extends Omit<JellierOptions, "limits"> {
  /** Limits on the depth and size of the value; see {@linkcode BananaLimits} for the defaults. */
  limits?: Partial<BananaLimits>;
}

/** Options of {@linkcode unjelly}. */
export interface UnjellyOptions extends UnjellierOptions {
  /** Limits on the depth and size of the value; see {@linkcode BananaLimits} for the defaults. */
  limits?: Partial<BananaLimits>;
}

/**
 * Turns a value into an s-expression (`twisted.spread.jelly.jelly`).
 *
 * @example
 * ```ts
 * import { inspectSexp, jelly } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(inspectSexp(jelly(["hi", true])), '["list", ["unicode", "hi"], ["boolean", "true"]]');
 * ```
 *
 * @param value The value.
 * @param options Rules and limits.
 * @returns The s-expression.
 * @throws {JellyError} If any part of the value cannot be sent; the error's path says which.
 */
export function jelly(value: unknown, options: JellyOptions = {}): Sexp {
  const limits = bananaLimits(options.limits);
  const sink = new TreeSink(limits);
  new Jellier(sink, { ...options, limits }).write(value);
  try {
    sink.check();
  } catch (error) {
    throw explained(error, "value", value);
  }
  return sink.result();
}

/**
 * Turns an s-expression into a value (`twisted.spread.jelly.unjelly`).
 *
 * @example
 * ```ts
 * import { jelly, unjelly } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(unjelly(jelly({ tags: new Set([1, 2]) })), { tags: new Set([1, 2]) });
 * ```
 *
 * @param sexp The s-expression.
 * @param options Rules and limits.
 * @returns The value.
 * @throws {JellyError} If the expression is not a value.
 * @throws {InsecureJelly} If it names something that is not allowed or not known.
 * @throws {BananaError} If it exceeds a limit.
 */
export function unjelly(sexp: Sexp, options: UnjellyOptions = {}): unknown {
  const limits = bananaLimits(options.limits);
  checkTree(sexp, limits);
  return new Unjellier(new TreeSource(sexp, limits), options).read();
}

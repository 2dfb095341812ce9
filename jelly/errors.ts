/**
 * Errors in converting between values and s-expressions.
 *
 * @module
 */

/** Options of {@linkcode JellyError}: those of `Error`, and where in the value the fault is. */
export interface JellyErrorOptions extends ErrorOptions {
  /** The part of the value that is at fault. */
  culprit?: unknown;
  /** Name of the limit that was exceeded, if any. */
  limit?: string | undefined;
  /** The path to that part. */
  path?: string;
}

/**
 * Thrown for a value that cannot be serialized, or an s-expression that is not a value.
 *
 * @example
 * ```ts
 * import { jelly, JellyError } from "@perspective/broker/jelly";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => jelly({ user: { onClick() {} } }), JellyError, "value.user.onClick");
 * ```
 */
export class JellyError extends Error {
  /** The path to the fault, such as `args[1].user.onClick`; undefined if unknown. */
  readonly path: string | undefined;
  /** Name of the limit that was exceeded, such as `maxDepth`; undefined for other faults. */
  readonly limit: string | undefined;
  /** The part of the value that is at fault. */
  readonly culprit: unknown;

  /**
   * Creates the error.
   *
   * @param message What could not be done, and why.
   * @param options The cause, the culprit, the path to it, the limit.
   */
  constructor(message: string, options: JellyErrorOptions = {}) {
    super(message, options);
    this.name = "JellyError";
    this.path = options.path;
    this.limit = options.limit;
    this.culprit = options.culprit;
    Object.defineProperty(this, "culprit", { enumerable: false });
  }
}

/**
 * Thrown for a type, class, module or function that the security options do not allow, or that is
 * not registered (`twisted.spread.jelly.InsecureJelly`).
 *
 * @example
 * ```ts
 * import { atom, InsecureJelly, unjelly } from "@perspective/broker/jelly";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => unjelly([atom("os.system"), [atom("None")]]), InsecureJelly);
 * ```
 */
export class InsecureJelly extends JellyError {
  /** Name of the class in Python. */
  static readonly jellyName = "twisted.spread.jelly.InsecureJelly";

  /**
   * Creates the error.
   *
   * @param message What was refused, and why.
   * @param options The cause and the culprit.
   */
  constructor(message: string, options?: JellyErrorOptions) {
    super(message, options);
    this.name = "InsecureJelly";
  }
}

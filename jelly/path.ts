/**
 * Locates a fault within a value, so that an error can name the place.
 *
 * The path is assembled on the way out from the fault: each container adds its step as it is left.
 *
 * @module
 */

import { BananaError } from "./banana/errors.ts";
import { JellyError } from "./errors.ts";

/** Maximum lengths of a path, and of a key in it, in characters: longer ones would help nobody. */
const MAX_PATH = 200;
const MAX_KEY = 40;
const NAME = /^[\p{L}_$][\p{L}\p{N}_$]*$/u;

/**
 * Adds to an error the step to the part of a value that it came from.
 *
 * @param error What was thrown; the program's own errors stay as they are.
 * @param step The step, such as `[1]` or `.name`.
 * @param part The part.
 * @returns The error to throw in its place.
 */
export function located(error: unknown, step: string, part: unknown): unknown {
  const fault = faultOf(error, part);
  if (fault !== undefined) fault.steps = step + fault.steps;
  return fault ?? error;
}

/**
 * Creates the error that tells the program what cannot be sent, and why.
 *
 * @param error What was thrown while the value was being written.
 * @param name What to call the value.
 * @param value The value.
 * @returns The error to throw in its place.
 */
export function explained(error: unknown, name: string, value: unknown): unknown {
  const fault = faultOf(error, value);
  if (fault === undefined) return error;
  const path = clip(name + fault.steps, MAX_PATH);
  const { message, cause, culprit, limit } = fault;
  return new JellyError(`Cannot send ${path}: ${message}`, { cause, culprit, limit, path });
}

/**
 * Formats a key as a step of a path.
 *
 * @param key The key.
 * @returns The step, such as `.name`, `["two words"]`, or `.get(1)` for a key that is not a string.
 */
export function keyStep(key: unknown): string {
  if (typeof key === "string") {
    return key.length <= MAX_KEY && NAME.test(key)
      ? `.${key}`
      : `[${JSON.stringify(clip(key, MAX_KEY))}]`;
  }
  const isPrimitive = typeof key !== "object" || key === null;
  return `.get(${isPrimitive ? clip(String(key), MAX_KEY) : "…"})`;
}

/** A fault on its way out of a value: the beginning of its path is not known yet. */
class Fault extends JellyError {
  /** The steps to the fault from the container that it has reached. */
  steps = "";
}

/** Returns a fault as it is, and an error of this library as a new fault; undefined for others. */
function faultOf(error: unknown, culprit: unknown): Fault | undefined {
  if (error instanceof Fault) return error;
  if (!(error instanceof JellyError || error instanceof BananaError)) return undefined;
  const { message, limit } = error;
  const fact = message.replace(/^Cannot send (?:(?:message|tree): )?/, "");
  return new Fault(fact, { cause: error, culprit, limit });
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

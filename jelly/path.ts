/**
 * Where in a value a fault is, to name it in an error.
 *
 * The path is put together on the way out from the fault: each container that is left adds its step.
 *
 * @module
 */

import { BananaError } from "./banana/errors.ts";
import { JellyError } from "./errors.ts";

/** Longer paths, and longer keys in them, help nobody. */
const MAX_PATH = 200;
const MAX_KEY = 40;
const NAME = /^[\p{L}_$][\p{L}\p{N}_$]*$/u;

/**
 * Notes the step to the part of a value that an error came from.
 *
 * @param error What was thrown; errors of the program's own stay as they are.
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
 * Makes the error that tells the program what cannot be sent, and why.
 *
 * @param error What came out of the value.
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
 * Names a key as a step of a path.
 *
 * @param key The key.
 * @returns The step, such as `.name`, `["two words"]`, or `.get(1)` for a key that is no text.
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

/** A fault on its way out of a value, which does not know yet where that begins. */
class Fault extends JellyError {
  /** The steps to it from the container that it has come to. */
  steps = "";
}

/** Takes a fault that is on its way, or makes one of an error of this library. */
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

/**
 * Calls functions of the program that must not keep each other from running.
 *
 * @module
 */

import { asPromise } from "./is_promise.ts";

/**
 * Calls functions one after the other, whether or not they fail.
 *
 * @param callbacks The functions; what they return is not waited for.
 * @param failed Takes what a function throws, or its promise rejects with.
 */
export function callAll(
  callbacks: Iterable<() => unknown>,
  failed: (error: unknown) => void,
): void {
  for (const callback of callbacks) {
    try {
      asPromise(callback())?.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

/**
 * Values that can be passed on from one call to another before they have arrived
 * (docs/protocol.md, "Pipelining").
 *
 * @module
 */

import { PBError } from "../errors/errors.ts";

/** Values that cannot be changed, so that passing one on costs nothing. */
export type PlainValue = string | number | bigint | boolean | null;

/**
 * Checks that a result that is no reference can be passed on.
 *
 * @param value The result, as it arrives; undefined if it is known to be something else.
 * @returns The result.
 * @throws {PBError} If it is something else than a plain value.
 */
export function plainValue(value: unknown): PlainValue {
  switch (typeof value) {
    case "string":
    case "number":
    case "bigint":
    case "boolean":
      return value;
  }
  if (value === null) return null;
  throw new PBError(
    "Cannot pass on the result of a call: it is no reference, text, number, boolean or null; await it",
  );
}

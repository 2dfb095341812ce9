/**
 * Received failures: what each field may be, and the error that it becomes (docs/protocol.md,
 * "Failures").
 *
 * @module
 */

import {
  LoginDenied,
  LoginFailed,
  Unauthorized,
  UnauthorizedLogin,
  UnhandledCredentials,
} from "../../cred/errors.ts";
import type { AnyClass, JellyRegistry } from "../../jelly/mod.ts";
import { stateEntries } from "../../jelly/state.ts";
import { EXCEPTION } from "./error_names.ts";
import { GoingAwayError, NoSuchMethod, PBError } from "./errors.ts";
import { CopiedFailure, instanceOf, RemoteError } from "./remote_error.ts";

/** Errors that every peer knows; they arrive as instances of these classes. */
const KNOWN: ReadonlyMap<string, AnyClass> = new Map<string, AnyClass>([
  ["twisted.spread.pb.Error", PBError],
  ["twisted.spread.flavors.NoSuchMethod", NoSuchMethod],
  [GoingAwayError.jellyName, GoingAwayError],
  ["twisted.cred.error.Unauthorized", Unauthorized],
  ["twisted.cred.error.LoginFailed", LoginFailed],
  ["twisted.cred.error.UnauthorizedLogin", UnauthorizedLogin],
  ["twisted.cred.error.UnhandledCredentials", UnhandledCredentials],
  ["twisted.cred.error.LoginDenied", LoginDenied],
]);

/**
 * Turns a received failure into an error.
 *
 * A string may arrive as bytes, as from Python 2. Anything missing or of the wrong kind counts as
 * empty; a failure without a type is an Exception, and one without parents has its type as its
 * parent.
 *
 * @param state The state that was received.
 * @param registry The registry where error classes may be known by name.
 * @returns An error of the known class that is nearest to the error's own, or else a
 * `CopiedFailure`.
 * @throws {JellyError} If the state is not a dictionary.
 */
export function receiveFailure(state: unknown, registry: JellyRegistry): Error {
  const fields = fieldsOf(state);
  const type = textOf(fields.type) || EXCEPTION[0]!;
  const list = fields.parents;
  const parents = Array.isArray(list) ? list.map(textOf).filter((name) => name !== "") : [];
  if (parents.length === 0) parents.push(type);
  const message = textOf(fields.value);
  const traceback = textOf(fields.traceback);
  const cls = knownClass(parents, registry);
  return cls === undefined
    ? new CopiedFailure(type, message, traceback, parents)
    : instanceOf(cls, message, { remoteType: type, remoteTraceback: traceback, parents });
}

/**
 * Turns what a call failed with, according to the peer, into an error; usually it already is one.
 *
 * @param value What was received.
 * @returns The error; a value that is not an error becomes the cause of one.
 */
export function errorOf(value: unknown): Error {
  if (value instanceof Error) return value;
  const error = new RemoteError(
    EXCEPTION[0]!,
    "The call failed with a value that is not an error",
    "",
  );
  error.cause = value;
  return error;
}

/** Finds the known class for an error: its own, or its nearest known base. */
function knownClass(names: readonly string[], registry: JellyRegistry): AnyClass | undefined {
  for (const name of names) {
    const found = registry.value(name) ?? KNOWN.get(name);
    if (typeof found === "function" && found.prototype instanceof Error) return found as AnyClass;
  }
  return undefined;
}

/** Returns the relevant fields: a peer may send any others. */
function fieldsOf(state: unknown): Record<"type" | "value" | "traceback" | "parents", unknown> {
  const fields = { type: null, value: null, traceback: null, parents: null };
  for (const [name, value] of stateEntries(state)) {
    if (Object.hasOwn(fields, name)) Object.assign(fields, { [name]: value });
  }
  return fields;
}

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  // The value of a failure may be another failure.
  if (value instanceof Error) return value.message;
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
    default:
      return "";
  }
}

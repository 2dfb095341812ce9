/**
 * Failures as they are sent (`twisted.spread.pb.CopyableFailure`; docs/protocol.md, "Failures").
 *
 * @module
 */

import {
  atom,
  type IJellyable,
  isJellyable,
  type Jellier,
  jellyNameOf,
  type Taster,
} from "../../jelly/mod.ts";
import { classOf, ownState } from "../../jelly/state.ts";
import { classNames, EXCEPTION, isRuntimeError } from "./error_names.ts";
import { PBError } from "./errors.ts";
import { type ErrorKind, isKind, NO_TRACEBACK, RemoteError } from "./remote_error.ts";

/** Tag of a failure on the wire. */
export const FAILURE_TAG = "twisted.spread.pb.CopyableFailure";

/**
 * Maximum number of characters of a message or a stack that are sent; the middle of a longer text
 * is left out.
 */
const MAX_TEXT = 64 * 1024;

/**
 * An error in the form in which it travels (`twisted.spread.pb.CopyableFailure`).
 *
 * An error that a method throws is sent as one, unless it travels as an object of its own class.
 * Create one yourself to send an error as a value, as an argument or within a result.
 *
 * @example
 * ```ts
 * import { CopyableFailure } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * const failure = new CopyableFailure(new RangeError("too high"));
 * assertEquals(failure.type, "builtins.ValueError");
 * assertEquals(failure.getErrorMessage(), "too high");
 * ```
 */
export class CopyableFailure implements IJellyable {
  /** What was thrown. */
  readonly error: unknown;
  /** Full names of the error's class and its bases, the class itself first. */
  readonly parents: readonly string[];
  /** Whether the stack is sent too. */
  readonly unsafeTracebacks: boolean;

  /**
   * Creates a failure.
   *
   * @param error What was thrown; a failure that was received keeps its type and parents.
   * @param unsafeTracebacks Whether to send the stack to the peer. Defaults to false.
   */
  constructor(error: unknown, unsafeTracebacks = false) {
    this.error = error instanceof CopyableFailure ? error.error : error;
    this.parents = errorNames(this.error);
    this.unsafeTracebacks = unsafeTracebacks;
  }

  /** Full name of the error's class. */
  get type(): string {
    return this.parents[0]!;
  }

  /** The message. */
  get value(): string {
    return cut(messageOf(this.error));
  }

  /** The stack, or the text that is sent instead. */
  get traceback(): string {
    return this.unsafeTracebacks ? `${cut(stackOf(this.error))}\n` : NO_TRACEBACK;
  }

  /**
   * Returns the message.
   *
   * @returns The message.
   */
  getErrorMessage(): string {
    return this.value;
  }

  /**
   * Returns which of the given kinds the error is.
   *
   * @param kinds Classes or full names.
   * @returns The first kind that the error is an instance of, or that is among its parents, or
   * undefined.
   */
  check<const Kinds extends readonly ErrorKind[]>(...kinds: Kinds): Kinds[number] | undefined {
    return kinds.find((kind) => isKind(this.error, this.parents, kind));
  }

  /**
   * Returns which of the given kinds the error is, or throws the error if it is none of them.
   *
   * @param kinds Classes or full names.
   * @returns The first kind that the error is.
   * @throws {unknown} What was thrown, if it is none of them.
   */
  trap<const Kinds extends readonly ErrorKind[]>(...kinds: Kinds): Kinds[number] {
    const kind = this.check(...kinds);
    if (kind === undefined) throw this.error;
    return kind;
  }

  /**
   * Writes the failure as Twisted does: the type as bytes, the rest as text.
   *
   * @param jellier Where to write.
   */
  jellyFor(jellier: Jellier): void {
    jellier.prepare(this);
    jellier.tagged(FAILURE_TAG, {
      // Twisted numbers a program's failures, for its own use.
      count: 1,
      type: atom(this.type),
      value: this.value,
      captureVars: false,
      frames: [],
      stack: [],
      tb: null,
      parents: [...this.parents],
      unsafeTracebacks: this.unsafeTracebacks,
      traceback: this.traceback,
    });
  }
}

/**
 * Creates a failure that can be sent (`twisted.spread.pb.failure2Copyable`).
 *
 * @example
 * ```ts
 * import { failure2Copyable } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * const failure = failure2Copyable(new TypeError("no number"));
 * assertEquals(failure.traceback, "Traceback unavailable\n");
 * ```
 *
 * @param error What was thrown.
 * @param unsafeTracebacks Whether to send the stack to the peer. Defaults to false.
 * @returns The failure.
 */
export function failure2Copyable(error: unknown, unsafeTracebacks = false): CopyableFailure {
  return new CopyableFailure(error, unsafeTracebacks);
}

/** The rules of a connection for the failures that it sends. */
export interface FailureRules {
  /** What may arrive, and so may also be sent as an object. */
  readonly security: Taster;
  /** Whether failures carry the stack of the error to the peer. */
  readonly unsafeTracebacks: boolean;
}

/**
 * Returns what to answer a failed call with.
 *
 * An error that can travel as an object does so: one that serializes itself, and one
 * whose class the security options allow. All others travel as a failure.
 *
 * @param thrown What was thrown.
 * @param rules The rules of the connection.
 * @returns A value that can be sent.
 */
export function wireForm(
  thrown: unknown,
  { security, unsafeTracebacks }: FailureRules,
): IJellyable {
  const failure = new CopyableFailure(thrown, unsafeTracebacks);
  const { error } = failure;
  if (!(error instanceof Error)) return failure;
  if (isJellyable(error)) return error;
  if (error instanceof RemoteError) return failure;
  const cls = classOf(error);
  if (cls === undefined || isRuntimeError(cls) || !security.isClassAllowed(cls)) return failure;
  return new NamedState(jellyNameOf(cls), errorState(error));
}

/** An error of an allowed class, on its way out. */
class NamedState implements IJellyable {
  readonly #name: string;
  readonly #state: unknown;

  constructor(name: string, state: unknown) {
    this.#name = name;
    this.#state = state;
  }

  jellyFor(jellier: Jellier): void {
    jellier.tagged(this.#name, this.#state);
  }
}

/**
 * Returns the state of an error: its message, and its fields other than its name.
 *
 * @param error The error.
 * @returns A new plain object.
 */
export function errorState(error: Error): Record<string, unknown> {
  const { name: _, ...state } = ownState(error);
  return { message: messageOf(error), ...state };
}

/**
 * Returns whether an error is one that a program raises on purpose: a `PBError` of its own, or one
 * that came from a peer.
 *
 * @param thrown What was thrown.
 * @returns True if it is not to be logged.
 */
export function isExpected(thrown: unknown): boolean {
  return new CopyableFailure(thrown).check(PBError) !== undefined;
}

/** Returns the names of an error and its bases as the peer will see them. */
function errorNames(error: unknown): readonly string[] {
  if (error instanceof RemoteError) return error.parents;
  const cls = error instanceof Error ? classOf(error) : undefined;
  return cls === undefined ? EXCEPTION : classNames(cls);
}

/**
 * Returns the message of an error.
 *
 * @param error Anything that was thrown.
 * @returns Its message, or itself as text; empty if even that throws.
 */
export function messageOf(error: unknown): string {
  return textOf(() => error instanceof Error ? error.message : error);
}

function stackOf(error: unknown): string {
  return textOf(() => error instanceof Error ? error.stack : error);
}

/** Returns a text for anything, even if reading it throws: one error must not hide another. */
function textOf(read: () => unknown): string {
  try {
    return String(read()).toWellFormed();
  } catch {
    return "";
  }
}

function cut(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  const half = MAX_TEXT / 2 - 1;
  return `${text.slice(0, half)}…${text.slice(-half)}`.toWellFormed();
}

/**
 * Does nothing (`twisted.spread.pb.noOperation`): for calls whose outcome does not matter.
 *
 * @example
 * ```ts
 * import { noOperation, type RemoteReference } from "@perspective/broker/broker";
 *
 * function poke(reference: RemoteReference) {
 *   reference.callRemote("poke").catch(noOperation);
 * }
 * ```
 *
 * @param _args Anything.
 */
export function noOperation(..._args: unknown[]): void {}

/**
 * Prints an error to the console (`twisted.spread.pb.printTraceback`): for `catch`.
 *
 * @example
 * ```ts
 * import { printTraceback, type RemoteReference } from "@perspective/broker/broker";
 *
 * function poke(reference: RemoteReference) {
 *   reference.callRemote("poke").catch(printTraceback);
 * }
 * ```
 *
 * @param error What was thrown.
 */
export function printTraceback(error: unknown): void {
  console.error("Perspective Broker Traceback:", error);
}

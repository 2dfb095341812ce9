/**
 * Errors that came from the peer (`twisted.spread.pb.RemoteError`, `CopiedFailure`).
 *
 * @module
 */

import type { AnyClass } from "../../jelly/mod.ts";
import { classNames } from "./error_names.ts";

/** The text sent in place of a traceback that the peer must not see. */
export const NO_TRACEBACK = "Traceback unavailable\n";

/** Marks errors that came from the peer; no field that a peer sends can forge it. */
const REMOTE: unique symbol = Symbol("RemoteError");

/** An error class, or the full name of one as in Python. */
export type ErrorKind = AnyClass | string;

/** What an error from the peer carries in addition to its message. */
export interface RemoteFailure {
  /** Full name of the error's class at the peer, such as `builtins.ValueError`. */
  readonly remoteType: string;
  /** The peer's stack, if it was sent. */
  readonly remoteTraceback: string;
  /** Full names of the class and its bases, the class itself first. */
  readonly parents: readonly string[];
  /**
   * Returns which of the given kinds the error is.
   *
   * @param kinds Classes or full names.
   * @returns The first kind that the error is an instance of, or that is among its parents, or
   * undefined.
   */
  check<const Kinds extends readonly ErrorKind[]>(...kinds: Kinds): Kinds[number] | undefined;
  /**
   * Returns which of the given kinds the error is, or throws the error itself if it is none of
   * them.
   *
   * @param kinds Classes or full names.
   * @returns The first kind that the error is.
   * @throws {RemoteError} This error, if it is none of them.
   */
  trap<const Kinds extends readonly ErrorKind[]>(...kinds: Kinds): Kinds[number];
}

/**
 * An error that came from the peer.
 *
 * A failed call rejects with one. If the class of the error, or one of its bases, is known here,
 * the error is also an instance of that class. Known classes are `PBError`, `NoSuchMethod`, the
 * errors of cred, and those that the registry has under the name. It is an `instanceof RemoteError`
 * in either case.
 *
 * Its stack begins with the code that awaits the call, and continues with the peer's stack, if that
 * was sent.
 *
 * @example
 * ```ts
 * import { RemoteError } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new RemoteError("builtins.KeyError", "'x'", "", [
 *   "builtins.KeyError",
 *   "builtins.LookupError",
 * ]);
 * assertEquals(error.check("builtins.OSError", "builtins.LookupError"), "builtins.LookupError");
 * ```
 */
export class RemoteError extends Error implements RemoteFailure {
  /** Full name of the error's class at the peer. */
  declare readonly remoteType: string;
  /** The peer's stack, if it was sent. */
  declare readonly remoteTraceback: string;
  /** Full names of the class and its bases, the class itself first. */
  declare readonly parents: readonly string[];

  /**
   * Creates the error.
   *
   * @param remoteType Full name of the error's class at the peer.
   * @param value Its message.
   * @param remoteTraceback Its stack, if it was sent.
   * @param parents Full names of the class and its bases. Defaults to the class alone.
   */
  constructor(
    remoteType: string,
    value: string,
    remoteTraceback: string,
    parents: readonly string[] = [remoteType],
  ) {
    super(value);
    mark(this, remoteType, { remoteType, remoteTraceback, parents });
  }

  /**
   * Returns whether an error came from the peer.
   *
   * @param value Any value.
   * @returns True for remote errors, including instances of a known class.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Function.prototype[Symbol.hasInstance].call(this, value) ||
      (this === RemoteError && value instanceof Error && Object.hasOwn(value, REMOTE));
  }

  /**
   * Returns which of the given kinds the error is.
   *
   * @param kinds Classes or full names.
   * @returns The first kind that the error is an instance of, or that is among its parents, or
   * undefined.
   */
  check<const Kinds extends readonly ErrorKind[]>(...kinds: Kinds): Kinds[number] | undefined {
    return kinds.find((kind) => isKind(this, this.parents, kind));
  }

  /**
   * Returns which of the given kinds the error is, or throws the error itself if it is none of
   * them.
   *
   * @param kinds Classes or full names.
   * @returns The first kind that the error is.
   * @throws {RemoteError} This error, if it is none of them.
   */
  trap<const Kinds extends readonly ErrorKind[]>(...kinds: Kinds): Kinds[number] {
    const kind = this.check(...kinds);
    if (kind === undefined) throw this;
    return kind;
  }
}

/**
 * Returns whether an error is of a kind.
 *
 * @param error The error.
 * @param parents Full names of its class and bases.
 * @param kind A class or a full name.
 * @returns True if the error is an instance of the class, or the name is among the parents.
 */
export function isKind(error: unknown, parents: readonly string[], kind: ErrorKind): boolean {
  if (typeof kind === "string") return parents.includes(kind);
  return error instanceof kind || parents.includes(classNames(kind)[0]!);
}

/** What is known about an error from the peer besides its message. */
export type RemoteFacts = Pick<RemoteFailure, "remoteType" | "remoteTraceback" | "parents">;

/** Marks an error as one that came from the peer. */
function mark(error: Error, name: string, facts: RemoteFacts): void {
  const fields = { ...facts, name, [REMOTE]: true };
  for (const key of Reflect.ownKeys(fields)) {
    // A printed error shows its stack, which says all this better.
    Object.defineProperty(error, key, {
      value: Reflect.get(fields, key),
      configurable: true,
      writable: true,
    });
  }
  showTraceback(error);
}

/**
 * A received failure, with Twisted's names for its fields (`twisted.spread.pb.CopiedFailure`).
 *
 * @example
 * ```ts
 * import { CopiedFailure } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * const failure = new CopiedFailure("builtins.KeyError", "'x'", "");
 * assertEquals([failure.type, failure.value], ["builtins.KeyError", "'x'"]);
 * ```
 */
export class CopiedFailure extends RemoteError {
  /** Full name of the error's class at the peer. */
  get type(): string {
    return this.remoteType;
  }

  /** The message. */
  get value(): string {
    return this.message;
  }

  /** The peer's stack, if it was sent. */
  get traceback(): string {
    return this.remoteTraceback;
  }

  /**
   * Returns the message.
   *
   * @returns The message.
   */
  getErrorMessage(): string {
    return this.message;
  }

  /**
   * Writes one line that names the error.
   *
   * @param write Writes the line. Defaults to the console.
   */
  printTraceback(write: (text: string) => void = console.error): void {
    write(`Traceback from remote host -- ${this.remoteType}: ${this.message}\n`);
  }
}

/**
 * Creates an error of a class that is known here, without calling its constructor.
 *
 * @param cls The class: the error's own, or its nearest known base.
 * @param message Its message.
 * @param facts What else was received.
 * @returns An instance of the class that is also an `instanceof RemoteError`.
 */
export function instanceOf(
  cls: AnyClass,
  message: string,
  facts: RemoteFacts,
): Error & RemoteFailure {
  const { remoteType } = facts;
  const error: Error = Reflect.construct(Error, [message], cls);
  const isItself = classNames(cls)[0] === remoteType;
  mark(error, isItself ? cls.name : remoteType, facts);
  const { check, trap } = RemoteError.prototype;
  for (const method of [check, trap]) {
    Object.defineProperty(error, method.name, { value: method, configurable: true });
  }
  return error as Error & RemoteFailure;
}

/**
 * Throws an error that a call failed with, so that its stack shows the code that awaits the call.
 *
 * Capturing the stack at each call would make calls expensive. But the runtime knows what awaits a
 * promise: if the promise of the call is resolved with that of this function, the stack of an error
 * that is captured after the next turns of this function leads on to the code that awaits the call.
 *
 * @param error The error.
 * @returns Always rejects with the error.
 * @throws {Error} The error.
 */
export async function throwAtCaller(error: Error): Promise<never> {
  await undefined;
  await undefined;
  if ("captureStackTrace" in Error) {
    Error.captureStackTrace(error, throwAtCaller);
    showTraceback(error);
  }
  throw error;
}

/**
 * Makes the stack of an error go on with the peer's, if that was sent. Otherwise the stack is not
 * even read: only then is it made into text, which takes longer than the call did.
 */
function showTraceback(error: Error): void {
  if (!(error instanceof RemoteError)) return;
  const { remoteTraceback } = error;
  if (remoteTraceback === "" || remoteTraceback === NO_TRACEBACK) return;
  const value = `${error.stack}\nRemote traceback:\n${remoteTraceback.trimEnd()}`;
  Object.defineProperty(error, "stack", { value, configurable: true, writable: true });
}

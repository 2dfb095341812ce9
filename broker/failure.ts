/**
 * Errors on the wire: failures that are sent, and failures that were received
 * (`twisted.spread.pb.CopyableFailure` and `CopiedFailure`; docs/protocol.md, "Failures").
 *
 * @module
 */

import {
  LoginDenied,
  LoginFailed,
  Unauthorized,
  UnauthorizedLogin,
  UnhandledCredentials,
} from "../cred/errors.ts";
import {
  type AnyClass,
  atom,
  type IJellyable,
  type Jellier,
  type JellyRegistry,
} from "../jelly/mod.ts";
import { NoSuchMethod, PBError } from "./errors.ts";

/** Tag of a failure on the wire. */
export const FAILURE_TAG = "twisted.spread.pb.CopyableFailure";

/** What takes the place of a traceback that is not for the peer. */
const NO_TRACEBACK = "Traceback unavailable\n";

/** What the errors of the runtime are called in Python. */
const BUILT_IN: ReadonlyMap<unknown, readonly string[]> = new Map<unknown, readonly string[]>([
  [Error, ["builtins.Exception", "builtins.BaseException", "builtins.object"]],
  [TypeError, ["builtins.TypeError"]],
  [SyntaxError, ["builtins.SyntaxError"]],
  [RangeError, ["builtins.ValueError"]],
]);

/** Errors that every peer knows; they arrive as instances of these classes. */
const KNOWN: ReadonlyMap<string, AnyClass> = new Map<string, AnyClass>([
  ["twisted.spread.pb.Error", PBError],
  ["twisted.spread.flavors.NoSuchMethod", NoSuchMethod],
  ["twisted.cred.error.Unauthorized", Unauthorized],
  ["twisted.cred.error.LoginFailed", LoginFailed],
  ["twisted.cred.error.UnauthorizedLogin", UnauthorizedLogin],
  ["twisted.cred.error.UnhandledCredentials", UnhandledCredentials],
  ["twisted.cred.error.LoginDenied", LoginDenied],
]);

/** An error class, or the full name of one as in Python. */
export type ErrorKind = AnyClass | string;

/** What an error that came from the other end carries beside its message. */
export interface RemoteFailure {
  /** Full name of the error's class at the other end, such as `builtins.ValueError`. */
  readonly remoteType: string;
  /** The stack at the other end, if it was sent. */
  readonly remoteTraceback: string;
  /** Full names of the class and its bases, the class itself first. */
  readonly parents: readonly string[];
  /**
   * Tells which of some kinds the error is.
   *
   * @param kinds Classes or full names.
   * @returns The first kind that is among the parents, or undefined.
   */
  check<Kind extends ErrorKind>(...kinds: Kind[]): Kind | undefined;
  /**
   * Tells which of some kinds the error is, and throws the error itself if it is none.
   *
   * @param kinds Classes or full names.
   * @returns The first kind that is among the parents.
   */
  trap<Kind extends ErrorKind>(...kinds: Kind[]): Kind;
}

/**
 * An error that came from the other end of a connection.
 *
 * A failed call rejects with one. If the class of the error, or one of its
 * bases, is known here, the error is also an instance of that class: `PBError`, `NoSuchMethod`,
 * the errors of cred, and the classes that the registry has under the name.
 * It is an `instanceof RemoteError` in either case.
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
  /** Full name of the error's class at the other end. */
  readonly remoteType: string;
  /** The stack at the other end, if it was sent. */
  readonly remoteTraceback: string;
  /** Full names of the class and its bases, the class itself first. */
  readonly parents: readonly string[];

  /**
   * Creates the error.
   *
   * @param remoteType Full name of the error's class at the other end.
   * @param value Its message.
   * @param remoteTraceback Its stack, if it was sent.
   * @param parents Full names of the class and its bases.
   */
  constructor(
    remoteType: string,
    value: string,
    remoteTraceback: string,
    parents: readonly string[] = [remoteType],
  ) {
    super(value);
    this.name = remoteType;
    this.remoteType = remoteType;
    this.remoteTraceback = remoteTraceback;
    this.parents = parents;
    Object.defineProperty(this, "remoteTraceback", { enumerable: false });
    addRemoteStack(this, remoteTraceback);
  }

  /**
   * Tells whether an error came from the other end.
   *
   * @param value Any value.
   * @returns True for remote errors, also those that are instances of a known class.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Function.prototype[Symbol.hasInstance].call(this, value) ||
      (this === RemoteError && value instanceof Error && Object.hasOwn(value, "remoteType"));
  }

  /**
   * Tells which of some kinds the error is.
   *
   * @param kinds Classes or full names.
   * @returns The first kind that is among the parents, or undefined.
   */
  check<Kind extends ErrorKind>(...kinds: Kind[]): Kind | undefined {
    return kinds.find((kind) =>
      this.parents.includes(typeof kind === "string" ? kind : classNames(kind)[0]!)
    );
  }

  /**
   * Tells which of some kinds the error is, and throws the error itself if it is none.
   *
   * @param kinds Classes or full names.
   * @returns The first kind that is among the parents.
   * @throws {RemoteError} This error, if none is.
   */
  trap<Kind extends ErrorKind>(...kinds: Kind[]): Kind {
    const kind = this.check(...kinds);
    if (kind === undefined) throw this;
    return kind;
  }
}

/**
 * A failure that was received, with Twisted's names for what it carries
 * (`twisted.spread.pb.CopiedFailure`).
 */
export class CopiedFailure extends RemoteError {
  /** Full name of the error's class at the other end. */
  get type(): string {
    return this.remoteType;
  }

  /** The message. */
  get value(): string {
    return this.message;
  }

  /** The stack at the other end, if it was sent. */
  get traceback(): string {
    return this.remoteTraceback;
  }

  /**
   * Gives the message.
   *
   * @returns The message.
   */
  getErrorMessage(): string {
    return this.message;
  }

  /**
   * Writes one line that names the error.
   *
   * @param write Takes the line; the console unless given.
   */
  printTraceback(write: (text: string) => void = console.error): void {
    write(`Traceback from remote host -- ${this.remoteType}: ${this.message}\n`);
  }
}

/** A failure to be sent (`twisted.spread.pb.CopyableFailure`). */
export class CopyableFailure implements IJellyable {
  /** Full names of the error's class and its bases, the class itself first. */
  readonly parents: readonly string[];
  /** The message. */
  readonly value: string;
  /** The stack, or what stands for it. */
  readonly traceback: string;

  /**
   * Creates a failure.
   *
   * @param error What was thrown; a received failure keeps its type and parents.
   * @param unsafeTracebacks Whether the stack is for the peer.
   */
  constructor(error: unknown, unsafeTracebacks = false) {
    this.parents = errorNames(error);
    this.value = textOf(error);
    this.traceback = unsafeTracebacks ? tracebackOf(error) : NO_TRACEBACK;
  }

  /** Full name of the error's class. */
  get type(): string {
    return this.parents[0]!;
  }

  /**
   * Writes the failure as Twisted does: the type as bytes, the rest as text.
   *
   * @param jellier Where to write.
   */
  jellyFor(jellier: Jellier): void {
    jellier.prepare(this);
    jellier.tagged(FAILURE_TAG, {
      type: atom(this.type),
      value: this.value,
      captureVars: false,
      frames: [],
      stack: [],
      tb: null,
      parents: [...this.parents],
      unsafeTracebacks: this.traceback !== NO_TRACEBACK,
      traceback: this.traceback,
    });
  }
}

/**
 * Makes a failure that can be sent (`twisted.spread.pb.failure2Copyable`).
 *
 * @param error What was thrown.
 * @param unsafeTracebacks Whether the stack is for the peer; false unless given.
 * @returns The failure.
 */
export function failure2Copyable(error: unknown, unsafeTracebacks = false): CopyableFailure {
  return new CopyableFailure(error, unsafeTracebacks);
}

/**
 * Makes an error of a received failure.
 *
 * @param state The state that was received.
 * @param registry Where error classes may be known by name.
 * @returns An error of the known class that is nearest to the error's own, else a `CopiedFailure`.
 */
export function receiveFailure(state: unknown, registry: JellyRegistry): Error {
  const fields = new Map(Object.entries(Object(state)));
  const type = text(fields.get("type")) || "builtins.Exception";
  const value = text(fields.get("value"));
  const traceback = text(fields.get("traceback"));
  const list: unknown = fields.get("parents");
  const names = Array.isArray(list) ? list.map(text).filter((name) => name !== "") : [];
  const failure = new CopiedFailure(type, value, traceback, names.length === 0 ? [type] : names);
  const cls = knownClass(failure.parents, registry);
  return cls === undefined ? failure : instanceOf(cls, failure);
}

/** Finds the class that is known for an error: its own, or the nearest of its bases. */
function knownClass(names: readonly string[], registry: JellyRegistry): AnyClass | undefined {
  for (const name of names) {
    const found = registry.value(name) ?? KNOWN.get(name);
    if (typeof found === "function" && found.prototype instanceof Error) return found as AnyClass;
  }
  return undefined;
}

/** Makes an error of a class, without its constructor, that carries what the failure does. */
function instanceOf(cls: AnyClass, failure: CopiedFailure): Error {
  const error: Error = Reflect.construct(Error, [failure.message, { cause: failure }], cls);
  const own = (name: string, value: unknown, enumerable: boolean) =>
    Object.defineProperty(error, name, { value, enumerable, configurable: true, writable: true });
  own("name", cls.name, false);
  own("remoteType", failure.remoteType, true);
  own("remoteTraceback", failure.remoteTraceback, false);
  own("parents", failure.parents, false);
  own("check", RemoteError.prototype.check, false);
  own("trap", RemoteError.prototype.trap, false);
  addRemoteStack(error, failure.remoteTraceback);
  return error;
}

/** Shows the stack of the other end below our own, which ends where the failure arrived. */
function addRemoteStack(error: Error, traceback: string): void {
  if (traceback === "" || traceback === NO_TRACEBACK) return;
  const stack = `${error.stack}\nRemote traceback:\n${traceback.trimEnd()}`;
  Object.defineProperty(error, "stack", { value: stack, configurable: true, writable: true });
}

/**
 * Names an error and its bases as the peer will see them.
 *
 * @param error What was thrown.
 * @returns Full names, the error's own class first.
 */
export function errorNames(error: unknown): readonly string[] {
  if (error instanceof RemoteError) return error.parents;
  if (error instanceof Error) return classNames(error.constructor as AnyClass);
  return BUILT_IN.get(Error)!;
}

/** Names a class and its bases: each by its static `jellyName`, or its own name. */
function classNames(cls: AnyClass): readonly string[] {
  const names = new Set<string>();
  for (let at: unknown = cls; typeof at === "function"; at = Object.getPrototypeOf(at)) {
    const all: unknown = Object.hasOwn(at, "jellyParents")
      ? Reflect.get(at, "jellyParents")
      : undefined;
    const known = Array.isArray(all) ? all as string[] : BUILT_IN.get(at);
    if (known !== undefined) { for (const name of known) names.add(name); }
    else if (at.name !== "") {
      names.add(String(Object.hasOwn(at, "jellyName") ? Reflect.get(at, "jellyName") : at.name));
    }
    if (at === Error || Array.isArray(all)) break;
  }
  return [...names];
}

/**
 * Tells whether an error is one that a program raises on purpose: a `PBError` of its own, or
 * one that came from another peer.
 *
 * @param error What was thrown.
 * @returns True if it is not to be logged.
 */
export function isExpected(error: unknown): boolean {
  return error instanceof PBError ||
    (error instanceof RemoteError && error.parents.includes(PBError.jellyName));
}

function textOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.toWellFormed();
}

function tracebackOf(error: unknown): string {
  const stack = error instanceof Error ? error.stack : undefined;
  return `${(stack ?? String(error)).toWellFormed()}\n`;
}

/** Reads a field that Twisted sends as text or as bytes. */
function text(value: unknown): string {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  return typeof value === "string"
    ? value
    : value === null || value === undefined
    ? ""
    : String(value);
}

/**
 * Does nothing (`twisted.spread.pb.noOperation`): for calls whose outcome nobody needs.
 *
 * @param _args Anything.
 */
export function noOperation(..._args: unknown[]): void {}

/**
 * Prints a failure (`twisted.spread.pb.printTraceback`): for `catch`.
 *
 * @param error What was thrown.
 */
export function printTraceback(error: unknown): void {
  if (error instanceof CopiedFailure) error.printTraceback();
  else console.error("Perspective Broker Traceback:", error);
}

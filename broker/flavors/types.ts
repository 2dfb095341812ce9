/**
 * The remote methods of a class, as types: the basis of typed references.
 *
 * @module
 */

import type { IPerspective } from "./avatar.ts";
import type { CallOptions } from "./kwargs.ts";
import type { Received } from "./received.ts";
import type { Referenceable } from "./referenceable.ts";
import type { SendableArgs } from "./sendable.ts";

/** Any function or method. */
export type AnyMethod = (...args: never) => unknown;

/** Whether T says nothing about its methods, as `unknown` and `any` do. */
export type IsUntyped<T> = unknown extends T ? true : false;

/**
 * The prefixes of methods that a peer may call, depending on the kind of object. An interface may
 * describe any kind.
 */
export type MethodPrefix<T> = T extends Referenceable ? "remote_"
  : T extends IPerspective ? "perspective_"
  : "remote_" | "perspective_" | "view_";

/** The remote methods of T: their names, without the prefix, by the names that they have in T. */
export type RemoteMethodNames<T> = {
  // The name first, since nothing is known of a field whose type is a parameter.
  [
    Key in keyof T as Key extends `${MethodPrefix<T>}${string}`
      ? NonNullable<T[Key]> extends AnyMethod ? Key : never
      : never
  ]-?: Key extends `${MethodPrefix<T>}${infer Name}` ? Name : never;
};

/** Names of the remote methods of T, without their prefix. */
export type RemoteMethodName<T> = RemoteMethodNames<T>[keyof RemoteMethodNames<T>];

/** A name that may be called on T: any, if T says nothing about its methods. */
export type CallableName<T> = IsUntyped<T> extends true ? string
  // Written out, so that the compiler lists the names if one is misspelled.
  : RemoteMethodNames<T>[keyof RemoteMethodNames<T>];

/** The method of T that a name calls, without the prefix. */
export type MethodOf<T, Name extends string> = `remote_${Name}` extends keyof T
  ? NonNullable<T[`remote_${Name}`]>
  : `perspective_${Name}` extends keyof T ? NonNullable<T[`perspective_${Name}`]>
  : `view_${Name}` extends keyof T ? WithoutFirst<NonNullable<T[`view_${Name}`]>>
  : never;

/** A `view_` method without the perspective, which the broker puts first. */
export type WithoutFirst<Method> = Method extends
  (first: never, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result
  : never;

/** Arguments of a remote call: those of the method, then perhaps options of the call. */
export type RemoteArgs<T, Name extends string, Answer extends boolean = boolean> =
  IsUntyped<T> extends true ? readonly unknown[]
    : MethodOf<T, Name> extends (...args: infer Args) => unknown
      ? SendableArgs<Args> | WithOptions<SendableArgs<Args>, Answer>
    : never;

/** Arguments of a remote call without options. */
export type MethodArgs<T, Name extends string> = IsUntyped<T> extends true ? readonly unknown[]
  : MethodOf<T, Name> extends (...args: infer Args) => unknown ? SendableArgs<Args>
  : never;

/** Arguments of a method that sends pages to its first argument: those after the collector. */
export type PageArgs<T, Name extends string> = IsUntyped<T> extends true ? readonly unknown[]
  : BehindFirst<RemoteArgs<T, Name>>;

/** The items of a list except the first. */
export type BehindFirst<Items extends readonly unknown[]> = Items extends
  readonly [unknown?, ...infer Rest] ? Rest : never;

/** Arguments followed by options of the call. */
export type WithOptions<Args extends readonly unknown[], Answer extends boolean> = Args extends
  unknown ? [...Args, options: CallOptions<Answer>] : never;

/** What the result of a method is once it is there. */
// Unlike Awaited, this is simply T for a Promise<T> of a type parameter.
export type Settled<Result> = Result extends PromiseLike<infer Value> ? Value : Result;

/** Result of a remote call: undefined if no answer was asked for. */
export type RemoteResult<T, Name extends string, Answer extends boolean = true> =
  IsUntyped<T> extends true ? unknown
    : Answer extends false ? undefined
    : MethodOf<T, Name> extends (...args: never) => infer Result ? Received<Settled<Result>>
    : never;

/**
 * Calls the methods of T as if they were local; each returns a promise. Methods with a name that
 * the language asks any object for ({@linkcode StubsOwnName}) must be called through `callRemote`.
 */
export type RemoteStub<T> = IsUntyped<T> extends true
  ? { readonly [name: string]: UntypedMethod["call"] } & { readonly [Name in StubsOwnName]?: never }
  : { readonly [Name in Exclude<RemoteMethodName<T>, StubsOwnName>]: RemoteCall<T, Name> };

/**
 * Names that a stub does not call: it is not a promise, is printed as the reference, and is sent as
 * the reference.
 */
export type StubsOwnName = "then" | "toJSON" | "jellyFor";

/** Untyped remote methods; declared as a method, so that any typed one may stand for it. */
export interface UntypedMethod {
  /** Calls it. */
  call(...args: readonly unknown[]): Promise<unknown>;
}

/** A remote method as it is called locally. */
export type RemoteCall<T, Name extends string> = <Answer extends boolean = true>(
  ...args: RemoteArgs<T, Name, Answer>
) => Promise<RemoteResult<T, Name, NoInfer<Answer>>>;

/**
 * What a value is called at the other end: the types behind typed references.
 *
 * @module
 */

import type { Decimal, Float, FrozenSet, Tuple } from "../jelly/mod.ts";
import type { CallOptions, Kwargs, KwargsBrand } from "./kwargs.ts";
import type { Referenceable } from "./referenceable.ts";
import type { RemoteReference } from "./remote_reference.ts";

/** Prefixes of the methods that a peer may call, by the kind of object. */
export type MethodPrefix = "remote_" | "perspective_" | "view_";

/** Names of the remote methods of T, without their prefix. */
export type RemoteMethodName<T> = keyof T extends infer Key
  ? Key extends `${MethodPrefix}${infer Name}` ? Name : never
  : never;

/** Whether T says nothing about its methods, as `unknown` and `any` do. */
export type IsUntyped<T> = unknown extends T ? true : false;

/** The method of T that a name calls, without the prefix. */
export type MethodOf<T, Name extends string> = `remote_${Name}` extends keyof T
  ? T[`remote_${Name}`]
  : `perspective_${Name}` extends keyof T ? T[`perspective_${Name}`]
  : `view_${Name}` extends keyof T ? WithoutFirst<T[`view_${Name}`]>
  : never;

/** A `view_` method without the perspective, which the broker puts first. */
export type WithoutFirst<Method> = Method extends
  (first: never, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result
  : never;

/** What may be sent where the other end's method takes a T. */
export type Sendable<T> =
  | T
  | (T extends RemoteReference<infer Target> ? Target & Referenceable : never)
  | (T extends number ? Float | (number extends T ? never : T) : never);

/** Arguments that may be sent for those of a method. */
export type SendableAll<Args extends readonly unknown[]> = {
  [Index in keyof Args]: Sendable<Args[Index]>;
};

/** Arguments of a remote call: those of the method, and perhaps options of the call. */
export type RemoteArgs<T, Name extends string> = IsUntyped<T> extends true ? readonly unknown[]
  : MethodOf<T, Name> extends (...args: infer Args) => unknown
    ? SendableAll<Args> | [...SendableAll<Args>, CallOptions]
  : never;

/** Result of a remote call. */
export type RemoteResult<T, Name extends string> = IsUntyped<T> extends true ? unknown
  : MethodOf<T, Name> extends (...args: never) => infer Result ? Received<Awaited<Result>>
  : never;

/** A name that may be called on T: any, if T says nothing about its methods. */
export type CallableName<T> = IsUntyped<T> extends true ? string : RemoteMethodName<T>;

/** Calls the methods of T as if they were here; each gives a promise. */
export type RemoteStub<T> = IsUntyped<T> extends true
  ? { readonly [name: string]: (...args: readonly unknown[]) => Promise<unknown> }
  : {
    readonly [Name in RemoteMethodName<T>]: (
      ...args: RemoteArgs<T, Name>
    ) => Promise<RemoteResult<T, Name>>;
  };

/**
 * What a value of type T arrives as at the other end.
 *
 * A `Copyable` or `Cacheable` arrives as the class that the receiver has registered, which
 * no type can know: it is given as its own public fields.
 */
export type Received<T> = IsUntyped<T> extends true ? T
  : T extends undefined | null | void ? null
  : T extends string | boolean | symbol ? T
  : T extends number | Float ? number
  : T extends bigint ? number | bigint
  : T extends Uint8Array ? Uint8Array
  : T extends Decimal ? T
  : T extends Date ? Temporal.PlainDateTime
  : T extends
    | Temporal.PlainDateTime
    | Temporal.PlainDate
    | Temporal.PlainTime
    | Temporal.Duration ? T
  : T extends RemoteReference<infer Target> ? Target
  : T extends Referenceable ? RemoteReference<T>
  : T extends { perspectiveMessageReceived: unknown } ? RemoteReference<T>
  : T extends KwargsBrand ? T
  : T extends Tuple<infer Items> ? Tuple<ReceivedAll<Items>>
  : T extends readonly unknown[] ? ReceivedAll<T>
  : T extends ReadonlyMap<infer Key, infer Value> ? ReceivedMap<Received<Key>, Received<Value>>
  : T extends FrozenSet<infer Item> ? FrozenSet<Received<Item>>
  : T extends ReadonlySet<infer Item> ? Set<Received<Item>>
  : T extends (...args: never) => unknown ? never
  : T extends object ? {
      [Key in keyof T as T[Key] extends (...args: never) => unknown ? never : Key]: Received<
        T[Key]
      >;
    }
  : T;

/** What the items of an array arrive as. */
export type ReceivedAll<Items extends readonly unknown[]> = {
  -readonly [Index in keyof Items]: Received<Items[Index]>;
};

/** A map with text keys arrives as a plain object, any other as a `Map`. */
export type ReceivedMap<Key, Value> = [Key] extends [string] ? Record<Key, Value> : Map<Key, Value>;

/** Keyword arguments as a method of the other end takes them. */
export type ReceivedKwargs<T extends object> = Kwargs<{ [Name in keyof T]: Received<T[Name]> }>;

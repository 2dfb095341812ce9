/**
 * The types of what may be sent to a method of the peer.
 *
 * @module
 */

import type { Float, FrozenSet, Tuple } from "../../jelly/mod.ts";
import type { CopyableFailure } from "../errors/failure.ts";
import type { RemoteFailure } from "../errors/remote_error.ts";
import type { AsReferenceable, IPerspective } from "./avatar.ts";
import type { Cacheable } from "./cacheable.ts";
import type { Copyable, RemoteCopy } from "./copyable.ts";
import type { Implements } from "./implements.ts";
import type { KwargsBrand } from "./kwargs.ts";
import type { Arriving, FieldName, IsArray, Unchanged } from "./received.ts";
import type { PlainValue } from "./plain_value.ts";
import type { Referenceable, Serializable } from "./referenceable.ts";
import type { RemoteCache } from "./remote_cache.ts";
import type { RemoteReference } from "./remote_reference.ts";
import type { AnyMethod, IsUntyped, RemoteMethodName } from "./types.ts";
import type { NeverSent, Refused, Unsendable } from "./unsendable.ts";
import type { Viewable, ViewPoint } from "./view_point.ts";

/**
 * What may be sent so that it arrives as a T: what may be passed to a method of the peer for a
 * parameter of this type. As `undefined` arrives as null, either may be sent where the other may be,
 * and for an optional field.
 *
 * @typeParam All The whole union of which T is one part.
 */
export type Sendable<T, All = T> = IsUntyped<T> extends true ? unknown
  : T extends undefined | null | void ? null | undefined
  : T extends number ? T | (number extends T ? Float : never)
  : T extends Temporal.PlainDateTime ? T | Date
  : T extends Unchanged ? T
  : T extends bigint ? number extends All ? T
    : Unsendable<"a small bigint arrives as a number: declare number | bigint">
  : T extends readonly unknown[] ? SendableList<T>
  : T extends Uint8Array ? Uint8Array
  : T extends Date ? Unsendable<"a Date arrives as a Temporal.PlainDateTime: declare that">
  : T extends RemoteFailure ? CopyableFailure
  : T extends Error
    ? Unsendable<"an error is not a value: declare a RemoteError, and send failure2Copyable(error)">
  : T extends RemoteCache ? Cacheable
  : T extends RemoteCopy ? Copyable
  : T extends Cacheable ? T | (T extends Arriving<infer There> ? There : RemoteCache)
  : T extends RemoteReference<infer Target> ? Referrer<Target>
  : T extends AsReferenceable<infer Target> | ViewPoint<infer Target> ? RemoteReference<Target>
  : T extends Referenceable ? RemoteReference<T>
  : T extends IPerspective ? Unsendable<"an avatar arrives as an AsReferenceable: declare that">
  : IsViewable<T> extends true ? Unsendable<"a Viewable arrives as a ViewPoint: declare that">
  : T extends NeverSent ? Refused<T>
  : [RemoteMethodName<T>] extends [never] ? SendableCopy<T, All>
  : RemoteReference<T>;

/** Whether a type is that of an object that users see through view points. */
export type IsViewable<T> = T extends Viewable ? IsSeenByUsers<T> : false;

/** Whether a type has `view_` methods. */
export type IsSeenByUsers<T> = [Extract<keyof T, `view_${string}`>] extends [never] ? false : true;

/** What may be sent for a tuple or an array. */
export type SendableList<T extends readonly unknown[]> = T extends Tuple<infer Items>
  ? Tuple<SendableAll<Items>>
  : SendableAll<T>;

/** What may be sent for a copied object. */
export type SendableCopy<T, All> = T extends KwargsBrand ? SendableKwargs<T>
  : T extends ReadonlyMap<infer Key, infer Value>
    ? Record<string, never> extends All ? ReadonlyMap<Sendable<Key>, Sendable<Value>>
    : Unsendable<"a Map with only strings as keys arrives as an object: declare ReceivedMap">
  : T extends FrozenSet<infer Item> ? FrozenSet<Sendable<Item>>
  : T extends Set<infer Item> ? Set<Sendable<Item>>
  : T extends ReadonlySet<infer Item> ? ReadonlySet<Sendable<Item>>
  : SendableObject<T>;

/** What may be sent for an object with fields: if it has methods, an object of a class. */
export type SendableObject<T> =
  | ([MethodsOf<T>] extends [never] ? SendableFields<T>
    : SendableFields<T> & Serializable)
  | (string extends keyof T ? ReadonlyMap<string, Sendable<T[keyof T]>> : never);

/** The methods of an object; a field that may be anything counts as data. */
export type MethodsOf<T> = {
  [Key in keyof T]-?: IsUntyped<T[Key]> extends true ? never : Extract<T[Key], AnyMethod>;
}[keyof T];

/** What may be sent for the fields of an object. */
export type SendableFields<T> = { [Key in keyof T as FieldName<T, Key>]: Sendable<T[Key]> };

/** What may be sent for an array, or a list of parameters. */
export type SendableAll<Items extends readonly unknown[]> = IsArray<Items> extends true
  ? Items extends unknown[] ? Sendable<Items[number]>[] : readonly Sendable<Items[number]>[]
  : { [Index in keyof Items]: Sendable<Items[Index]> };

/**
 * Keyword arguments; to ask for no answer, use options instead, which the type of the result takes
 * into account.
 */
export type SendableKwargs<T> =
  & { [Key in keyof T as FieldName<T, Key>]: Passable<Exclude<T[Key], undefined>> }
  & KwargsBrand<Extract<keyof T, string>>
  & { readonly pbanswer?: never };

/** An object whose reference the method accepts. */
export type Referrer<Target> = IsUntyped<Target> extends true ? Referenceable | Viewable
  : Target extends Referenceable ? Target
  : Target extends IPerspective ? AsReferenceable<Target>
  : IsSeenByUsers<Target> extends true ? (Target & Viewable) | ViewPoint<Target & object>
  : Implements<Target> & Referenceable;

/** What may be passed for a parameter: a value, or the result of a call that has not arrived yet. */
export type Passable<T> = IsUntyped<T> extends true ? unknown
  : Sendable<T> | PassedOnIfAny<Extract<Sendable<T>, RemoteReference | PlainValue>>;

/** A `RemotePromise` of a T, unless no value is a T. */
export type PassedOnIfAny<T> = [T] extends [never] ? never : PassedOn<T>;

/** A `RemotePromise` of a T, to be passed on. */
export type PassedOn<T> = PromiseLike<T> & { readonly [Symbol.toStringTag]: "RemotePromise" };

/** What may be passed for a list of parameters. */
export type PassableAll<Items extends readonly unknown[]> = IsArray<Items> extends true
  ? Passable<Items[number]>[]
  : { [Index in keyof Items]: Passable<Items[Index]> };

/**
 * The argument lists that may be sent: an optional parameter is passed or left out, since
 * `undefined` would arrive as null.
 */
export type SendableArgs<Args extends readonly unknown[]> = number extends Args["length"]
  ? PassableAll<Args>
  : Shortened<PassableAll<Required<Args>>, Args["length"]>;

/** A list and its prefixes, down to the given lengths. */
export type Shortened<Args extends readonly unknown[], Length> = Args["length"] extends Length
  ? Args | (Args extends readonly [...infer Fewer, unknown] ? Shortened<Fewer, Length> : never)
  : never;

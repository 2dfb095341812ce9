/**
 * The types that values have when they arrive at the other end.
 *
 * @module
 */

import type {
  Decimal,
  Float,
  FrozenSet,
  IJellyable,
  Method,
  Tuple,
  Unpersistable,
} from "../../jelly/mod.ts";
import type { AsReferenceable, IPerspective } from "./avatar.ts";
import type { RemoteCopy } from "./copyable.ts";
import type { Referenceable, Serializable } from "./referenceable.ts";
import type { RemoteReference } from "./remote_reference.ts";
import type { AnyMethod, IsUntyped, RemoteMethodName } from "./types.ts";
import type { NeverSent, Refused, Unsendable } from "./unsendable.ts";
import type { Viewable, ViewPoint } from "./view_point.ts";

/** Values that arrive as they were sent. */
export type Unchanged =
  | string
  | number
  | boolean
  | Decimal
  | Temporal.PlainDateTime
  | Temporal.PlainDate
  | Temporal.PlainTime
  | Temporal.Duration;

/**
 * What a value of type T arrives as at the other end.
 *
 * A `Copyable` or `Cacheable` arrives as the class that the receiver has registered, which no type
 * can know: its type is an object with its public fields, unless it declares what it arrives as, by
 * `declare readonly arrivesAs: ThatClass`. A `RemoteCopy` or `RemoteCache` in the description of a
 * peer names that class. `void` stays `void`, although the value is null. What cannot be sent, such
 * as a promise in a list, is an {@linkcode Unsendable} that says why.
 *
 * @example
 * ```ts
 * import type { Received, RemoteReference, Root } from "@perspective/broker/broker";
 *
 * type Order = Received<{ id: bigint; when: Date; note?: string; to: Root }>;
 *
 * function total(order: Order): string {
 *   const id: number | bigint = order.id;
 *   const when: Temporal.PlainDateTime = order.when;
 *   const note: string | null | undefined = order.note;
 *   const to: RemoteReference<Root> = order.to;
 *   return `${id} ${when} ${note} ${to.luid}`;
 * }
 * ```
 */
export type Received<T> = IsUntyped<T> extends true ? T
  : IsVoid<T> extends true ? void
  : T extends undefined | null | void ? null
  : T extends Unchanged ? T
  : T extends bigint ? number | bigint
  // Before the tests that look at fields: they say nothing of an array of a type parameter.
  : T extends readonly unknown[] ? ReceivedList<T>
  : T extends Float ? number
  : T extends Uint8Array ? Uint8Array
  : T extends Error ? ReceivedError<T>
  : T extends Date ? Temporal.PlainDateTime
  : T extends RemoteCopy ? T
  : T extends Arriving<infer There> ? There
  : T extends RemoteReference<infer Target> ? SentHome<Target>
  : T extends AsReferenceable<infer Target> | ViewPoint<infer Target> ? RemoteReference<Target>
  : T extends Referenceable | IPerspective ? RemoteReference<T>
  : T extends NeverSent ? Refused<T>
  : [RemoteMethodName<T>] extends [never] ? ReceivedCopy<T>
  : RemoteReference<T>;

/** Whether T is `void` alone: the result of a method that returns nothing. */
export type IsVoid<T> = [T, void] extends [void, T] ? true : false;

/**
 * An object that declares which class it arrives as at the other end. The field does not exist; it
 * is only declared.
 */
export interface Arriving<There> extends Serializable {
  /** For the compiler only. */
  readonly arrivesAs: There;
}

/** What an error arrives as that is a value, and not thrown. */
export type ReceivedError<T extends Error> = T extends IJellyable ? ReceivedFields<T>
  : Unsendable<"an error is not a value: throw it, or send failure2Copyable(error)">;

/** What a tuple or an array arrives as. */
export type ReceivedList<T extends readonly unknown[]> = T extends Tuple<infer Items>
  ? Tuple<ReceivedAll<Items>>
  : ReceivedAll<T>;

/** What a copied object arrives as: a container, or an object with fields. */
export type ReceivedCopy<T> = T extends ReadonlyMap<infer Key, infer Value>
  ? ReceivedMap<Received<Key>, Received<Value>>
  : T extends FrozenSet<infer Item> ? FrozenSet<Received<Item>>
  : T extends Set<infer Item> ? Set<Received<Item>>
  : T extends ReadonlySet<infer Item> ? ReadonlySet<Received<Item>>
  : ReceivedObject<T>;

/** What an object with fields arrives as. If it has methods, its class must say how it travels. */
export type ReceivedObject<T> = T extends IJellyable ? ReceivedFields<T>
  : T extends Iterable<unknown> ? Unsendable<"of several items, send an array: declare that">
  // As itself, so that the compiler shows its name.
  : [T[keyof T]] extends [Unchanged | null] ? T
  : Exclude<keyof T, symbol> extends keyof ReceivedFields<T> ? ReceivedFields<T>
  : T extends Unpersistable | Method ? T
  : Unsendable<"an object with methods must be Referenceable, Copyable or Cacheable: declare that">;

/** What the fields of an object arrive as. */
export type ReceivedFields<T> = { [Key in keyof T as FieldName<T, Key>]: Received<T[Key]> };

/** What an array or a list of parameters arrives as. */
export type ReceivedAll<Items extends readonly unknown[]> = IsArray<Items> extends true
  ? Items extends unknown[] ? Received<Items[number]>[] : readonly Received<Items[number]>[]
  : { [Index in keyof Items]: Received<Items[Index]> };

/**
 * Whether a type is an array of any length, rather than a tuple. If it were mapped item by item,
 * the compiler would never finish with an array whose items are such arrays themselves, as in JSON.
 */
export type IsArray<Items extends readonly unknown[]> = Items[number][] extends Items ? true
  : false;

/**
 * What a map arrives as: a plain object if every key is a string, else a `Map`. An empty map has no
 * key that is not a string.
 */
export type ReceivedMap<Key, Value> =
  | ReceivedRecord<Extract<Key, string>, Value>
  | ([Exclude<Key, string>] extends [never] ? never : Map<Key, Value>);

/** A plain object that was a map; if its keys are known, it need not have all of them. */
export type ReceivedRecord<Key extends string, Value> = [Key] extends [never]
  ? Record<string, never>
  : string extends Key ? Record<string, Value>
  : { [Name in Key]?: Value };

/** What a reference arrives as at the end that has its object. */
export type SentHome<T> = IsUntyped<T> extends true ? T
  : T extends Referenceable ? T
  : T extends IPerspective ? AsReferenceable<T>
  : T extends Viewable ? ViewPoint<T>
  : T;

/** The name of a field that can be sent; symbols and methods are excluded. */
export type FieldName<T, Key extends keyof T> = Key extends symbol ? never
  : [T[Key]] extends [never] ? Key
  : T[Key] extends AnyMethod ? never
  : Key;

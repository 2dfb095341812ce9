/**
 * The types of what cannot be sent, with hints for the compiler to show.
 *
 * @module
 */

import type { AnyClass } from "../../jelly/mod.ts";
import type { AnyMethod } from "./types.ts";

/**
 * Marks a parameter for which nothing can be sent that would arrive as the type that the method
 * expects, or a result that cannot be sent.
 */
export interface Unsendable<Why extends string> {
  /** Why that is so, and what the method could accept or return instead. */
  readonly unsendable: Why;
}

/** Values that have no form on the wire, although the compiler sees fields in some of them. */
export type NeverSent =
  | symbol
  | AnyMethod
  | AnyClass
  | PromiseLike<unknown>
  | ArrayBufferLike
  | ArrayBufferView
  | Blob
  | ReadableStream
  | AsyncIterable<unknown>
  | WritableStream
  | Request
  | Response
  | URL
  | URLSearchParams
  | RegExp
  | Temporal.Instant
  | Temporal.ZonedDateTime
  | Temporal.PlainYearMonth
  | Temporal.PlainMonthDay;

/** Says what to use instead of a value that has no form on the wire. */
export type Refused<T> = T extends symbol | AnyMethod | AnyClass
  ? Unsendable<"functions and symbols cannot be sent">
  : T extends PromiseLike<unknown>
    ? Unsendable<"a promise is not a value: declare what it resolves to">
  : T extends ReadableStream | AsyncIterable<unknown>
    ? Unsendable<"a stream is sent in pages: see StreamPager and docs/paging.md">
  : T extends ArrayBufferLike | ArrayBufferView
    ? Unsendable<"bytes arrive as a Uint8Array: declare that">
  : Unsendable<"it cannot be sent: declare a text or a plain object">;

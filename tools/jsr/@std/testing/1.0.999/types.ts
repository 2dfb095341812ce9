/**
 * Stand-in for the types of `@std/testing/types` that this project uses.
 *
 * @module
 */

/** Asserts that a type is `true`, when types are checked. */
export function assertType<T extends boolean>(_expectTrue: T): void {}

/** Is an error unless its parameter is `true`. */
export type AssertTrue<T extends true> = T extends true ? never : never;

/** Is an error unless its parameter is `false`. */
export type AssertFalse<T extends false> = T extends false ? never : never;

/** Whether two types are the very same; `any` equals only itself. */
export type IsExact<T, U> = Same<T, U> extends true ? true : Same<Flat<T>, Flat<U>>;

/** Whether a union holds a type. */
export type Has<T, U> = IsAny<T> extends true ? true
  : IsAny<U> extends true ? false
  : Extract<T, U> extends never ? false
  : true;

/** Whether a union does not hold a type. */
export type NotHas<T, U> = Has<T, U> extends false ? true : false;

/** Whether a type allows `null` or `undefined`. */
export type IsNullable<T> = Extract<T, null | undefined> extends never ? false : true;

/** Whether a type is `any`. */
export type IsAny<T> = 0 extends (1 & T) ? true : false;

/** Whether a type is `never`. */
export type IsNever<T> = [T] extends [never] ? true : false;

/** Whether a type is `unknown`. */
export type IsUnknown<T> = unknown extends T ? ([T] extends [null] ? false : true) : false;

/** Whether the compiler considers two types identical, as functions of a free parameter. */
type Same<T, U> = (<X>() => X extends T ? 1 : 2) extends (<X>() => X extends U ? 1 : 2) ? true
  : false;

/** An intersection of objects, written as one object. */
type Flat<T> = IsAny<T> extends true ? T
  : T extends (...args: never[]) => unknown ? T
  : T extends object ? { [K in keyof T]: Flat<T[K]> }
  : T;
